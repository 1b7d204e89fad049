"""The API's WSGI application, assembled in order."""

from typing import Final

from keystonemiddleware import auth_token
from keystonemiddleware import opts as token_options
from oslo_config import cfg
from oslo_middleware import cors, http_proxy_to_wsgi, request_id

from magnum.api import dispatch, routes
from magnum.api.http import forwarded, held_threads, middleware
from magnum.api.http.middleware import Application
from magnum.api.http.sse import Streams
from magnum.api.requests.cloud_checks import Preflight
from magnum.api.requests.driver_choice import DriverSelection
from magnum.api.requests.preview import Previews
from magnum.api.services import Services, Wakes
from magnum.certificates.service import CertificateService
from magnum.db.engine import Database
from magnum.drivers.registry import Registry
from magnum.operations.hints import WakeUp
from magnum.policies.enforcer import Enforcer

#: What access rules of application credentials call this service.
SERVICE_TYPE: Final = 'container-infra'

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
    wake_up: Wakes,
    certificates: CertificateService,
    drivers: Registry,
) -> Application:
    """The whole pipeline, from the socket's side inwards.

    :param conf: loaded; options of the middleware are registered here.
    :param wake_up: told, after each commit, that conductors have work.
    """
    preflight = Preflight(conf)
    held = held_threads.of_process(conf)
    services = Services(
        conf=conf,
        database=database,
        wake_up=wake_up,
        certificates=certificates,
        drivers=drivers,
        enforcer=Enforcer(conf),
        preflight=preflight,
        previews=Previews(conf, preflight),
        selection=DriverSelection(conf, drivers),
        held=held,
        streams=Streams(conf, held),
        collections=routes.collections(),
        describe=_describe,
    )
    table = dispatch.Table(services)
    handlers: Application = dispatch.make_pecan(table)
    set_token_defaults(conf)
    # Tokens are checked last of all: nothing that can be refused for less
    # costs Keystone a call.
    guarded: Application = auth_token.AuthProtocol(handlers, {'oslo_config_config': conf})
    application: Application = middleware.Authentication(
        public=dispatch.make_public(table),
        guarded=guarded,
        public_paths=routes.public_paths(),
        bootstrap=dispatch.make_bootstrap(services),
        is_bootstrap=routes.are_of_nodes,
    )
    # What breaks below still answers in the common shape.
    application = middleware.Faults(application, dispatch.error_response)
    # Keystone's middleware refuses in words of its own.
    application = middleware.Refusals(application, dispatch.error_response)
    # Log lines are of this request, not of the last one that the thread served.
    application = middleware.LogContext(application)
    # Before anything that may log or refuse, so that it can be traced.
    application = request_id.RequestId(application, conf)
    # Links are made from the URL that the client used, not the proxy's.
    application = _behind_proxy(application, conf)
    # Browsers ask before they authenticate.
    application = _with_cors(application, conf)
    # Load balancers have no token, and ask often: outermost.
    return middleware.Healthcheck(application, conf)


def make_default_application(conf: cfg.ConfigOpts) -> Application:
    """The application as an installation runs it: all parts from its configuration."""
    return make_application(
        conf,
        Database(conf),
        WakeUp(conf),
        CertificateService(conf),
        Registry.from_conf(conf),
    )


def _describe(base: str) -> tuple[bytes, str]:
    # What the document is made with stays unloaded in processes that nobody asks.
    from magnum.api.openapi import document

    return document.text_at(base), document.etag()


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
