"""What nodes ask for: the bay's authority, and their certificates.

A WSGI application of its own, outside of Keystone's middleware, because nodes
hold no Keystone token. It is mounted at ``MOUNT_POINT`` and serves, POST only,
a node that is being built, whose header X-Bootstrap-Token stands in for one:

``/<bay uuid>/ca``
    the certificate of the bay's authority;
``/<bay uuid>/certificates/<purpose>?node=<name>``
    a certificate, for the signing request (PEM) in the body;

and a node that lives, whose signing request is made with the key that it
showed first for the purpose:

``/<bay uuid>/trust?node=<name>&purpose=<purpose>&trusts=<SHA-256>``
    the authorities that the bay trusts, or 204 if it trusts them already;
``/<bay uuid>/reissue/<purpose>?node=<name>``
    the certificate anew, while the bay is given another authority.

Whoever has no good token or key learns nothing: whatever is wrong with it or
with the bay, the answer is the same. Which node may have a certificate is the
question of :mod:`magnum.api.bootstrap.admission`.
"""

import contextlib
import dataclasses
import logging
import math
import re
import threading
import uuid
from collections.abc import Callable, Iterator
from typing import Final, Protocol

import webob
import webob.dec
from oslo_config import cfg
from sqlalchemy.orm import Session

from magnum.api import errors
from magnum.api.bootstrap import admission
from magnum.api.bootstrap.admission import Applicant, Standing
from magnum.api.bootstrap.rate_limits import RateLimiter, address_key
from magnum.api.http import faults
from magnum.certificates import errors as certificate_errors
from magnum.certificates.bootstrap import ROLES
from magnum.certificates.requests import MAX_PEM_LENGTH
from magnum.certificates.service import CertificateService, public_key_of
from magnum.clients.servers import Servers
from magnum.db import models
from magnum.db.repositories import bays, node_trust, nodes, operations
from magnum.domain import states, uuids
from magnum.domain.node_certificates import NodeAddresses, NodeCertificate
from magnum.drivers.contract import Driver

LOG = logging.getLogger(__name__)

MOUNT_POINT: Final = '/v1/bootstrap'

TOKEN_HEADER: Final = 'X-Bootstrap-Token'  # noqa: S105 - a name, not a token
_CA_PATH = re.compile(r'/(?P<bay>[^/]*)/ca')
_CERTIFICATE_PATH = re.compile(r'/(?P<bay>[^/]*)/certificates/(?P<purpose>[^/]+)')
_TRUST_PATH = re.compile(r'/(?P<bay>[^/]*)/trust')
_REISSUE_PATH = re.compile(r'/(?P<bay>[^/]*)/reissue/(?P<purpose>[^/]+)')
_UUID = re.compile(uuids.CANONICAL)
_NODE_NAME = re.compile(r'[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?')
#: Requests served at a time from addresses with too many failures, and the
#: seconds after which another one is worth a try.
_SUSPECTS_AT_ONCE: Final = 1
_SHORTLY: Final = 1.0
#: Answers that count as failures of an address. A token is verified before the
#: signing request is read; a key is the signing request's own.
_OF_TOKENS: Final = frozenset({errors.BOOTSTRAP_REFUSED})
_OF_KEYS: Final = _OF_TOKENS | {errors.INVALID_CSR, errors.TOO_LARGE}
# Asked of the database in place of what is no uuid, so that both take as long.
_NO_BAY = str(uuid.UUID(int=0))

SessionFactory = Callable[[], contextlib.AbstractContextManager[Session]]
DriverForBay = Callable[[models.Bay, models.Baymodel], Driver]


class Wakes(Protocol):
    """Tells conductors that there is work."""

    def send(self) -> None:
        """Return at once; the hint may get lost."""


@dataclasses.dataclass(frozen=True)
class _Node:
    """Who shows a good token, or a good key; a token names its operation."""

    bay: models.Bay
    role: str
    operation_uuid: str | None = None


def make_app(
    conf: cfg.ConfigOpts,
    writing: SessionFactory,
    reading: SessionFactory,
    certificates: CertificateService,
    driver_for_bay: DriverForBay,
    servers: Servers,
    wake_up: Wakes,
) -> Callable[..., object]:
    """The WSGI application to mount at ``MOUNT_POINT``.

    :param writing: gives a session in a transaction, which it commits at the
        end and rolls back on an error.
    :param reading: gives a session that nothing is written with.
    :param servers: asked about nodes that come for the first time.
    :param wake_up: told when an operation has to be failed.
    """
    bootstrap = _Bootstrap(
        conf, writing, reading, certificates, driver_for_bay, servers, wake_up
    )
    application: Callable[..., object] = webob.dec.wsgify(bootstrap.answer)
    return application


