"""Registration of nodes: the key that they sign with, and all their certificates at once.

Who may register is the question of :mod:`magnum.api.bootstrap.admission`, as it
is for single certificates: the signing key is one more purpose, whose first key
counts.
"""

import dataclasses
import functools
import logging
from collections.abc import Mapping
from typing import Any, Final

import webob
from sqlalchemy.orm import Session

from magnum.api import errors
from magnum.api.bootstrap import admission, failing, signatures
from magnum.api.bootstrap.access import (
    LONGEST,
    Parts,
    argument,
    body,
    json_of,
    node_name,
    refused,
)
from magnum.api.bootstrap.admission import Applicant, Confirmed, Standing
from magnum.api.bootstrap.handlers import node_certificate
from magnum.certificates.errors import InvalidCSR
from magnum.certificates.service import public_key_of
from magnum.db import models
from magnum.db.repositories import nodes, operations
from magnum.domain import reports
from magnum.domain.node_certificates import NodeCertificate
from magnum.drivers.contract import MASTER

LOG = logging.getLogger(__name__)

MOST_REQUESTS: Final = 20
#: Seconds until the first report.
_SOON: Final = 5
_MEMBERS: Final = ('public_key', 'requests')


@dataclasses.dataclass(frozen=True)
class _Registration:
    """What a node shows.

    :ivar signing_key: as :func:`signatures.public_key` keeps it.
    :ivar requests: signing requests, by purpose.
    :ivar keys: fingerprints of all keys, by purpose.
    :ivar renews: the node renews its certificates by itself.
    """

    signing_key: str
    requests: Mapping[str, str]
    keys: Mapping[str, str]
    renews: bool


class RegistrationController:
    """What makes a server known as a node, or says why it cannot be."""

    def __init__(self, parts: Parts):
        self._parts = parts
        self._certificates = parts.certificates

    def register(self, request: webob.Request, request_id: str, bay: str) -> dict[str, Any]:
        """POST of a node that is built: its signing key, and requests for its certificates."""
        # The body can be read once, and the transaction may be repeated.
        read = functools.cache(lambda: _read(request))

        def attempt(
            session: Session,
            applicant: Applicant,
            operation: models.Operation,
            confirmed: Confirmed | None,
        ) -> dict[str, Any] | Standing:
            shown = read()
            certificates = {
                purpose: node_certificate(applicant.driver, applicant.role, purpose)
                for purpose in shown.requests
            }
            standing = _judged(session, applicant, operation, shown, confirmed)
            if standing is not Standing.ADMITTED:
                return standing
            return self._registered(session, applicant, shown, certificates, request_id)

        return self._parts.admit(request, bay, attempt)

    def failure(self, request: webob.Request, request_id: str, bay: str) -> dict[str, Any]:
        """POST of a node that is built: why its boot ended before it was registered.

        Whoever has the token could as well have the operation fail by a second key.
        """
        with self._parts.writing() as session:
            node = self._parts.by_token(session, bay, request)
            operation = operations.load(session, node.operation_uuid)
            if operation is None:
                raise refused()
            applicant = self._parts.applicant(session, node, node_name(request))
            if not admission.is_to_be_built(session, applicant, operation):
                raise admission.refused(applicant.name)
            known = nodes.find(session, bay, node.role, applicant.name)
            if known is not None and known.operation_uuid == operation.uuid:
                raise refused()     # it can sign what it has to say
            said = reports.failure(json_of(body(request, LONGEST)))
            failing.record_failure(
                session, applicant.bay.uuid, None, applicant.name, operation.uuid, said
            )
        LOG.warning('%s: %s of bay %s failed before it was registered', request_id,
                    applicant.name, bay)
        self._parts.wake_up.send()
        return {}

    def _registered(
        self,
        session: Session,
        applicant: Applicant,
        shown: _Registration,
        certificates: Mapping[str, NodeCertificate],
        request_id: str,
    ) -> dict[str, Any]:
        bay_uuid, role, name = applicant.bay.uuid, applicant.role, applicant.name
        node = nodes.find(session, bay_uuid, role, name, is_locked=True)
        if node is None:    # it has just been judged
            raise refused()
        nodes.let_report(session, node, shown.signing_key)
        issued = {
            purpose: self._certificates.sign_node_csr(
                session, bay_uuid, role, name, purpose, certificate, nodes.addresses_of(node),
                shown.requests[purpose], shown.renews,
            ).pem
            for purpose, certificate in certificates.items()
        }
        LOG.info(
            '%s: the %s %s of bay %s is registered, and has certificates for: %s',
            request_id, role, name, bay_uuid, ', '.join(issued) or 'nothing',
        )
        answer = {
            'authorities': self._certificates.trusted(session, bay_uuid),
            'certificates': issued,
            'next': _SOON,
        }
        if role == MASTER and applicant.driver.wants_encryption_key:
            answer['encryption_key'] = self._certificates.encryption_key(session, bay_uuid)
        return answer


def _judged(
    session: Session,
    applicant: Applicant,
    operation: models.Operation,
    shown: _Registration,
    confirmed: Confirmed | None,
) -> Standing:
    """Whether every key that is shown may be bound, and the first that may not."""
    for purpose, key in shown.keys.items():
        standing, _ = admission.judge(session, applicant, operation, purpose, key, confirmed)
        if standing is not Standing.ADMITTED:
            return standing
    return Standing.ADMITTED


def _read(request: webob.Request) -> _Registration:
    """:raises APIError: naming the member that is not of the form."""
    document = json_of(body(request, LONGEST))
    for name in document.keys() - set(_MEMBERS):
        raise errors.invalid(name, '', 'There is no such member.')
    for name in _MEMBERS:
        if name not in document:
            raise errors.invalid(name, '', 'It is missing.')
    requests = document['requests']
    shown = keys_of(requests)
    try:
        key = signatures.public_key(str(document['public_key']))
    except signatures.InvalidKey:
        raise errors.invalid('public_key', '', 'It is the PEM of a P-256 public key.') from None
    own = [signatures.PURPOSE, *([nodes.SIGNS] if argument(request, 'signs') else [])]
    return _Registration(
        key, requests, {**dict.fromkeys(own, signatures.fingerprint(key)), **shown},
        bool(argument(request, 'renews')),
    )


def keys_of(requests: Any) -> dict[str, str]:
    """Fingerprints of the keys of signing requests, which a body has by purpose.

    :raises APIError: naming what is no signing request.
    """
    if not isinstance(requests, dict) or len(requests) > MOST_REQUESTS:
        raise errors.invalid('requests', '', f'An object of at most {MOST_REQUESTS} members.')
    return {purpose: _key_of(purpose, csr) for purpose, csr in requests.items()}


def _key_of(purpose: str, csr: Any) -> str:
    try:
        return public_key_of(csr if isinstance(csr, str) else '')
    except InvalidCSR as error:
        raise errors.APIError(
            errors.certificates.INVALID_CSR, str(error),
            source=errors.pointer(f'requests/{purpose}'),
        ) from None
