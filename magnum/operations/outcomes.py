"""Outcomes of steps other than success."""

import datetime

from magnum.domain.failures import Failure


class StepFailed(Exception):
    """The operation cannot succeed; it ends FAILED with this failure."""

    def __init__(self, failure: Failure):
        super().__init__(failure.sentence())
        self.failure = failure


class TryLater(Exception):
    """Not now: the operation goes back to the queue for a while.

    :param reason: what stands in the way; shown if the deadline passes.
    :param seconds: how long to wait; None leaves it to the growing interval.
    :param code: of the failure that this is if the deadline passes.
    """

    def __init__(
        self, reason: str, seconds: float | None = None, code: str = 'cloud_unavailable'
    ):
        super().__init__(reason)
        self.code = code
        self.delay = None if seconds is None else datetime.timedelta(seconds=seconds)


class NothingLeft(Exception):
    """The operation succeeds without going on: nothing is left to do."""


class DeadlinePassed(Exception):
    """The operation had its time."""


class Handover(Exception):
    """This process is to end: another one goes on where it stopped."""


class StackUnrecorded(Exception):
    """The operation fails with ``failure``; before that, see what Heat has of it."""

    def __init__(self, failure: Failure):
        super().__init__(failure.sentence())
        self.failure = failure


class HeatIsBusy(Exception):
    """Heat still works on the stack: back to waiting for it."""


class Cancelled(Exception):
    """The operation was pre-empted: it stops here and touches nothing more."""
