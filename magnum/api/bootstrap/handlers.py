"""What nodes ask for: the bay's authority, and their certificates.

A node that is being built shows the token in the header X-Bootstrap-Token; a
node that lives sends a signing request made with the key that it showed first
for the purpose. Whoever has no good token or key learns nothing: whatever is
wrong with it or with the bay, the answer is the same. Which node may have a
certificate is the question of :mod:`magnum.api.bootstrap.admission`. What the
layers below refuse, :mod:`magnum.api.requests.refusals` tells.
"""

import contextlib
import dataclasses
import logging
import re
import uuid
from collections.abc import Callable
from typing import Final

import webob
from oslo_config import cfg
from sqlalchemy.orm import Session

from magnum.api import errors
from magnum.api.bootstrap import admission
from magnum.api.bootstrap.admission import Applicant, Standing
from magnum.api.bootstrap.rate_limits import RateLimiter, too_many
from magnum.api.services import Services, Wakes
from magnum.certificates.bootstrap import ROLES
from magnum.certificates.errors import AuthorityMissing
from magnum.certificates.requests import MAX_PEM_LENGTH
from magnum.certificates.service import CertificateService, public_key_of
from magnum.clients.servers import Servers
from magnum.db import models
from magnum.db.repositories import bays, node_trust, nodes, operations
from magnum.domain import states, uuids
from magnum.domain.node_certificates import NodeAddresses, NodeCertificate
from magnum.drivers.contract import Driver

LOG = logging.getLogger(__name__)

TOKEN_HEADER: Final = 'X-Bootstrap-Token'  # noqa: S105 - a name, not a token
_UUID = re.compile(uuids.CANONICAL)
_NODE_NAME = re.compile(r'[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?')
# Asked of the database in place of what is no uuid, so that both take as long.
_NO_BAY = str(uuid.UUID(int=0))

SessionFactory = Callable[[], contextlib.AbstractContextManager[Session]]
DriverForBay = Callable[[models.Bay, models.Baymodel], Driver]


@dataclasses.dataclass(frozen=True)
class _Node:
    """Who shows a good token, or a good key; a token names its operation."""

    bay: models.Bay
    role: str
    operation_uuid: str | None = None


