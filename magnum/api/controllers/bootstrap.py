"""What a node that is being built asks for: the authority, its certificates.

A WSGI application of its own, outside of Keystone's middleware, because nodes
hold no Keystone token; the header X-Bootstrap-Token stands in for one. It is
mounted at ``MOUNT_POINT`` and serves, POST only:

``/<bay uuid>/ca``
    the certificate of the bay's authority;
``/<bay uuid>/certificates/<purpose>?node=<name>``
    a certificate, for the signing request (PEM) in the body.

Whoever shows no good token learns nothing: whatever is wrong with token or
bay, the answer is the same.
"""

import collections
import contextlib
import dataclasses
import logging
import math
import re
import threading
import time
import uuid
from collections.abc import Callable
from typing import Final

import sqlalchemy as sa
import webob
import webob.dec
from oslo_config import cfg
from sqlalchemy.orm import Session

from magnum.api import errors
from magnum.certificates import errors as certificate_errors
from magnum.certificates.bootstrap import ROLES
from magnum.certificates.requests import MAX_PEM_LENGTH
from magnum.certificates.service import CertificateService
from magnum.db import models
from magnum.domain.node_certificates import NodeCertificate
from magnum.drivers.contract import Driver

LOG = logging.getLogger(__name__)

MOUNT_POINT: Final = '/v1/bootstrap'

TOKEN_HEADER: Final = 'X-Bootstrap-Token'  # noqa: S105 - a name, not a token
_CA_PATH = re.compile(r'/(?P<bay>[^/]*)/ca')
_CERTIFICATE_PATH = re.compile(r'/(?P<bay>[^/]*)/certificates/(?P<purpose>[^/]+)')
_UUID = re.compile(r'[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}')
_NODE_NAME = re.compile(r'[a-z0-9][a-z0-9.-]{0,252}')
# Asked of the database in place of what is no uuid, so that both take as long.
_NO_BAY = str(uuid.UUID(int=0))

SessionFactory = Callable[[], contextlib.AbstractContextManager[Session]]
DriverForBay = Callable[[models.Bay, models.Baymodel], Driver]


class RateLimiter:
    """Limits requests per key: ``per_minute`` at once, then evenly spread.

    Per key it keeps one number, the time at which all the requests so far
    would have been due had they been spread evenly. It remembers the last
    ``max_keys`` keys.

    :param per_minute: 0 for no limit.
    :param clock: seconds, monotonic.
    """

    def __init__(
        self,
        per_minute: int,
        clock: Callable[[], float] = time.monotonic,
        max_keys: int = 10_000,
    ):
        self._interval = 60 / per_minute if per_minute else 0.0
        self._clock = clock
        self._max_keys = max_keys
        self._due: collections.OrderedDict[str, float] = collections.OrderedDict()
        self._lock = threading.Lock()

    def seconds_to_wait(self, key: str) -> float:
        """Count a request; 0.0 when it may go on, else it is not counted."""
        if not self._interval:
            return 0.0
        now = self._clock()
        with self._lock:
            due = max(now, self._due.get(key, now)) + self._interval
            excess = due - now - 60
            if excess > 0:
                return excess
            self._due[key] = due
            self._due.move_to_end(key)
            if len(self._due) > self._max_keys:
                self._due.popitem(last=False)
        return 0.0


@dataclasses.dataclass(frozen=True)
class _Node:
    """Who shows a good token."""

    bay: models.Bay
    role: str


def make_app(
    conf: cfg.ConfigOpts,
    session_factory: SessionFactory,
    certificates: CertificateService,
    driver_for_bay: DriverForBay,
) -> Callable[..., object]:
    """The WSGI application to mount at ``MOUNT_POINT``.

    :param session_factory: gives a session in a transaction, which it commits
        at the end and rolls back on an error.
    """
    bootstrap = _Bootstrap(conf, session_factory, certificates, driver_for_bay)
    application: Callable[..., object] = webob.dec.wsgify(bootstrap.answer)
    return application


