"""When nodes were last heard of, collected for writes of many at once.

Nodes report for ever and mostly say nothing new. With an UPDATE and a commit for
each of them, the database's writes would grow with the number of nodes.
"""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

#: Seconds between two writes of a process.
_INTERVAL: Final = 1.0
#: Most nodes of one write: it locks their rows.
_MOST: Final = 200


class Heard:
    """Collects nodes; one of them in a while writes all.

    On a quiet service that is each of them. What no node comes to write is not
    lost: the node's time stays old, so that its next report is due again.

    :param clock: seconds, monotonic.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self._clock = clock
        self._waiting: set[int] = set()
        self._next = clock()
        self._lock = threading.Lock()

    def add(self, node_id: int) -> Sequence[int] | None:
        """The other nodes that are to be written with this one now; None: not now."""
        with self._lock:
            now = self._clock()
            if now < self._next and len(self._waiting) < _MOST:
                self._waiting.add(node_id)
                return None
            others = sorted(self._waiting - {node_id})
            self._waiting.clear()
            self._next = now + _INTERVAL
            return others
