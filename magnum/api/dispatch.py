"""The pecan application: from the route table to handlers and back."""

import types
from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson
import webob
from oslo_log import log as logging

from magnum.api import errors, plain_pecan, routes, versions
from magnum.api.bootstrap import application
from magnum.api.http import faults, sse
from magnum.api.http.conditional import is_unchanged
from magnum.api.http.context import Caller
from magnum.api.http.idempotency import Idempotency
from magnum.api.http.request import Answer, Call, body_limit, query_of
from magnum.api.http.routing import Match, Route, Router
from magnum.api.services import Services

LOG = logging.getLogger(__name__)

_NEGOTIATED: Final = 'magnum.negotiated'
_MATCH: Final = 'magnum.match'
_ROOT: Final = '/'
_ANYTHING: Final = '*/*'
_JSON: Final = 'application/json'
_WITHOUT_BODY: Final = frozenset({204, 304})

#: HTTP statuses that pecan and WebOb raise by themselves.
_FROM_LIBRARIES: Final[Mapping[int, errors.Kind]] = {
    400: errors.BAD_REQUEST,
    404: errors.NO_SUCH_PATH,
    405: errors.METHOD_NOT_ALLOWED,
    406: errors.NOT_ACCEPTABLE,
    413: errors.TOO_LARGE,
}


def make_pecan(services: Services) -> Any:
    """The WSGI application behind authentication."""
    return _Pecan(
        _Dispatcher(services),
        hooks=[_ErrorAnswers()],
        request_cls=webob.Request,
    )


def make_bootstrap(services: Services) -> Any:
    """The WSGI application of nodes, which authenticates them itself."""
    table = routes.of_nodes()
    (resource,) = {route.handler.resource for route in table}
    return application.make(services.conf, table, resource.controller(services))


class _Pecan(plain_pecan.core.ExplicitPecan):
    """pecan's cycle of a request, its hooks and errors, around the route table.

    pecan itself would walk objects and inspect the signatures of their
    methods at every request, and take a query apart that handlers take apart.
    """

    def find_controller(
        self, state: Any
    ) -> 'tuple[Callable[[webob.Request], webob.Response], list[Any], dict[str, Any]]':
        """The dispatcher, for a path and a method that are in the table."""
        self.root.route(state.request)
        return self.root.answer, [state.request], {}

    def invoke_controller(
        self,
        controller: Callable[[webob.Request], webob.Response],
        args: list[Any],
        kwargs: dict[str, Any],
        state: Any,
    ) -> None:
        """Its answer is a response already."""
        state.response = controller(*args, **kwargs)

    def _handle_empty_response_body(self, state: Any) -> None:
        # It would read a stream to its end, to see whether it is empty.
        pass


class _Dispatcher:
    """pecan's root: hands every request to the handler in the route table."""

    def __init__(self, services: Services):
        self._services = services
        self._bays_domain = {
            'id': services.conf.identity.domain_id, 'name': services.conf.identity.domain_name
        }
        self._max_body = body_limit(services.conf)
        self._idempotency = Idempotency(services.conf, services.database)
        table = routes.of_callers()
        self._router = Router(table)
        resources = {route.handler.resource for route in table}
        controllers = {one: one.controller(services, *one.dialects) for one in resources}
        self._handlers: Mapping[Route, Callable[[Call], Answer]] = {
            route: types.MethodType(route.handler.method, controllers[route.handler.resource])
            for route in table
        }

    def route(self, request: webob.Request) -> None:
        """Find the route of a request, or refuse it."""
        environ = request.environ
        path = request.path_info or _ROOT
        if path != _ROOT:
            environ[_NEGOTIATED] = versions.negotiate(environ)
        match = self._router.match(path)
        if match is None:
            raise errors.APIError(errors.NO_SUCH_PATH)
        if request.method not in match.methods:
            allowed = ', '.join(sorted(match.methods))
            raise errors.APIError(errors.METHOD_NOT_ALLOWED, headers={'Allow': allowed})
        route = match.methods[request.method]
        if not route.answers(environ.get(_NEGOTIATED, versions.DEFAULT)):
            raise _version_too_low(route, environ[_NEGOTIATED].number)
        _check_acceptable(request, route)
        environ[_MATCH] = match

    def answer(self, request: webob.Request) -> webob.Response:
        """What the handler of the request's route answers."""
        environ = request.environ
        match: Match = environ[_MATCH]
        route = match.methods[request.method]
        negotiated = environ.get(_NEGOTIATED, versions.DEFAULT)
        caller = Caller.from_environ(environ, self._services.enforcer, self._bays_domain)
        caller.check_any(route.rules)
        call = Call(
            request=request,
            caller=caller,
            max_body=self._max_body,
            version=negotiated.number,
            route=(route.method, route.path),
            arguments=match.arguments,
            query=query_of(request, route.query, negotiated.number),
            base=request.application_url.rstrip('/'),
        )
        handler = self._handlers[route]
        if route.method == 'POST':
            answer: Answer = self._idempotency.answer(call, handler)
        else:
            answer = handler(call)
            if is_unchanged(request, answer.headers.get('ETag')):
                answer = Answer(status=304, headers=answer.headers)
        return _response_of(answer, environ)


