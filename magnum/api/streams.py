"""Answers that go on: server-sent events, and how many of them there may be.

A stream holds a thread of the server while it lasts, so there are few of them
and each ends by itself; its client comes back and resumes where it was.
"""

import collections
import math
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Final, Self

from oslo_config import cfg
from oslo_db import exception as db_exc
from oslo_log import log as logging

from magnum.api import errors

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

    def __init__(self, conf: cfg.ConfigOpts):
        # One thread at least is always there for other requests.
        self._most: int = min(conf.api.event_streams, conf.api.threads - 1)
        self._seconds: int = conf.api.event_stream_time
        self._ends: dict[int, float] = {}
        self._lock = threading.Lock()

    def open(self, look: Look, is_over: Callable[[], bool] | None = None) -> 'Stream':
        """A new stream.

        :param look: asked again and again; holds nothing between two calls.
        :param is_over: whether nobody listens any more, where the server says so.
        :raises APIError: 503, there are as many as there may be.
        """
        now = time.monotonic()
        stream = Stream(look, now + self._seconds, self._close, is_over)
        with self._lock:
            # One whose server never closed it is over too.
            over = [key for key, end in self._ends.items() if end + _HEARTBEAT_INTERVAL < now]
            for key in over:
                del self._ends[key]
            if len(self._ends) >= self._most:
                raise self._too_many(now)
            self._ends[id(stream)] = now + self._seconds
        return stream

    def _close(self, stream: 'Stream') -> None:
        with self._lock:
            self._ends.pop(id(stream), None)

    def _too_many(self, now: float) -> errors.APIError:
        first = min(self._ends.values(), default=now + self._seconds)
        return errors.APIError(
            errors.TOO_MANY_STREAMS,
            'This process serves as many event streams as it may. Try again later, or ask for '
            'pages of events.',
            headers={'Retry-After': str(max(1, math.ceil(first - now)))},
        )


class Stream(Iterator[bytes]):
    """The body of one answer; the server closes it, also when its client is gone."""

    def __init__(
        self,
        look: Look,
        until: float,
        closed: Callable[['Stream'], None],
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
        self._closed(self)