class _Bootstrap:
    def __init__(
        self,
        conf: cfg.ConfigOpts,
        session_factory: SessionFactory,
        certificates: CertificateService,
        driver_for_bay: DriverForBay,
    ):
        self._is_enabled = conf.bootstrap.enabled
        self._per_address = RateLimiter(conf.bootstrap.requests_per_minute)
        self._per_bay = RateLimiter(conf.bootstrap.requests_per_minute)
        self._session_factory = session_factory
        self._certificates = certificates
        self._driver_for_bay = driver_for_bay

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
        except Exception:
            LOG.exception('%s: a node at %s cannot be served', request_id, request.remote_addr)
            fault = errors.APIError(errors.INTERNAL, errors.INTERNAL_DETAIL)
            return _error_response(fault, request_id)

    def _route(self, request: webob.Request, request_id: str) -> str:
        """The PEM text asked for.

        :raises APIError: for everything that is wrong with the request.
        """
        # Not request.path_info, which fails on what is not UTF-8.
        path = request.environ.get('PATH_INFO', '')
        match = _CA_PATH.fullmatch(path) or _CERTIFICATE_PATH.fullmatch(path)
        if not (match and self._is_enabled):
            raise errors.APIError(errors.NO_SUCH_PATH, 'Nothing is served at this path.')
        if request.method != 'POST':
            raise errors.APIError(
                errors.METHOD_NOT_ALLOWED, 'Only POST is served here.', {'Allow': 'POST'}
            )
        # Before the database is asked: guessing must stay cheap for us.
        _limit(self._per_address, request.remote_addr or '')
        wanted = match.groupdict()
        with self._session_factory() as session:
            node = self._authenticate(session, wanted['bay'], request)
            # Only after the token: a stranger must not use up a bay's share.
            _limit(self._per_bay, node.bay.uuid)
            if 'purpose' in wanted:
                return self._certificate(session, node, wanted['purpose'], request, request_id)
            return self._authority(session, node, request_id)

    def _authenticate(self, session: Session, bay_uuid: str, request: webob.Request) -> _Node:
        """:raises APIError: BOOTSTRAP_REFUSED, whatever the reason."""
        known_form = bay_uuid if _UUID.fullmatch(bay_uuid) else _NO_BAY
        token = request.headers.get(TOKEN_HEADER, '')
        role = self._certificates.tokens.verify(session, known_form, token)
        bay = session.scalar(sa.select(models.Bay).where(models.Bay.uuid == known_form))
        if role is None or bay is None:
            raise errors.APIError(
                errors.BOOTSTRAP_REFUSED, 'The bootstrap token opens nothing here.'
            )
        return _Node(bay, role)

    def _authority(self, session: Session, node: _Node, request_id: str) -> str:
        pem = self._certificates.authority_certificate(session, node.bay.uuid)
        if pem is None:
            raise _not_ready(certificate_errors.AuthorityMissing(node.bay.uuid))
        LOG.info('%s: authority given to a %s of bay %s', request_id, node.role, node.bay.uuid)
        return pem

    def _certificate(
        self,
        session: Session,
        node: _Node,
        purpose: str,
        request: webob.Request,
        request_id: str,
    ) -> str:
        driver = self._driver(session, node.bay)
        certificate = _node_certificate(driver, node.role, purpose)
        node_name = _node_name(request, driver)
        try:
            issued = self._certificates.sign_node_csr(
                session,
                node.bay.uuid,
                node.role,
                node_name,
                purpose,
                certificate,
                _read_csr(request),
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
            request_id,
            issued.serial,
            purpose,
            node.role,
            node_name,
            node.bay.uuid,
        )
        return issued.pem

    def _driver(self, session: Session, bay: models.Bay) -> Driver:
        baymodel = session.scalars(
            sa.select(models.Baymodel).where(models.Baymodel.uuid == bay.baymodel_id)
        ).one()
        return self._driver_for_bay(bay, baymodel)


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
        retry_after = str(math.ceil(seconds))
        raise errors.APIError(
            errors.BOOTSTRAP_TOO_MANY, 'Too many requests.', {'Retry-After': retry_after}
        )


def _node_name(request: webob.Request, driver: Driver) -> str:
    try:
        name: str = request.GET.get('node', '')
    except UnicodeDecodeError:
        name = ''
    if not _NODE_NAME.fullmatch(name):
        raise errors.APIError(
            errors.BOOTSTRAP_INVALID_NODE,
            'The argument "node" is the name of the node: at most 253 lower-case letters, '
            'digits, dots and hyphens, a letter or digit first.',
        )
    # A node has its own name in its certificates: were that the name of one of
    # the bay's services, the node could pass for the service.
    if name in _service_names(driver):
        raise errors.APIError(
            errors.BOOTSTRAP_INVALID_NODE, f'{name} is the name of a service, not of a node.'
        )
    return name


def _service_names(driver: Driver) -> set[str]:
    """DNS names that the driver gives to services of its bays."""
    return {
        name.lower()
        for role in ROLES
        for certificate in driver.node_certificates(role).values()
        for name in (*certificate.dns_names, 'localhost')
    }


def _read_csr(request: webob.Request) -> str:
    body: bytes = request.body_file.read(MAX_PEM_LENGTH + 1)
    if len(body) > MAX_PEM_LENGTH:
        raise errors.APIError(errors.TOO_LARGE, f'The body is longer than {MAX_PEM_LENGTH} bytes.')
    # PEM is ASCII; what is not makes the text no PEM, and is refused as such.
    return body.decode('ascii', 'replace')


def _not_ready(reason: certificate_errors.CertificateError) -> errors.APIError:
    return errors.APIError(errors.CERTIFICATE_NOT_READY, str(reason))


def _pem_response(pem: str) -> webob.Response:
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
