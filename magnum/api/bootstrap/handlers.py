"""What nodes ask for: the bay's authority, and their certificates.

A node that is being built shows the token in the header X-Bootstrap-Token; a
node that lives sends a signing request made with the key that it showed first
for the purpose. Whoever has no good token or key learns nothing: whatever is
wrong with it or with the bay, the answer is the same. Which node may have a
certificate is the question of :mod:`magnum.api.bootstrap.admission`. What the
layers below refuse, :mod:`magnum.api.requests.refusals` tells.
"""

import functools
import logging
from typing import Final

import webob
from sqlalchemy.orm import Session

from magnum.api import errors
from magnum.api.bootstrap import admission
from magnum.api.bootstrap.access import Node, Parts, argument, body, refused
from magnum.api.bootstrap.admission import Applicant, Confirmed, Standing
from magnum.certificates.bootstrap import ROLES
from magnum.certificates.errors import AuthorityMissing
from magnum.certificates.requests import MAX_PEM_LENGTH
from magnum.certificates.service import public_key_of
from magnum.db import models
from magnum.db.repositories import node_trust, operations
from magnum.domain import states
from magnum.domain.node_certificates import NodeAddresses, NodeCertificate
from magnum.drivers.contract import MASTER, Driver

LOG = logging.getLogger(__name__)

_SOON: Final = '5'  # seconds


class BootstrapController:
    """What nodes are given: authorities and certificates."""

    def __init__(self, parts: Parts):
        self._parts = parts
        self._certificates = parts.certificates

    def authority(self, request: webob.Request, request_id: str, bay: str) -> str:
        """POST of a node that is built: the certificate of the bay's authority."""
        with self._parts.reading() as session:
            node = self._parts.by_token(session, bay, request)
            pem = self._certificates.trusted(session, node.bay.uuid)
        if pem is None:
            raise AuthorityMissing(node.bay.uuid)
        LOG.info('%s: authority given to a %s of bay %s', request_id, node.role, node.bay.uuid)
        return pem

    def certificate(
        self, request: webob.Request, request_id: str, bay: str, purpose: str
    ) -> str:
        """POST of a node that is built: a certificate, for its signing request."""
        # The body can be read once, and the transaction may be repeated.
        read = functools.cache(lambda: _read_csr(request))

        def attempt(
            session: Session,
            applicant: Applicant,
            operation: models.Operation,
            confirmed: Confirmed | None,
        ) -> str | Standing:
            certificate = node_certificate(applicant.driver, applicant.role, purpose)
            csr = read()
            standing, addresses = admission.judge(
                session, applicant, operation, purpose, public_key_of(csr), confirmed
            )
            if standing is not Standing.ADMITTED:
                return standing
            return self._signed(
                session, applicant, purpose, certificate, addresses, csr, request_id,
                bool(argument(request, 'renews')),
            )

        return self._parts.admit(request, bay, attempt)

    def trust(self, request: webob.Request, request_id: str, bay: str) -> str | None:
        """POST of a node that lives: what it is to trust, unless it does so already."""
        name, purpose = argument(request, 'node'), argument(request, 'purpose')
        with self._parts.reading() as session:
            node = self._parts.by_key(session, bay, name, purpose, _read_csr(request))
            trusted = self._certificates.trusted(session, node.bay.uuid) or ''
            told = node_trust.told(session, node.bay.uuid, node.role, name)
        fingerprint = node_trust.fingerprint(trusted)
        if argument(request, 'trusts') != fingerprint:
            # Those of earlier releases do not wait.
            if node.role == MASTER and told is not None and argument(request, 'turns'):
                self._take_turn(node, name, fingerprint)
            LOG.info('%s: authorities given to %s of bay %s', request_id, name, node.bay.uuid)
            return trusted
        if told not in (None, fingerprint):
            with self._parts.writing() as session:
                node_trust.confirm(session, node.bay.uuid, node.role, name, fingerprint)
            LOG.info('%s: %s of bay %s has followed', request_id, name, node.bay.uuid)
        return None

    def _take_turn(self, node: Node, name: str, fingerprint: str) -> None:
        """:raises APIError: another master of the bay is taking over other authorities."""
        which = node.bay.uuid, node.role, name
        with self._parts.writing() as session:
            if not node_trust.take_turn(session, *which, fingerprint):
                raise errors.APIError(
                    errors.bootstrap.NOT_YET,
                    'Another master is taking over what the bay trusts.',
                    {'Retry-After': _SOON},
                )

    def reissue(self, request: webob.Request, request_id: str, bay: str, purpose: str) -> str:
        """POST of a node that lives: its certificate anew.

        While the authority is rotated, and when the one that it has will end.
        """
        name, csr = argument(request, 'node'), _read_csr(request)
        confirmed = None
        while True:
            with self._parts.writing() as session:
                node = self._parts.by_key(
                    session, bay, name, purpose, csr, is_counted=confirmed is None
                )
                which = session, node.bay.uuid, node.role, name
                is_expected = _may_follow(session, node, name)
                if not is_expected and not self._certificates.is_renewable(*which, purpose):
                    raise refused()
                applicant = self._parts.applicant(session, node, name)
                certificate = node_certificate(applicant.driver, node.role, purpose)
                addresses = admission.living(session, applicant, is_expected, confirmed)
                if addresses is not None:
                    return self._signed(
                        session, applicant, purpose, certificate, addresses, csr, request_id,
                        bool(argument(request, 'renews')),
                    )
                owner = admission.owner_of_servers(session, node.bay.uuid)
            confirmed = self._parts.cloud.confirm(applicant, owner, is_living=True)

    def _signed(
        self,
        session: Session,
        applicant: Applicant,
        purpose: str,
        certificate: NodeCertificate,
        addresses: NodeAddresses,
        csr: str,
        request_id: str,
        renews: bool,
    ) -> str:
        bay = applicant.bay
        issued = self._certificates.sign_node_csr(
            session, bay.uuid, applicant.role, applicant.name, purpose, certificate, addresses,
            csr, renews,
        )
        LOG.info(
            '%s: certificate %s (%s) given to the %s %s of bay %s',
            request_id, issued.serial, purpose, applicant.role, applicant.name, bay.uuid,
        )
        return issued.pem


def node_certificate(driver: Driver, role: str, purpose: str) -> NodeCertificate:
    """What the driver says of a purpose, for nodes of this role."""
    certificate = driver.node_certificates(role).get(purpose)
    if certificate is not None:
        return certificate
    if any(purpose in driver.node_certificates(other) for other in ROLES):
        raise errors.APIError(
            errors.bootstrap.PURPOSE_REFUSED, f'A {role} may not have this certificate.'
        )
    raise errors.APIError(
        errors.bootstrap.UNKNOWN_PURPOSE, 'No node has a certificate of this purpose.'
    )


def _may_follow(session: Session, node: Node, name: str) -> bool:
    """Whether the bay is being given another authority, and the node is one of its own."""
    if operations.active_verb(session, node.bay.uuid) != states.ROTATE_CA:
        return False
    return node_trust.told(session, node.bay.uuid, node.role, name) is not None


def _read_csr(request: webob.Request) -> str:
    # PEM is ASCII; what is not makes the text no PEM, and is refused as such.
    return body(request, MAX_PEM_LENGTH).decode('ascii', 'replace')
