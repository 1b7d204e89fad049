"""How long nobody was answered while something else went on."""

import concurrent.futures
import threading
import time
from collections.abc import Callable


class Watch:
    """Asks again and again, in a thread of its own, until the end of the block.

    What the thread raises is raised at the end of the block.

    :ivar longest: seconds between two answers.
    :ivar ended: the time of day at which these were over.
    :ivar answers: how many there were.
    """

    def __init__(self, ask: Callable[[], bool], every: float = 0.5):
        self._ask = ask
        self._every = every
        self._ends = threading.Event()
        self._pool = concurrent.futures.ThreadPoolExecutor(1, 'watch')
        self.longest = 0.0
        self.ended = ''
        self.answers = 0

    def __enter__(self) -> 'Watch':
        self._asked = self._pool.submit(self._run)
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        self._pool.shutdown()
        self._asked.result()

    def _run(self) -> None:
        last = time.monotonic()
        while not self._ends.wait(self._every):
            began = time.monotonic()
            # Who asked while nobody answered has waited since the last answer.
            if self._ask():
                self._note(began - last)
                last = time.monotonic()
                self.answers += 1
        self._note(time.monotonic() - last)

    def _note(self, seconds: float) -> None:
        if seconds > self.longest:
            self.longest = seconds
            self.ended = time.strftime('%X')
