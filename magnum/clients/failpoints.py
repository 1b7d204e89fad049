"""Failpoints: places where a test kills the process."""

import os
import signal
import threading
from typing import Final

_lock: Final = threading.Lock()
_armed: list[str] = []
_left: list[int] = []


def arm(failpoint: str | None) -> None:
    """Die at ``failpoint`` (``before:<call>[:<n>]``); None disarms.

    Process-wide, because it stands for a fault of the process.
    """
    with _lock:
        _armed.clear()
        _left.clear()
        if failpoint:
            when, call, *count = failpoint.split(':')
            _armed.append(f'{when}:{call}')
            _left.append(int(count[0]) if count else 1)


def reach(point: str) -> None:
    """Pass a failpoint; the armed one kills the process."""
    if not _armed or _armed[0] != point:
        return
    with _lock:
        _left[0] -= 1
        this_is_it = _left[0] == 0
    if this_is_it:
        os.kill(os.getpid(), signal.SIGKILL)
