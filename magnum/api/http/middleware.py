"""Layers of the pipeline around the handlers."""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Final

from oslo_config import cfg
from oslo_context import context as oslo_context
from oslo_middleware import healthcheck

from magnum.api import errors
from magnum.api.http import faults

Environ = dict[str, Any]
Application = Callable[[Environ, Any], Iterable[bytes]]
#: Writes an error as the client of a request sees it.
ErrorResponse = Callable[[errors.APIError, Mapping[str, Any]], Application]

_HEALTHCHECK: Final = '/healthcheck'
_DISABLE_FILE: Final = '/etc/magnum/healthcheck_disable'
#: How the common shape begins.
_COMMON_SHAPE: Final = b'{"errors"'


class Healthcheck:
    """``/healthcheck``, without token or request id."""

    def __init__(self, application: Application, conf: cfg.ConfigOpts):
        self._application = application
        self._check: Application = healthcheck.Healthcheck.app_factory(
            {'oslo_config_config': conf},
            backends='disable_by_file',
            disable_by_file_path=_DISABLE_FILE,
        )

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        """Answer for the health check, or pass the request on."""
        if environ.get('PATH_INFO') == _HEALTHCHECK:
            return self._check(environ, start_response)
        return self._application(environ, start_response)


class Refusals:
    """Gives refusals of middleware, which are plain texts or pages, the common shape."""

    _MEANT: Final = {
        503: (
            errors.service.CLOUD_UNAVAILABLE,
            'The identity service did not answer. Try again later.',
        ),
    }

    def __init__(self, application: Application, error_response: ErrorResponse):
        self._application = application
        self._error_response = error_response

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        """Pass the request on, and rewrite its answer where that is a plain refusal."""
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
        if body.startswith(_COMMON_SHAPE):
            start_response(*held[0])
            return [body]
        error = errors.APIError(*self._MEANT[int(held[0][0].partition(' ')[0])])
        return self._error_response(error, environ)(environ, start_response)


class LogContext:
    """Makes log lines carry the id of the request, and no user until one is known."""

    def __init__(self, application: Application):
        self._application = application

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        """Pass the request on."""
        # Kept by thread, until the next request overwrites it.
        oslo_context.RequestContext(
            request_id=environ.get('openstack.request_id'),
            global_request_id=environ.get('openstack.global_request_id'),
        )
        return self._application(environ, start_response)


class Faults:
    """Answers 500 for a fault outside of the handlers; the log has the rest."""

    def __init__(self, application: Application, error_response: ErrorResponse):
        self._application = application
        self._error_response = error_response

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        """Pass the request on."""
        try:
            return self._application(environ, start_response)
        except Exception as fault:
            error = faults.told(fault, 'The pipeline met an unexpected fault.')
            return self._error_response(error, environ)(environ, start_response)


class Authentication:
    """Lets some paths pass without a token; nodes have tokens of their own.

    :param public: serves the paths without a token.
    :param guarded: serves all others; it checks Keystone's token first.
    :param public_paths: without a slash at their end.
    """

    def __init__(
        self,
        public: Application,
        guarded: Application,
        public_paths: Collection[str],
        bootstrap: Application,
        is_bootstrap: Callable[[str], bool],
    ):
        self._public = public
        self._guarded = guarded
        self._public_paths = public_paths
        self._bootstrap = bootstrap
        self._is_bootstrap = is_bootstrap

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        """Pass the request on to whoever checks what it has to show."""
        path: str = environ.get('PATH_INFO', '')
        if self._is_bootstrap(path):
            return self._bootstrap(environ, start_response)
        path = path.rstrip('/')
        if path in self._public_paths or path.removesuffix('.json') in self._public_paths:
            return self._public(environ, start_response)
        return self._guarded(environ, start_response)
