"""The service's middleware around a handler that does nothing.

It has the same configuration and the same layers, from the socket's side to
the check of the token; a request costs what it costs before anything is done.
"""

from collections.abc import Iterable
from typing import Any

from magnum.api import dispatch
from magnum.wsgi.api import application

__all__ = ['application']


def _nothing(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    start_response('200 OK', [('Content-Type', 'application/json'), ('Content-Length', '2')])
    return [b'{}']


dispatch.make_pecan = dispatch.make_public = lambda table: _nothing
