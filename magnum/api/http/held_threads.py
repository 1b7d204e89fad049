"""Bounds on threads that waiting requests hold.

A process answers requests by a few threads. Requests that last by their nature
hold one each; without a bound, one client's would hold all of them.
"""

import dataclasses
import math
import threading
import time
from collections.abc import Callable, Mapping
from typing import Final

from oslo_config import cfg

EVENT_STREAM: Final = 'event stream'
SYNCHRONOUS_CREATE: Final = 'synchronous create'


@dataclasses.dataclass(frozen=True)
class Limit:
    """How many requests of one kind may wait: of all clients, and of one project's."""

    total: int
    per_project: int


@dataclasses.dataclass(frozen=True, eq=False)
class Hold:
    """One thread, held until ``end`` at the latest."""

    kind: str
    project_id: str | None
    end: float


class HeldThreads:
    """The threads of one process that wait; at least one of its threads never does.

    :param limits: by kind.
    :param clock: seconds, monotonic.
    """

    def __init__(
        self,
        threads: int,
        limits: Mapping[str, Limit],
        clock: Callable[[], float] = time.monotonic,
    ):
        self._most = threads - 1
        self._limits = limits
        self._clock = clock
        self._held: set[Hold] = set()
        self._lock = threading.Lock()

    def hold(self, kind: str, project_id: str | None, seconds: float) -> Hold | None:
        """Let a request wait; None when as many wait as may.

        :param seconds: how long at the most; then it no longer counts, whether
            or not it was released.
        """
        now = self._clock()
        with self._lock:
            self._held = {one for one in self._held if one.end > now}
            alike = [one for one in self._held if one.kind == kind]
            own = [one for one in alike if one.project_id == project_id]
            limit = self._limits[kind]
            if (
                len(self._held) >= self._most
                or len(alike) >= limit.total
                or len(own) >= limit.per_project
            ):
                return None
            held = Hold(kind, project_id, now + seconds)
            self._held.add(held)
            return held

    def release(self, held: Hold) -> None:
        """Make room; once more is fine."""
        with self._lock:
            self._held.discard(held)

    def seconds_to_wait(self, kind: str, project_id: str | None, otherwise: float) -> int:
        """Whole seconds after which another one may wait, at the latest.

        :param otherwise: where none is held.
        """
        now = self._clock()
        with self._lock:
            alike = [one for one in self._held if one.kind == kind]
        own = [one for one in alike if one.project_id == project_id]
        if len(own) >= self._limits[kind].per_project:
            alike = own
        first = min((one.end for one in alike), default=now + otherwise)
        return max(1, math.ceil(first - now))


def of_process(conf: cfg.ConfigOpts) -> HeldThreads:
    """Those of a process, as configured."""
    options = conf.api
    return HeldThreads(options.threads, {
        EVENT_STREAM: Limit(options.event_streams, options.event_streams_per_project),
        SYNCHRONOUS_CREATE: Limit(
            options.synchronous_creates, options.synchronous_creates_per_project
        ),
    })
