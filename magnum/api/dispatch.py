"""The Pecan application: from the route table to handlers and back."""

import functools
import types
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import orjson
import pecan
import webob
from oslo_log import log as logging
from pecan import hooks
from webob.acceptparse import create_accept_header
from webob.multidict import NoVars

from magnum.api import errors, routes, versions
from magnum.api.bootstrap import application
from magnum.api.bootstrap.access import Parts
from magnum.api.errors import bodies
from magnum.api.http import faults, sse
from magnum.api.http.conditional import is_unchanged
from magnum.api.http.context import Caller
from magnum.api.http.idempotency import Idempotency
from magnum.api.http.middleware import Application
from magnum.api.http.request import Answer, Call, body_limit, query_of
from magnum.api.http.routing import Route, Router
from magnum.api.services import Services

LOG = logging.getLogger(__name__)

_NEGOTIATED: Final = 'magnum.negotiated'
_ANSWER: Final = 'magnum.answer'
_SLASH: Final = '/'
_ANYTHING: Final = '*/*'
_JSON: Final = 'application/json'
_WITHOUT_BODY: Final = frozenset({204, 304})

#: HTTP statuses that Pecan and WebOb raise by themselves.
_FROM_LIBRARIES: Final[Mapping[int, errors.Kind]] = {
    400: errors.requests.BAD_REQUEST,
    404: errors.requests.NO_SUCH_PATH,
    405: errors.requests.METHOD_NOT_ALLOWED,
    406: errors.requests.NOT_ACCEPTABLE,
    413: errors.requests.TOO_LARGE,
}


def make_pecan(table: 'Table') -> Any:
    """The WSGI application behind authentication."""
    return pecan.Pecan(
        _Root(),
        hooks=[_Hook(table)],
        request_cls=_Request,
        use_context_locals=False,
        guess_content_type_from_ext=False,
    )


