"""Server-sent events, and the bound on open streams.

A stream holds a thread of the server while it lasts, so there are few of them
and each ends by itself; its client comes back and resumes where it was.
"""

import collections
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Final, Self

from oslo_config import cfg
from oslo_db import exception as db_exc
from oslo_log import log as logging

from magnum.api import errors
from magnum.api.http.held_threads import EVENT_STREAM, HeldThreads
from magnum.db.away import UNAVAILABLE

LOG = logging.getLogger(__name__)

CONTENT_TYPE: Final = 'text/event-stream'
HEADERS: Final = {
    'Content-Type': CONTENT_TYPE,
    'Cache-Control': 'no-cache',
    # Proxies that gather answers before they pass them on heed this.
    'X-Accel-Buffering': 'no',
}
_HEARTBEAT: Final = b': heartbeat\n\n'
#: Also how soon a client that is gone is noticed: a write fails.
_HEARTBEAT_INTERVAL: Final = 5.0
_LOOK_INTERVAL: Final = 1.0

#: Under this name the server says by a function of no arguments, in the environment of a
#: request, whether nobody listens to its answer any more.
IS_OVER: Final = 'magnum.is_over'

#: New messages, and whether they were the last.
Look = Callable[[], tuple[Iterable[bytes], bool]]


def message(cursor: str, kind: str, data: bytes) -> bytes:
    """One event on the wire.

    :param data: a single line.
    """
    return b'id: %b\nevent: %b\ndata: %b\n\n' % (cursor.encode(), kind.encode(), data)


class Streams:
    """The streams of one process."""

    def __init__(self, conf: cfg.ConfigOpts, held: HeldThreads):
        self._held = held
        self._seconds: int = conf.api.event_stream_time

    def open(
        self, look: Look, project_id: str | None, is_over: Callable[[], bool] | None = None
    ) -> 'Stream':
        """A new stream.

        :param look: asked again and again; holds nothing between two calls.
        :param project_id: of the caller.
        :param is_over: whether nobody listens any more, where the server says so.
        :raises APIError: 503, there are as many as there may be.
        """
        held = self._held.hold(EVENT_STREAM, project_id, self._seconds + _HEARTBEAT_INTERVAL)
        if held is None:
            raise self._too_many(project_id)
        until = time.monotonic() + self._seconds
        return Stream(look, until, lambda: self._held.release(held), is_over)

    def _too_many(self, project_id: str | None) -> errors.APIError:
        seconds = self._held.seconds_to_wait(EVENT_STREAM, project_id, self._seconds)
        return errors.APIError(
            errors.events.TOO_MANY_STREAMS,
            'This process serves as many event streams as it may, of all clients or of the '
            'project. Try again later, or ask for pages of events.',
            headers={'Retry-After': str(seconds)},
        )


class Stream(Iterator[bytes]):
    """The body of one answer; the server closes it, also when its client is gone."""

    def __init__(
        self,
        look: Look,
        until: float,
        closed: Callable[[], None],
        is_over: Callable[[], bool] | None,
    ):
        self._look = look
        self._is_over = is_over or (lambda: False)
        self._until = until
        self._closed = closed
        # Sent at once, so that the client sees its request answered.
        self._pending = collections.deque([b'retry: 1000\n\n'])
        self._is_last = False
        self._next_look = 0.0
        self._written = time.monotonic()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> bytes:
        while not self._pending:
            now = time.monotonic()
            if self._is_last or now >= self._until or self._is_over():
                raise StopIteration
            if now < self._next_look:
                time.sleep(min(self._next_look, self._until) - now)
                continue
            self._next_look = now + _LOOK_INTERVAL
            try:
                messages, self._is_last = self._look()
            except UNAVAILABLE as error:
                # Heartbeats go on; what happens meanwhile follows.
                LOG.debug('An event stream waits for the database: %s', error)
                messages = ()
            except db_exc.DBError as error:
                LOG.warning('An event stream ends early: %s', error)
                raise StopIteration from None
            self._pending.extend(messages)
            if not self._pending and now - self._written >= _HEARTBEAT_INTERVAL:
                self._pending.append(_HEARTBEAT)
        self._written = time.monotonic()
        return self._pending.popleft()

    def close(self) -> None:
        """Make room for another one."""
        self._closed()
