"""Rate limits of requests to this process."""

import collections
import ipaddress
import math
import re
import threading
import time
from collections.abc import Callable
from typing import Final

from magnum.api import errors

# An address as proxies write it: perhaps quoted, in brackets, with a port.
_WRITTEN_ADDRESS: Final = re.compile(
    r'"?(?:\[(?P<long>[0-9a-fA-F:.]{2,45})\]|(?P<short>[0-9.]{7,15}))(?::[0-9]{1,5})?"?'
)
_NETWORK_OF_A_CUSTOMER: Final = 64
_UNKNOWN: Final = 'unknown'


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

    def seconds_to_wait(self, key: str, count: bool = True) -> float:
        """Seconds after which a request may go on; 0.0 for one that may do so now.

        :param count: count this one, if it may go on.
        """
        if not self._interval:
            return 0.0
        now = self._clock()
        with self._lock:
            due = max(now, self._due.get(key, now)) + self._interval
            excess = due - now - 60
            if excess > 0:
                return excess
            if count:
                self._due[key] = due
                self._due.move_to_end(key)
                if len(self._due) > self._max_keys:
                    self._due.popitem(last=False)
        return 0.0


def address_key(address: str) -> str:
    """The key that a client's address is counted under; short, whatever is given.

    Of an IPv6 address it is the /64 network, all of which one customer has.

    :param address: as the server or a trusted proxy names it.
    """
    written = _WRITTEN_ADDRESS.fullmatch(address)
    try:
        parsed = ipaddress.ip_address(
            (written['long'] or written['short']) if written else address[:45]
        )
    except ValueError:
        return _UNKNOWN
    if parsed.version == 4:
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed.packed, _NETWORK_OF_A_CUSTOMER), strict=False))


def too_many(seconds: float) -> errors.APIError:
    """The answer to who may come again after some seconds."""
    retry_after = str(math.ceil(seconds))
    return errors.APIError(
        errors.bootstrap.TOO_MANY, 'Too many requests.', {'Retry-After': retry_after}
    )