class BootstrapController:
    """What nodes are served by.

    :param writing: gives a session in a transaction, which it commits at the
        end and rolls back on an error.
    :param reading: gives a session that nothing is written with.
    :param servers: asked about nodes that come for the first time.
    :param wake_up: told when an operation has to be failed.
    """

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        writing: SessionFactory,
        reading: SessionFactory,
        certificates: CertificateService,
        driver_for_bay: DriverForBay,
        servers: Servers,
        wake_up: Wakes,
    ):
        self._per_bay = RateLimiter(conf.bootstrap.requests_per_minute)
        self._writing = writing
        self._reading = reading
        self._certificates = certificates
        self._driver_for_bay = driver_for_bay
        # Other requests need threads while Nova is slow.
        self._cloud = admission.Cloud(servers, max(1, conf.api.threads // 2))
        self._wake_up = wake_up

    @classmethod
    def of(cls, services: Services) -> 'BootstrapController':
        """The one that works with the services of this process."""
        drivers = services.drivers

        def driver_for_bay(bay: models.Bay, baymodel: models.Baymodel) -> Driver:
            if bay.driver:
                return drivers.by_name(bay.driver)
            return drivers.choose(baymodel.server_type, baymodel.cluster_distro, baymodel.coe)

        return cls(
            services.conf, services.database.writing, services.database.reading,
            services.certificates, driver_for_bay, Servers(services.conf), services.wake_up,
        )

    def authority(self, request: webob.Request, request_id: str, bay: str) -> str:
        """POST of a node that is built: the certificate of the bay's authority."""
        with self._reading() as session:
            node = self._by_token(session, bay, request)
            pem = self._certificates.trusted(session, node.bay.uuid)
        if pem is None:
            raise AuthorityMissing(node.bay.uuid)
        LOG.info('%s: authority given to a %s of bay %s', request_id, node.role, node.bay.uuid)
        return pem

    def certificate(
        self, request: webob.Request, request_id: str, bay: str, purpose: str
    ) -> str:
        """POST of a node that is built: a certificate, for its signing request."""
        csr, confirmed = None, None
        while True:
            with self._writing() as session:
                node = self._by_token(session, bay, request, is_counted=confirmed is None)
                operation = operations.load(session, node.operation_uuid)
                if operation is None:
                    raise _refused()
                applicant = self._applicant(session, node, _node_name(request))
                if not admission.is_to_be_built(session, applicant, operation):
                    raise admission.refused(applicant.name)
                certificate = _node_certificate(applicant.driver, node.role, purpose)
                csr = _read_csr(request) if csr is None else csr
                standing, addresses = admission.judge(
                    session, applicant, operation, purpose, public_key_of(csr), confirmed
                )
                if standing is Standing.ADMITTED:
                    return self._signed(
                        session, applicant, purpose, certificate, addresses, csr, request_id
                    )
                owner = admission.owner_of_servers(session, applicant.bay.uuid)
            if standing is Standing.CONFLICT:
                self._fail_operation(applicant, operation.uuid)
                raise errors.APIError(
                    errors.bootstrap.IDENTITY_CONFLICT,
                    f'Another key was shown for {applicant.name} before.',
                )
            confirmed = self._cloud.confirm(applicant, owner)

    def _fail_operation(self, applicant: Applicant, operation_uuid: str) -> None:
        with self._writing() as session:
            admission.record_conflict(session, self._certificates, applicant, operation_uuid)
        self._wake_up.send()

    def trust(self, request: webob.Request, request_id: str, bay: str) -> str | None:
        """POST of a node that lives: what it is to trust, unless it does so already."""
        name, purpose = _argument(request, 'node'), _argument(request, 'purpose')
        with self._reading() as session:
            node = self._by_key(session, bay, name, purpose, _read_csr(request))
            trusted = self._certificates.trusted(session, node.bay.uuid) or ''
            told = node_trust.told(session, node.bay.uuid, node.role, name)
        fingerprint = node_trust.fingerprint(trusted)
        if _argument(request, 'trusts') != fingerprint:
            LOG.info('%s: authorities given to %s of bay %s', request_id, name, node.bay.uuid)
            return trusted
        if told not in (None, fingerprint):
            with self._writing() as session:
                node_trust.confirm(session, node.bay.uuid, node.role, name, fingerprint)
            LOG.info('%s: %s of bay %s has followed', request_id, name, node.bay.uuid)
        return None

    def reissue(self, request: webob.Request, request_id: str, bay: str, purpose: str) -> str:
        """POST of a node that lives: its certificate anew, while the authority is rotated."""
        name, csr = _argument(request, 'node'), _read_csr(request)
        confirmed = None
        while True:
            with self._writing() as session:
                node = self._by_key(
                    session, bay, name, purpose, csr, is_counted=confirmed is None
                )
                if not _may_follow(session, node, name):
                    raise _refused()
                applicant = self._applicant(session, node, name)
                certificate = _node_certificate(applicant.driver, node.role, purpose)
                known = nodes.find(session, node.bay.uuid, node.role, name)
                if known is not None:
                    addresses = nodes.addresses_of(known)
                elif confirmed is not None:
                    addresses = admission.adopt(session, applicant, confirmed)
                if known is not None or confirmed is not None:
                    return self._signed(
                        session, applicant, purpose, certificate, addresses, csr, request_id
                    )
                owner = admission.owner_of_servers(session, node.bay.uuid)
            confirmed = self._cloud.confirm(applicant, owner, is_living=True)

    def _by_token(
        self, session: Session, bay_uuid: str, request: webob.Request, is_counted: bool = True
    ) -> _Node:
        """:raises APIError: bootstrap.REFUSED, whatever the reason."""
        known_form = bay_uuid if _UUID.fullmatch(bay_uuid) else _NO_BAY
        token = request.headers.get(TOKEN_HEADER, '')
        shown = self._certificates.tokens.verify(session, known_form, token)
        if shown is None:
            return self._node(session, known_form, None, None, is_counted)
        return self._node(session, known_form, shown.role, shown.operation_uuid, is_counted)

    def _by_key(
        self,
        session: Session,
        bay_uuid: str,
        name: str,
        purpose: str,
        csr: str,
        is_counted: bool = True,
    ) -> _Node:
        """:raises APIError: bootstrap.REFUSED.

        :raises InvalidCSR: the signing request is none.
        """
        known_form = bay_uuid if _UUID.fullmatch(bay_uuid) else _NO_BAY
        role = self._certificates.role_of_node(session, known_form, name, purpose, csr)
        return self._node(session, known_form, role, None, is_counted)

    def _node(
        self,
        session: Session,
        bay_uuid: str,
        role: str | None,
        operation_uuid: str | None,
        is_counted: bool,
    ) -> _Node:
        bay = bays.load(session, bay_uuid)
        if role is None or bay is None:
            raise _refused()
        if is_counted:
            # Only now: a stranger must not use up a bay's share.
            _limit(self._per_bay, bay.uuid)
        return _Node(bay, role, operation_uuid)

    def _applicant(self, session: Session, node: _Node, name: str) -> Applicant:
        return Applicant(node.bay, node.role, name, self._driver(session, node.bay))

    def _signed(
        self,
        session: Session,
        applicant: Applicant,
        purpose: str,
        certificate: NodeCertificate,
        addresses: NodeAddresses,
        csr: str,
        request_id: str,
    ) -> str:
        bay = applicant.bay
        issued = self._certificates.sign_node_csr(
            session, bay.uuid, applicant.role, applicant.name, purpose, certificate, addresses,
            csr,
        )
        LOG.info(
            '%s: certificate %s (%s) given to the %s %s of bay %s',
            request_id, issued.serial, purpose, applicant.role, applicant.name, bay.uuid,
        )
        return issued.pem

    def _driver(self, session: Session, bay: models.Bay) -> Driver:
        return self._driver_for_bay(*bays.with_baymodel(session, bay.uuid))


def _node_certificate(driver: Driver, role: str, purpose: str) -> NodeCertificate:
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


def _limit(limiter: RateLimiter, key: str) -> None:
    """:raises APIError: bootstrap.TOO_MANY, saying when to come again."""
    seconds = limiter.seconds_to_wait(key)
    if seconds:
        raise too_many(seconds)


def _may_follow(session: Session, node: _Node, name: str) -> bool:
    """Whether the bay is being given another authority, and the node is one of its own."""
    if operations.active_verb(session, node.bay.uuid) != states.ROTATE_CA:
        return False
    return node_trust.told(session, node.bay.uuid, node.role, name) is not None


def _argument(request: webob.Request, name: str) -> str:
    """An argument of the URL; empty when it is missing or no text."""
    try:
        return str(request.GET.get(name, ''))
    except UnicodeDecodeError:
        return ''


def _node_name(request: webob.Request) -> str:
    name = _argument(request, 'node')
    if not _NODE_NAME.fullmatch(name):
        raise errors.APIError(
            errors.bootstrap.INVALID_NODE,
            'The argument "node" is the name of the node: at most 253 lower-case letters, '
            'digits, dots and hyphens, letters or digits at both ends.',
        )
    return name


def _read_csr(request: webob.Request) -> str:
    body: bytes = request.body_file.read(MAX_PEM_LENGTH + 1)
    if len(body) > MAX_PEM_LENGTH:
        raise errors.APIError(
            errors.requests.TOO_LARGE, f'The body is longer than {MAX_PEM_LENGTH} bytes.'
        )
    # PEM is ASCII; what is not makes the text no PEM, and is refused as such.
    return body.decode('ascii', 'replace')


def _refused() -> errors.APIError:
    return errors.APIError(
        errors.bootstrap.REFUSED, 'The bootstrap token or key opens nothing here.'
    )