def _check_acceptable(request: webob.Request, route: Route) -> None:
    """Refuse clients that take nothing of what the route answers with."""
    accepted = request.environ.get('HTTP_ACCEPT') or _ANYTHING
    if accepted in (_ANYTHING, _JSON):
        return
    offers = [_JSON, sse.CONTENT_TYPE] if route.streams else [_JSON]
    if not request.accept.acceptable_offers(offers) and not accepted.startswith(tuple(offers)):
        raise errors.APIError(errors.NOT_ACCEPTABLE)


def _version_too_low(route: Route, asked: int) -> errors.APIError:
    return errors.APIError(
        errors.VERSION_TOO_LOW,
        f'Version {versions.text(asked)} was requested but the requested API '
        f'{route.method} {route.path} is not supported for this version. '
        f'It is there from {versions.text(route.since)} on.',
        source=errors.header(versions.HEADER),
    )


class _ErrorAnswers(plain_pecan.hooks.PecanHook):
    """Turns whatever a request met into the common error body."""

    def on_error(self, state: Any, error: Exception) -> webob.Response:
        """The error's answer; what nobody expected goes to the log."""
        return error_response(_api_error(error), state.request.environ)


def _api_error(error: Exception) -> errors.APIError:
    if isinstance(error, errors.APIError):
        return error
    if isinstance(error, webob.exc.HTTPException):
        kind = _FROM_LIBRARIES.get(error.status_int)
        if kind is not None:
            return errors.APIError(kind, error.detail or '' if kind.status == 400 else '')
    if isinstance(error, UnicodeDecodeError):
        return errors.APIError(errors.BAD_REQUEST, 'The URL is not in UTF-8')
    return faults.told(error, 'A request met an unexpected fault.')


def error_response(error: errors.APIError, environ: Mapping[str, Any]) -> webob.Response:
    """An error as the client sees it."""
    negotiated = environ.get(_NEGOTIATED)
    headers = negotiated.headers() if negotiated is not None else {}
    body = errors.body(
        error,
        environ.get('openstack.request_id', ''),
        (negotiated or versions.DEFAULT).for_old_clients,
    )
    return _response(error.kind.status, body, {**headers, **error.headers})


def _response_of(answer: Answer, environ: Mapping[str, Any]) -> webob.Response:
    negotiated = environ.get(_NEGOTIATED)
    headers = negotiated.headers() if negotiated is not None else {}
    if answer.stream is not None:
        response = webob.Response(app_iter=answer.stream)
        response.headers.update({**headers, **sse.HEADERS, **answer.headers})
        return response
    body = orjson.dumps(answer.document) if answer.document is not None else b''
    return _response(answer.status, body, {**headers, **answer.headers})


def _response(status: int, body: bytes, headers: Mapping[str, str]) -> webob.Response:
    response = webob.Response(status=status)
    response.headers.update(headers)
    if status in _WITHOUT_BODY:
        response.headers.pop('Content-Type', None)
        return response
    response.headers['Content-Type'] = _JSON
    response.body = body
    return response
