"""How many requests somebody may send to this process."""

import collections
import threading
import time
from collections.abc import Callable


class RateLimiter:
    """Limits requests per key: ``per_minute`` at once, then evenly spread.

    Per key it keeps one number, the time at which all the requests so far
    would have been due had they been spread evenly. It remembers the last
    ``max_keys`` keys.

    :param per_minute: 0 for no limit.
    :param clock: seconds, monotonic.
    """

    def __init__(
        self,
        per_minute: int,
        clock: Callable[[], float] = time.monotonic,
        max_keys: int = 10_000,
    ):
        self._interval = 60 / per_minute if per_minute else 0.0
        self._clock = clock
        self._max_keys = max_keys
        self._due: collections.OrderedDict[str, float] = collections.OrderedDict()
        self._lock = threading.Lock()

    def seconds_to_wait(self, key: str) -> float:
        """Count a request; 0.0 when it may go on, else it is not counted."""
        if not self._interval:
            return 0.0
        now = self._clock()
        with self._lock:
            due = max(now, self._due.get(key, now)) + self._interval
            excess = due - now - 60
            if excess > 0:
                return excess
            self._due[key] = due
            self._due.move_to_end(key)
            if len(self._due) > self._max_keys:
                self._due.popitem(last=False)
        return 0.0