class _Bootstrap:
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
        self._is_enabled = conf.bootstrap.enabled
        self._failures = RateLimiter(conf.bootstrap.requests_per_minute)
        self._of_suspects = threading.Semaphore(_SUSPECTS_AT_ONCE)
        self._per_bay = RateLimiter(conf.bootstrap.requests_per_minute)
        self._writing = writing
        self._reading = reading
        self._certificates = certificates
        self._driver_for_bay = driver_for_bay
        # Other requests need threads while Nova is slow.
        self._cloud = admission.Cloud(servers, max(1, conf.api.threads // 2))
        self._wake_up = wake_up
        self._paths: tuple[
            tuple[re.Pattern[str], Callable[..., str | None], frozenset[errors.Kind]], ...
        ] = (
            (_CA_PATH, self._authority, _OF_TOKENS),
            (_CERTIFICATE_PATH, self._first_certificate, _OF_TOKENS),
            (_TRUST_PATH, self._trust, _OF_KEYS),
            (_REISSUE_PATH, self._reissue, _OF_KEYS),
        )

    def answer(self, request: webob.Request) -> webob.Response:
        """The answer to any request, errors included."""
        request_id = request.environ.get('openstack.request_id') or f'req-{uuid.uuid4()}'
        try:
            return _pem_response(self._route(request, request_id))
        except errors.APIError as error:
            LOG.info(
                '%s: node at %s: %s %s',
                request_id,
                request.remote_addr,
                error.kind.status,
                error.kind.code,
            )
            return _error_response(error, request_id)
        except Exception as fault:
            what = f'{request_id}: a node at {request.remote_addr} cannot be served.'
            return _error_response(faults.told(fault, what), request_id)

    def _route(self, request: webob.Request, request_id: str) -> str | None:
        """The PEM text asked for; None when there is nothing new.

        :raises APIError: for everything that is wrong with the request.
        """
        # Not request.path_info, which fails on what is not UTF-8.
        path = request.environ.get('PATH_INFO', '')
        matches = (
            (form.fullmatch(path), serve, failing) for form, serve, failing in self._paths
        )
        match, serve, failing = next(
            (found for found in matches if found[0]), (None, self._authority, _OF_TOKENS)
        )
        if not (match and self._is_enabled):
            raise errors.APIError(errors.NO_SUCH_PATH, 'Nothing is served at this path.')
        if request.method != 'POST':
            raise errors.APIError(
                errors.METHOD_NOT_ALLOWED, 'Only POST is served here.', {'Allow': 'POST'}
            )
        with self._guarded(address_key(request.remote_addr or ''), failing):
            return serve(request=request, request_id=request_id, **match.groupdict())

    @contextlib.contextmanager
    def _guarded(self, address: str, failing: frozenset[errors.Kind]) -> Iterator[None]:
        """Bound what guessing from an address costs, without locking out good tokens there.

        Nodes often share their router's or a proxy's address with strangers:
        from one with too many failures, few requests are served at a time.

        :param failing: answers to who has shown no good token or key.
        :raises APIError: BOOTSTRAP_TOO_MANY.
        """
        seconds = self._failures.seconds_to_wait(address, count=False)
        if not seconds:
            with self._counted(address, failing):
                yield
            return
        if not self._of_suspects.acquire(blocking=False):
            raise _too_many(_SHORTLY)
        try:
            yield
        except errors.APIError as error:
            if error.kind in failing:
                raise _too_many(seconds) from None
            raise
        finally:
            self._of_suspects.release()

    @contextlib.contextmanager
    def _counted(self, address: str, failing: frozenset[errors.Kind]) -> Iterator[None]:
        """Count the request against its address if it shows no good token or key."""
        try:
            yield
        except errors.APIError as error:
            if error.kind in failing:
                self._failures.seconds_to_wait(address)
            raise

    def _authority(self, request: webob.Request, request_id: str, bay: str) -> str:
        with self._reading() as session:
            node = self._by_token(session, bay, request)
            pem = self._certificates.trusted(session, node.bay.uuid)
        if pem is None:
            raise _not_ready(certificate_errors.AuthorityMissing(node.bay.uuid))
        LOG.info('%s: authority given to a %s of bay %s', request_id, node.role, node.bay.uuid)
        return pem

    def _first_certificate(
        self, request: webob.Request, request_id: str, bay: str, purpose: str
    ) -> str:
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
                    session, applicant, operation, purpose, _key_of(csr), confirmed
                )
                if standing is Standing.ADMITTED:
                    return self._signed(
                        session, applicant, purpose, certificate, addresses, csr, request_id
                    )
                owner = admission.owner_of_servers(session, applicant.bay.uuid)
            if standing is Standing.CONFLICT:
                self._fail_operation(applicant, operation.uuid)
                raise errors.APIError(
                    errors.BOOTSTRAP_IDENTITY_CONFLICT,
                    f'Another key was shown for {applicant.name} before.',
                )
            confirmed = self._cloud.confirm(applicant, owner)

    def _fail_operation(self, applicant: Applicant, operation_uuid: str) -> None:
        with self._writing() as session:
            admission.record_conflict(session, self._certificates, applicant, operation_uuid)
        self._wake_up.send()

    def _trust(self, request: webob.Request, request_id: str, bay: str) -> str | None:
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

    def _reissue(self, request: webob.Request, request_id: str, bay: str, purpose: str) -> str:
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
        """:raises APIError: BOOTSTRAP_REFUSED, whatever the reason."""
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
        """:raises APIError: BOOTSTRAP_REFUSED, or INVALID_CSR for what is none."""
        known_form = bay_uuid if _UUID.fullmatch(bay_uuid) else _NO_BAY
        try:
            role = self._certificates.role_of_node(session, known_form, name, purpose, csr)
        except certificate_errors.InvalidCSR as error:
            raise errors.APIError(errors.INVALID_CSR, str(error)) from None
        return self._node(session, known_form, role, None, is_counted)

    def _node(
        self,
        session: Session,
        bay_uuid: str,
        role: str | None,
        operation_uuid: str | None,
        is_counted: bool,
    ) -> _Node:
        bay = bays.load(session, bay_uuid, is_locked=False)
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
        try:
            issued = self._certificates.sign_node_csr(
                session, bay.uuid, applicant.role, applicant.name, purpose, certificate,
                addresses, csr,
            )
        except certificate_errors.InvalidCSR as error:
            raise errors.APIError(errors.INVALID_CSR, str(error)) from None
        except (
            certificate_errors.AuthorityMissing,
            certificate_errors.AuthorityExpired,
        ) as error:
            raise _not_ready(error) from None
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
            errors.BOOTSTRAP_PURPOSE_REFUSED, f'A {role} may not have this certificate.'
        )
    raise errors.APIError(
        errors.BOOTSTRAP_UNKNOWN_PURPOSE, 'No node has a certificate of this purpose.'
    )


