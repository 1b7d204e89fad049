"""What living nodes ask for: which authorities to trust, and their certificates anew.

They sign it with the key that they registered. Nodes of earlier releases send a
signing request instead, made with the key that they showed first for the purpose.
That is no word of a node which has signed once, or has said at its registration
that it does: who has the key of a certificate alone is not the node.
"""

import logging
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import webob
from sqlalchemy.orm import Session

from magnum.api import errors
from magnum.api.bootstrap import admission, signatures
from magnum.api.bootstrap.access import Node, Parts, argument, refused
from magnum.api.bootstrap.handlers import node_certificate, read_csr, sign
from magnum.api.bootstrap.registration import keys_of
from magnum.api.bootstrap.signed import SignedRequests
from magnum.db.repositories import bays, node_trust, nodes, operations
from magnum.db.selections import Row
from magnum.domain import reports, states
from magnum.drivers.contract import MASTER

LOG = logging.getLogger(__name__)

_SOON: Final = '5'  # seconds
_AUTHORITIES: Final = 'magnum/authorities'
_CERTIFICATES: Final = 'magnum/certificates'
_TRUSTS: Final = 'trusts'
_REQUESTS: Final = 'requests'
_FINGERPRINT: Final = re.compile(reports.FINGERPRINT)


class FollowingController:
    """What nodes that live are given, when the bay has other authorities and before."""

    def __init__(self, parts: Parts):
        self._parts = parts
        self._certificates = parts.certificates
        self._signed = SignedRequests(parts)

    def authorities(self, request: webob.Request, request_id: str, bay: str) -> dict[str, Any]:
        """POST of a registered node: what it is to trust; null if it does so already."""
        signer, document = self._signed.document(request, bay, _AUTHORITIES, _TRUSTS)
        trusts = document.get(_TRUSTS)
        if not isinstance(trusts, str) or not _FINGERPRINT.fullmatch(trusts):
            raise errors.invalid(_TRUSTS, '', 'A SHA-256, hexadecimal, is needed.')
        if not nodes.signs(signer.public_keys):
            with self._parts.writing() as session:
                _bind(session, signer)
        which = signer.bay_uuid, signer.role, signer.name
        return {'authorities': self._news(*which, trusts, True, request_id)}

    def certificates(self, request: webob.Request, request_id: str, bay: str) -> dict[str, Any]:
        """POST of a registered node: certificates anew, for all purposes that it needs.

        While the authority is rotated, and when those that it has will end.
        """
        signer, document = self._signed.document(request, bay, _CERTIFICATES, _REQUESTS)
        requests: Any = document.get(_REQUESTS)
        keys = keys_of(requests)
        if not keys:
            raise errors.invalid(_REQUESTS, '', 'At least one is needed.')

        def identify(session: Session, is_first: bool) -> Node:
            has = _bind(session, signer)
            row = bays.load(session, signer.bay_uuid)
            if row is None or not all(
                nodes.has_shown(has, purpose, key) for purpose, key in keys.items()
            ):
                raise refused()
            return Node(row, signer.role)

        return {
            'certificates': self._reissued(identify, signer.name, requests, True, request_id)
        }

    def trust(self, request: webob.Request, request_id: str, bay: str) -> str | None:
        """POST of a node of an earlier release: as ``authorities``."""
        name, purpose = argument(request, 'node'), argument(request, 'purpose')
        with self._parts.reading() as session:
            node = self._parts.by_key(session, bay, name, purpose, read_csr(request))
        return self._news(
            node.bay.uuid, node.role, name, argument(request, _TRUSTS),
            bool(argument(request, 'turns')), request_id,
        )

    def reissue(self, request: webob.Request, request_id: str, bay: str, purpose: str) -> str:
        """POST of a node of an earlier release: as ``certificates``, for one purpose."""
        name, csr = argument(request, 'node'), read_csr(request)

        def identify(session: Session, is_first: bool) -> Node:
            return self._parts.by_key(session, bay, name, purpose, csr, is_counted=is_first)

        renews = bool(argument(request, 'renews'))
        return self._reissued(identify, name, {purpose: csr}, renews, request_id)[purpose]

    def _news(
        self, bay_uuid: str, role: str, name: str, trusts: str, waits: bool, request_id: str
    ) -> str | None:
        """What a node is to trust; None if it does so already, which is written down.

        :param waits: a master that does, for its turn; those of some releases do not.
        :raises APIError: it is not its turn.
        """
        with self._parts.reading() as session:
            trusted = self._certificates.trusted(session, bay_uuid) or ''
            told = node_trust.told(session, bay_uuid, role, name)
        fingerprint = node_trust.fingerprint(trusted)
        if trusts != fingerprint:
            if role == MASTER and told is not None and waits:
                self._take_turn(bay_uuid, role, name, fingerprint)
            LOG.info('%s: authorities given to %s of bay %s', request_id, name, bay_uuid)
            return trusted
        if told not in (None, fingerprint):
            with self._parts.writing() as session:
                node_trust.confirm(session, bay_uuid, role, name, fingerprint)
            LOG.info('%s: %s of bay %s has followed', request_id, name, bay_uuid)
        return None

    def _take_turn(self, *which: str) -> None:
        """:raises APIError: another master of the bay is taking over other authorities."""
        with self._parts.writing() as session:
            if not node_trust.take_turn(session, *which):
                raise errors.APIError(
                    errors.bootstrap.NOT_YET,
                    'Another master is taking over what the bay trusts.',
                    {'Retry-After': _SOON},
                )

    def _reissued(
        self,
        identify: Callable[[Session, bool], Node],
        name: str,
        requests: Mapping[str, str],
        renews: bool,
        request_id: str,
    ) -> dict[str, str]:
        """Certificates of a node, by purpose: all that it asks for, or none.

        :param identify: says who asks, in a writing transaction; of the request it is told
            whether this is the first look at it.
        :param requests: signing requests, by purpose.
        :raises APIError: it may not have them, or not now.
        """
        confirmed = None
        while True:
            with self._parts.writing() as session:
                node = identify(session, confirmed is None)
                which = session, node.bay.uuid, node.role, name
                is_expected = _may_follow(session, node, name)
                if not is_expected and not all(
                    self._certificates.is_renewable(*which, purpose) for purpose in requests
                ):
                    raise refused()
                applicant = self._parts.applicant(session, node, name)
                certificates = {
                    purpose: node_certificate(applicant.driver, node.role, purpose)
                    for purpose in requests
                }
                addresses = admission.living(session, applicant, is_expected, confirmed)
                if addresses is not None:
                    return {
                        purpose: sign(
                            self._certificates, session, applicant, purpose, certificate,
                            addresses, requests[purpose], request_id, renews,
                        )
                        for purpose, certificate in certificates.items()
                    }
                owner = admission.owner_of_servers(session, node.bay.uuid)
            confirmed = self._parts.cloud.confirm(applicant, owner, is_living=True)


def _bind(session: Session, signer: Row) -> dict[str, str]:
    """The keys of who signed a request, of whom nothing else is taken from now on.

    :raises APIError: another server has its name by now, or its key opens nothing any more.
    """
    node = nodes.find(session, signer.bay_uuid, signer.role, signer.name, is_locked=True)
    key = signatures.fingerprint(signer.signing_key)
    if node is None or not nodes.has_shown(node.public_keys, signatures.PURPOSE, key):
        raise refused()
    if not nodes.signs(node.public_keys):
        nodes.bind(session, node, nodes.SIGNS, key)
    return node.public_keys


def _may_follow(session: Session, node: Node, name: str) -> bool:
    """Whether the bay is being given another authority, and the node is one of its own."""
    if operations.active_verb(session, node.bay.uuid) != states.ROTATE_CA:
        return False
    return node_trust.told(session, node.bay.uuid, node.role, name) is not None
