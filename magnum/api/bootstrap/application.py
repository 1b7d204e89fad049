"""The nodes' application: the routes that a node's own token or key opens.

It stands outside of Keystone's middleware, because nodes hold no Keystone
token. What guessing costs is bounded here, before the database is asked.
"""

import contextlib
import logging
import threading
import types
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import orjson
import webob
import webob.dec
from oslo_config import cfg

from magnum.api import errors
from magnum.api.bootstrap.access import Parts
from magnum.api.bootstrap.rate_limits import RateLimiter, address_key, too_many
from magnum.api.errors import bodies
from magnum.api.http import faults
from magnum.api.http.routing import Auth, Route, Router
from magnum.api.requests import refusals

LOG = logging.getLogger(__name__)

#: PEM text, a JSON document, or None when there is nothing new.
_Answer = str | dict[str, Any] | None

#: Requests served at a time from addresses with too many failures, and the
#: seconds after which another one is worth a try.
_SUSPECTS_AT_ONCE: Final = 1
_SHORTLY: Final = 1.0
#: Answers that count as failures of an address. A token is verified before the
#: body is read; a key is the body's own, and a signature is over the body.
_OF_TOKENS: Final = frozenset({errors.bootstrap.REFUSED})
_FAILURES: Final[Mapping[Auth, frozenset[errors.Kind]]] = {
    Auth.NODE_TOKEN: _OF_TOKENS,
    Auth.NODE_SIGNATURE: _OF_TOKENS | {errors.bootstrap.GONE, errors.requests.TOO_LARGE},
    Auth.NODE_KEY: _OF_TOKENS | {errors.certificates.INVALID_CSR, errors.requests.TOO_LARGE},
}


def make(
    conf: cfg.ConfigOpts, routes: Sequence[Route], parts: Parts
) -> Callable[..., Any]:
    """The WSGI application.

    :param routes: of the nodes.
    :param parts: what the controllers of the routes are made of.
    """
    application: Callable[..., Any] = webob.dec.wsgify(_Application(conf, routes, parts).answer)
    return application


class _Application:
    def __init__(self, conf: cfg.ConfigOpts, routes: Sequence[Route], parts: Parts):
        self._is_enabled = conf.bootstrap.enabled
        self._failures = RateLimiter(conf.bootstrap.requests_per_minute)
        self._of_suspects = threading.Semaphore(_SUSPECTS_AT_ONCE)
        # A bay's uuid that is empty is as wrong as any other.
        self._router = Router(routes, allows_empty=True)
        self._controllers = {
            resource: resource.controller(parts)
            for resource in {route.handler.resource for route in routes}
        }

    def answer(self, request: webob.Request) -> webob.Response:
        """The answer to any request, errors included."""
        request_id = request.environ.get('openstack.request_id') or f'req-{uuid.uuid4()}'
        try:
            return _response(self._route(request, request_id))
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

    def _route(self, request: webob.Request, request_id: str) -> _Answer:
        """What is asked for.

        :raises APIError: for everything that is wrong with the request.
        """
        # Not request.path_info, which fails on what is not UTF-8.
        match = self._router.match(request.environ.get('PATH_INFO', ''))
        if match is None or not self._is_enabled:
            raise errors.APIError(errors.requests.NO_SUCH_PATH, 'Nothing is served at this path.')
        route = match.methods.get(request.method)
        if route is None:
            raise errors.APIError(
                errors.requests.METHOD_NOT_ALLOWED, 'Only POST is served here.', {'Allow': 'POST'}
            )
        serve = types.MethodType(
            route.handler.method, self._controllers[route.handler.resource]
        )
        address = address_key(request.remote_addr or '')
        with self._guarded(address, _FAILURES[route.auth]), refusals.told(refusals.OF_NODES):
            answer: _Answer = serve(request, request_id, *match.arguments)
        return answer

    @contextlib.contextmanager
    def _guarded(self, address: str, failing: frozenset[errors.Kind]) -> Iterator[None]:
        """Bound what guessing from an address costs, without locking out good tokens there.

        Nodes often share their router's or a proxy's address with strangers:
        from one with too many failures, few requests are served at a time.

        :param failing: answers to who has shown no good token or key.
        :raises APIError: bootstrap.TOO_MANY.
        """
        seconds = self._failures.seconds_to_wait(address, count=False)
        if seconds and not self._of_suspects.acquire(blocking=False):
            raise too_many(_SHORTLY)
        try:
            yield
        except errors.APIError as error:
            if error.kind in failing and seconds:
                raise too_many(seconds) from None
            if error.kind in failing:
                self._failures.seconds_to_wait(address)
            raise
        finally:
            if seconds:
                self._of_suspects.release()


def _response(answer: _Answer) -> webob.Response:
    if answer is None:
        return webob.Response(status=204, cache_control='no-store')
    if isinstance(answer, str):
        content, content_type = answer.encode(), 'application/x-pem-file'
    else:
        content, content_type = orjson.dumps(answer), 'application/json'
    return webob.Response(body=content, content_type=content_type, cache_control='no-store')


def _error_response(error: errors.APIError, request_id: str) -> webob.Response:
    response = webob.Response(
        status=error.kind.status,
        body=bodies.of(error, request_id, for_old_clients=False),
        content_type='application/json',
        charset='UTF-8',
    )
    response.headers.update(error.headers)
    return response
