"""The API's WSGI application, assembled in order."""

from collections.abc import Callable, Iterable
from typing import Any, Final

from keystonemiddleware import auth_token
from keystonemiddleware import opts as token_options
from oslo_config import cfg
from oslo_context import context as oslo_context
from oslo_log import log as logging
from oslo_middleware import cors, healthcheck, http_proxy_to_wsgi, request_id

from magnum.api import dispatch, errors, routes
from magnum.api.bootstrap import mount
from magnum.api.http import faults, forwarded
from magnum.api.requests.cloud_checks import Preflight
from magnum.api.requests.driver_choice import DriverSelection
from magnum.api.requests.preview import Previews
from magnum.api.services import Services, Wakes
from magnum.certificates.service import CertificateService
from magnum.db.engine import Database
from magnum.drivers.registry import Registry
from magnum.operations.accept import Planner
from magnum.operations.hints import WakeUp
from magnum.policies.enforcer import Enforcer

LOG = logging.getLogger(__name__)

Environ = dict[str, Any]
Application = Callable[[Environ, Any], Iterable[bytes]]

#: What access rules of application credentials call this service.
SERVICE_TYPE: Final = 'container-infra'
_HEALTHCHECK: Final = '/healthcheck'
#: How the common shape begins.
_OURS: Final = b'{"errors"'
_DISABLE_FILE: Final = '/etc/magnum/healthcheck_disable'
# The document also where paths without their version begin.
_PUBLIC: Final = frozenset({'', '/v1', routes.DESCRIPTION, '/openapi.json'})

_ALLOWED_HEADERS: Final = [
    'X-Auth-Token', 'X-Identity-Status', 'X-Roles', 'X-Service-Catalog', 'X-User-Id',
    'X-Tenant-Id', 'X-OpenStack-Request-ID', 'X-Server-Management-Url', 'OpenStack-API-Version',
    'Idempotency-Key', 'If-Match', 'If-None-Match', 'Last-Event-ID',
]
_EXPOSED_HEADERS: Final = [
    'X-Auth-Token', 'X-Subject-Token', 'X-Service-Token', 'X-OpenStack-Request-ID',
    'X-Server-Management-Url', 'OpenStack-API-Version', 'ETag', 'Location', 'Operation-Location',
    'Idempotency-Replayed', 'Retry-After',
]
_ALLOWED_METHODS: Final = ['GET', 'PUT', 'POST', 'DELETE', 'PATCH']


def make_application(
    conf: cfg.ConfigOpts,
    database: Database,
    planner: Planner,
    wake_up: Wakes,
    certificates: CertificateService,
    drivers: Registry,
) -> Application:
    """The whole pipeline, from the socket's side inwards.

    :param conf: loaded; options of the middleware are registered here.
    :param wake_up: told, after each commit, that conductors have work.
    """
    preflight = Preflight(conf)
    services = Services(
        conf=conf,
        database=database,
        planner=planner,
        wake_up=wake_up,
        certificates=certificates,
        drivers=drivers,
        enforcer=Enforcer(conf),
        preflight=preflight,
        previews=Previews(conf, preflight),
        selection=DriverSelection(conf, drivers),
    )
    handlers: Application = dispatch.make_pecan(services)
    set_token_defaults(conf)
    # Tokens are checked last of all: nothing that can be refused for less
    # costs Keystone a call.
    guarded: Application = auth_token.AuthProtocol(handlers, {'oslo_config_config': conf})
    application: Application = _Paths(
        public=handlers,
        guarded=guarded,
        bootstrap=mount.make(conf, database, certificates, drivers, wake_up),
    )
    # What breaks below still answers in the common shape.
    application = _Faults(application)
    # Keystone's middleware refuses in words of its own.
    application = _Refusals(application)
    # Log lines are of this request, not of the last one that the thread served.
    application = _Traced(application)
    # Before anything that may log or refuse, so that it can be traced.
    application = request_id.RequestId(application, conf)
    # Links are made from the URL that the client used, not the proxy's.
    application = _behind_proxy(application, conf)
    # Browsers ask before they authenticate.
    application = _with_cors(application, conf)
    # Load balancers have no token, and ask often: outermost.
    return _Healthcheck(application, conf)


