"""Steps of an operation as TaskFlow tasks, and the record that is kept of them."""

from collections.abc import Mapping
from typing import Any, Final

from oslo_context import context
from oslo_log import log as logging
from taskflow import task

from magnum.certificates.errors import SealingError
from magnum.clients.errors import CloudError, CloudRefused
from magnum.db.repositories import steps
from magnum.domain import states
from magnum.operations.claims import LeaseLost
from magnum.operations.flows import PhaseStep
from magnum.operations.outcomes import HeatIsBusy, NothingLeft, StepFailed, TryLater
from magnum.operations.work import Work

LOG = logging.getLogger(__name__)

#: Errors whose text is ours, or the cloud's, and made for people.
_TELLING: Final = (
    StepFailed, CloudError, TryLater, HeatIsBusy, SealingError, NothingLeft,
)


class StepTask(task.Task):
    """Does a step, between the records that it was begun and that it is done.

    Both belong to the step: without the first nothing is asked of the cloud,
    without the second no other step goes on from it. A task gives its own
    name, for those that need it.
    """

    def __init__(self, step: PhaseStep, position: int, work: Work):
        super().__init__(name=step.name, provides=step.name, requires=step.needs)
        self._function = step.function
        self._position = position
        self._work = work

    def pre_execute(self) -> None:
        """Have log lines carry the id of the request that asked for the operation."""
        context.RequestContext(request_id=self._work.claim.request_id)

    def execute(self, **given: None) -> None:
        """Do the step, unless it is recorded as done."""
        retrying = self._work.tools.database.retrying
        if retrying(self._begin):
            retrying(lambda: self._function(self._work))
            retrying(lambda: _end(self._work, self.name, states.STEP_DONE))

    def post_execute(self) -> None:
        """Have what this thread logs next be of no request."""
        context.RequestContext()

    def _begin(self) -> bool:
        with self._work.going_on() as session:
            uuid = self._work.claim.operation_uuid
            return steps.begin(session, uuid, self.name, self._position)


def record_failure(event: str, work: Work, details: Mapping[str, Any]) -> None:
    """Record why a step was not done: a listener of TaskFlow's notifications.

    Nothing is undone: cleaning up is a delete's work.
    """
    failure, name = details['result'], details['task_name']
    state = states.STEP_PENDING
    if failure.check(StepFailed, CloudRefused, SealingError):
        state = states.STEP_FAILED
    # The text of an unforeseen error may hold anything.
    reason = failure.exception_str if failure.check(*_TELLING) else None
    try:
        work.tools.database.retrying(lambda: _end(work, name, state, reason))
    except LeaseLost:
        LOG.info('Step %s was taken over by another worker', name)


def _end(work: Work, name: str, state: str, reason: str | None = None) -> None:
    with work.writing() as session:
        steps.end(session, work.claim.operation_uuid, name, state, reason)