def make_public(table: 'Table') -> Application:
    """The WSGI application of the paths that need no token.

    They have no arguments for Pecan to look for, and monitoring and clients ask
    for them more often than for anything else: it would double their cost.
    """

    def public(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        response: Application
        try:
            response = table.find(webob.Request(environ))(environ)
        except Exception as error:
            response = error_response(_api_error(error), environ)
        return response(environ, start_response)

    return public


def make_bootstrap(services: Services) -> Any:
    """The WSGI application of nodes, which authenticates them itself."""
    return application.make(services.conf, routes.of_nodes(), Parts.of(services))


class _Request(webob.Request):
    """A request as Pecan sees it: without arguments and preferences of its client.

    Pecan looks for arguments of an exposed method in the query and in the body,
    and chooses a media type. Routes say what a query may hold and what there is
    to choose from, and only a handler reads a body.
    """

    GET = params = NoVars('Routes know the arguments of a query.')
    json = None
    accept = None


class _StreamResponse(webob.Response):
    """An answer that goes on.

    Pecan looks whether the body is empty. It would read this one to its end.
    """

    @property
    def body(self) -> bytes:
        """Something; it is not sent."""
        return b'...'


class _Root:
    """Pecan's root controller: its last resort is all that it has."""

    __slots__ = ()

    @pecan.expose(content_type=_JSON)
    def _default(
        self, seen: _Request, _response: webob.Response, *_segments: str
    ) -> webob.Response:
        """What the handler of the request's route answers."""
        environ = seen.environ
        answer: Callable[[dict[str, Any]], webob.Response] = environ[_ANSWER]
        return answer(environ)


class _Hook(hooks.PecanHook):
    """Finds routes before Pecan looks at names of objects, and writes errors."""

    def __init__(self, table: 'Table'):
        self._table = table

    def on_route(self, state: Any) -> None:
        """Find the route of a request.

        :raises APIError: there is none.
        """
        state.request.environ[_ANSWER] = self._table.find(state.request)

    def on_error(self, state: Any, error: Exception) -> webob.Response:
        """The error's answer; what nobody expected goes to the log."""
        return error_response(_api_error(error), state.request.environ)


class Table:
    """The routes of all but nodes, each with what answers it."""

    def __init__(self, services: Services):
        table = routes.of_callers()
        self._router = Router(table)
        self._answers = _Answers(services, table)

    def find(self, request: webob.Request) -> Callable[[dict[str, Any]], webob.Response]:
        """What answers a request.

        :raises APIError: no route does.
        """
        environ = request.environ
        path = request.path_info or _SLASH
        if path != _SLASH:
            environ[_NEGOTIATED] = versions.negotiate(environ)
        match = self._router.match(path)
        if match is None:
            raise errors.APIError(errors.requests.NO_SUCH_PATH)
        route = match.methods.get(request.method)
        if route is None:
            allowed = ', '.join(sorted(match.methods))
            raise errors.APIError(errors.requests.METHOD_NOT_ALLOWED, headers={'Allow': allowed})
        if not route.answers(environ.get(_NEGOTIATED, versions.DEFAULT)):
            raise _version_too_low(route, environ[_NEGOTIATED].number)
        _check_acceptable(environ, route)
        return functools.partial(self._answers.of, route, match.arguments)


class _Answers:
    """Calls handlers, and writes what they answer."""

    def __init__(self, services: Services, table: Iterable[Route]):
        resources = {route.handler.resource for route in table}
        controllers = {one: one.controller(services, *one.dialects) for one in resources}
        self._handlers: Mapping[Route, Callable[[Call], Answer]] = {
            route: types.MethodType(route.handler.method, controllers[route.handler.resource])
            for route in table
        }
        self._enforcer = services.enforcer
        self._bays_domain = {
            'id': services.conf.identity.domain_id, 'name': services.conf.identity.domain_name
        }
        self._max_body = body_limit(services.conf)
        self._idempotency = Idempotency(services.conf, services.database)

    def of(
        self, route: Route, arguments: tuple[str, ...], environ: dict[str, Any]
    ) -> webob.Response:
        """The answer to a request.

        :param arguments: what the braces of the route's path matched.
        """
        request = webob.Request(environ)
        version = environ.get(_NEGOTIATED, versions.DEFAULT).number
        caller = Caller.from_environ(environ, self._enforcer, self._bays_domain)
        caller.check_any(route.rules)
        call = Call(
            request=request,
            caller=caller,
            max_body=self._max_body,
            version=version,
            route=(route.method, route.path),
            arguments=arguments,
            query=query_of(request, route.query, version),
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


def _check_acceptable(environ: Mapping[str, Any], route: Route) -> None:
    """Refuse clients that take nothing of what the route answers with."""
    accepted = environ.get('HTTP_ACCEPT') or _ANYTHING
    if accepted in (_ANYTHING, _JSON):
        return
    offers = [_JSON, sse.CONTENT_TYPE] if route.streams else [_JSON]
    header = create_accept_header(accepted)
    if not header.acceptable_offers(offers) and not accepted.startswith(tuple(offers)):
        raise errors.APIError(errors.requests.NOT_ACCEPTABLE)


def _version_too_low(route: Route, asked: int) -> errors.APIError:
    return errors.APIError(
        errors.requests.VERSION_TOO_LOW,
        f'Version {versions.text(asked)} was requested but the requested API '
        f'{route.method} {route.path} is not supported for this version. '
        f'It is there from {versions.text(route.since)} on.',
        source=errors.header(versions.HEADER),
    )


def _api_error(error: Exception) -> errors.APIError:
    if isinstance(error, errors.APIError):
        return error
    if isinstance(error, webob.exc.HTTPException):
        kind = _FROM_LIBRARIES.get(error.status_int)
        if kind is not None:
            return errors.APIError(kind, error.detail or '' if kind.status == 400 else '')
    if isinstance(error, UnicodeDecodeError):
        return errors.APIError(errors.requests.BAD_REQUEST, 'The URL is not in UTF-8')
    return faults.told(error, 'A request met an unexpected fault.')


def error_response(error: errors.APIError, environ: Mapping[str, Any]) -> webob.Response:
    """An error as the client sees it."""
    negotiated = environ.get(_NEGOTIATED)
    headers = negotiated.headers() if negotiated is not None else {}
    body = bodies.of(
        error,
        environ.get('openstack.request_id', ''),
        (negotiated or versions.DEFAULT).for_old_clients,
    )
    return _response(error.kind.status, body, {**headers, **error.headers})


def _response_of(answer: Answer, environ: Mapping[str, Any]) -> webob.Response:
    negotiated = environ.get(_NEGOTIATED)
    headers = negotiated.headers() if negotiated is not None else {}
    if answer.stream is not None:
        response = _StreamResponse(app_iter=answer.stream)
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