def make_default_application(conf: cfg.ConfigOpts) -> Application:
    """The application as an installation runs it: all parts from its configuration."""
    disabled = set(conf.drivers.disabled_drivers)
    drivers = Registry.from_entry_points().all()
    return make_application(
        conf,
        Database(conf),
        Planner(conf),
        WakeUp(conf),
        CertificateService(conf),
        Registry({name: driver for name, driver in drivers.items() if name not in disabled}),
    )


def set_token_defaults(conf: cfg.ConfigOpts) -> None:
    """Set the default of ``[keystone_authtoken]service_type``.

    Without it keystonemiddleware refuses every application credential that has
    access rules.
    """
    for group, options in token_options.list_auth_token_opts():
        conf.register_opts(options, group=group)
        conf.set_default('service_type', SERVICE_TYPE, group=group)


def _behind_proxy(application: Application, conf: cfg.ConfigOpts) -> Application:
    layer: Application = http_proxy_to_wsgi.HTTPProxyToWSGI(application, conf)
    # A layer with nothing to do is left out: each of them parses the request anew.
    if not conf.oslo_middleware.enable_proxy_headers_parsing:
        return application
    return forwarded.OnlyTrusted(layer, conf.api.proxy_headers, conf.api.trusted_proxies)


def _with_cors(application: Application, conf: cfg.ConfigOpts) -> Application:
    # The defaults are read when the layer is made.
    cors.set_defaults(
        allow_headers=_ALLOWED_HEADERS,
        expose_headers=_EXPOSED_HEADERS,
        allow_methods=_ALLOWED_METHODS,
    )
    wrapped: Application = cors.CORS(application, conf)
    return wrapped if conf.cors.allowed_origin else application


class _Healthcheck:
    """``/healthcheck``, without token or request id."""

    def __init__(self, application: Application, conf: cfg.ConfigOpts):
        self._application = application
        self._check: Application = healthcheck.Healthcheck.app_factory(
            {'oslo_config_config': conf},
            backends='disable_by_file',
            disable_by_file_path=_DISABLE_FILE,
        )

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        if environ.get('PATH_INFO') == _HEALTHCHECK:
            return self._check(environ, start_response)
        return self._application(environ, start_response)


class _Paths:
    """Discovery is public, nodes have tokens of their own, all else needs Keystone's."""

    def __init__(self, public: Application, guarded: Application, bootstrap: Application):
        self._public = public
        self._guarded = guarded
        self._bootstrap = bootstrap

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        path: str = environ.get('PATH_INFO', '')
        if mount.serves(path):
            return self._bootstrap(environ, start_response)
        path = path.rstrip('/')
        if path in _PUBLIC or path.removesuffix('.json') in _PUBLIC:
            return self._public(environ, start_response)
        return self._guarded(environ, start_response)


class _Refusals:
    """Gives refusals of middleware, which are plain texts or pages, the common shape."""

    _MEANT: Final = {
        503: (errors.CLOUD_UNAVAILABLE, 'The identity service did not answer. Try again later.'),
    }

    def __init__(self, application: Application):
        self._application = application

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        held: list[tuple[Any, ...]] = []

        def started(status: str, *more: Any) -> Any:
            if int(status.partition(' ')[0]) not in self._MEANT:
                return start_response(status, *more)
            held.append((status, *more))
            return None

        answer = self._application(environ, started)
        if not held:
            return answer
        body = b''.join(answer)
        if body.startswith(_OURS):
            start_response(*held[0])
            return [body]
        error = errors.APIError(*self._MEANT[int(held[0][0].partition(' ')[0])])
        return dispatch.error_response(error, environ)(environ, start_response)  # type: ignore[no-any-return]


class _Traced:
    """Makes log lines carry the id of the request, and no user until one is known."""

    def __init__(self, application: Application):
        self._application = application

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        # Kept by thread, until the next request overwrites it.
        oslo_context.RequestContext(
            request_id=environ.get('openstack.request_id'),
            global_request_id=environ.get('openstack.global_request_id'),
        )
        return self._application(environ, start_response)


class _Faults:
    """Answers 500 for a fault outside of the handlers; the log has the rest."""

    def __init__(self, application: Application):
        self._application = application

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        try:
            return self._application(environ, start_response)
        except Exception as fault:
            error = faults.told(fault, 'The pipeline met an unexpected fault.')
            return dispatch.error_response(error, environ)(environ, start_response)  # type: ignore[no-any-return]