def _limit(limiter: RateLimiter, key: str) -> None:
    """:raises APIError: BOOTSTRAP_TOO_MANY, saying when to come again."""
    seconds = limiter.seconds_to_wait(key)
    if seconds:
        raise _too_many(seconds)


def _too_many(seconds: float) -> errors.APIError:
    retry_after = str(math.ceil(seconds))
    return errors.APIError(
        errors.BOOTSTRAP_TOO_MANY, 'Too many requests.', {'Retry-After': retry_after}
    )


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
            errors.BOOTSTRAP_INVALID_NODE,
            'The argument "node" is the name of the node: at most 253 lower-case letters, '
            'digits, dots and hyphens, letters or digits at both ends.',
        )
    return name


def _key_of(csr: str) -> str:
    """:raises APIError: INVALID_CSR."""
    try:
        return public_key_of(csr)
    except certificate_errors.InvalidCSR as error:
        raise errors.APIError(errors.INVALID_CSR, str(error)) from None


def _read_csr(request: webob.Request) -> str:
    body: bytes = request.body_file.read(MAX_PEM_LENGTH + 1)
    if len(body) > MAX_PEM_LENGTH:
        raise errors.APIError(errors.TOO_LARGE, f'The body is longer than {MAX_PEM_LENGTH} bytes.')
    # PEM is ASCII; what is not makes the text no PEM, and is refused as such.
    return body.decode('ascii', 'replace')


def _refused() -> errors.APIError:
    return errors.APIError(
        errors.BOOTSTRAP_REFUSED, 'The bootstrap token or key opens nothing here.'
    )


def _not_ready(reason: certificate_errors.CertificateError) -> errors.APIError:
    return errors.APIError(errors.CERTIFICATE_NOT_READY, str(reason))


def _pem_response(pem: str | None) -> webob.Response:
    if pem is None:
        return webob.Response(status=204, cache_control='no-store')
    return webob.Response(
        body=pem.encode(), content_type='application/x-pem-file', cache_control='no-store'
    )


def _error_response(error: errors.APIError, request_id: str) -> webob.Response:
    response = webob.Response(
        status=error.kind.status,
        body=errors.body(error, request_id, for_old_clients=False),
        content_type='application/json',
        charset='UTF-8',
    )
    response.headers.update(error.headers)
    return response
