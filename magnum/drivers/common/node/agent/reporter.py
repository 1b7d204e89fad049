# roles: master worker
"""Periodic reports of a node, and their answers."""

from __future__ import annotations

import random
import threading
import time

from . import directives, encryption, state
from .channel import Away, Channel, Gone, Refused
from .cloud import Cloud, knows_purposes, taken
from .conditions import Conditions
from .node import Node, ProgramFailed

SOONEST, LATEST, USUALLY = 1.0, 3600.0, 60.0
#: Seconds between two tries when the service is away: doubled each time, up to the last.
FIRST_PAUSE, LAST_PAUSE = 5.0, 300.0
#: Seconds between checks for a new step during the boot.
GLANCE = 1.0
#: Seconds within which a built node reports after its start: many may start together.
SPREAD = 30.0


def pause_after(failures: int, asked: float = 0) -> float:
    """Exponential backoff with jitter, in seconds."""
    longest: float = min(LAST_PAUSE, FIRST_PAUSE * 2 ** min(failures - 1, 10))
    return max(min(asked, LATEST), longest * random.uniform(0.5, 1))  # noqa: S311 - no secret


class Reporter:
    """Reports of one node."""

    def __init__(self, node: Node, channel: Channel | None = None) -> None:
        self._node = node
        self._channel = channel or Channel(node)
        self._conditions = Conditions(node)
        self._cloud = Cloud(node, self._channel)
        self._woken = threading.Event()
        self._directives = directives.Directives(node, self._woken.set)
        self._failures = 0
        self._seen = -1
        self._number = 0
        self._said = ''

    def run(self) -> None:
        """Report until the bay is gone; the first time soon on a node that is built.

        :raises Gone: it is.
        """
        self._seen = state.changed(self._node)
        if state.read(self._node)['state'] == state.READY:
            self.wait(random.uniform(0, SPREAD))    # noqa: S311 - no secret
        while True:
            self.wait(self.turn())

    def turn(self) -> float:
        """Send results of directives and a report.

        :returns: the seconds until the next report.
        :raises Gone: the bay is gone.
        """
        self._woken.clear()
        self._seen = state.changed(self._node)
        try:
            for name, result in self._directives.results().items():
                self._say_result(name, result)
            answer = self._channel.signed('report', 'magnum/report', self._report())
        except Gone:
            raise
        except (Away, Refused, ProgramFailed, OSError) as error:
            self._failures += 1
            self._log(f'cannot report: {error}')
            return pause_after(self._failures, getattr(error, 'seconds', 0))
        self._failures = 0
        self._log('reports')
        return self._heard(answer)

    def wait(self, seconds: float) -> None:
        """Wait for the next turn, or for news."""
        end = time.monotonic() + seconds
        while not self.has_news():
            left = end - time.monotonic()
            if left <= 0:
                return
            is_built = state.read(self._node)['state'] == state.READY
            self._woken.wait(left if is_built else min(left, GLANCE))

    def has_news(self) -> bool:
        """Whether something has changed since the last turn."""
        return self._woken.is_set() or state.changed(self._node) != self._seen

    def _report(self) -> dict[str, object]:
        told = state.read(self._node)
        is_built = told['state'] != state.BUILDING
        if not is_built:
            # Programs are still being installed.
            self._conditions.forget_versions()
        conditions = self._conditions.look(self._channel, is_built)
        versions = dict(self._conditions.versions()) if is_built else {}
        if is_built:
            conditions.update(self._cloud.look())
        if taken(self._node):
            versions['cloud-credential'] = taken(self._node)
        if knows_purposes(self._node):
            versions['cloud-purposes'] = 'true'
        verbs = directives.known(self._node)
        if verbs:
            versions['directives'] = verbs
        keys = encryption.names(self._node)
        if keys:
            versions['encryption-key'] = keys
        self._number = state.next_number(self._node, self._number)
        return {
            'sequence': self._number,
            **told,
            'conditions': conditions,
            'versions': versions,
            'trusts': self._conditions.trusts(),
        }

    def _say_result(self, name: str, result: dict[str, object]) -> None:
        try:
            self._channel.signed('results/' + name, 'magnum/result/' + name, result)
        except Gone:
            raise
        except Refused as error:
            self._log(f'the result of {name} is not wanted: {error}')
        self._directives.heard(name)

    def _heard(self, answer: dict[str, object]) -> float:
        self._directives.take(answer.get('directives'))
        # Before, the steps do it.
        is_built = state.read(self._node)['state'] != state.BUILDING
        if is_built and self._cloud.follow(answer.get('cloud_credential')):
            self._woken.set()
        seconds = answer.get('next')
        if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
            seconds = USUALLY
        return max(SOONEST, min(LATEST, seconds))

    def _log(self, text: str) -> None:
        """Log to the journal, without repetitions."""
        if text != self._said:
            self._said = text
            print(text, flush=True)
