"""One step of an operation as a TaskFlow atom."""

from typing import Any, Final

from oslo_log import log as logging
from taskflow import task
from taskflow.types import failure as taskflow_failure

from magnum.certificates.errors import SealingError
from magnum.clients.errors import CloudError, CloudRefused
from magnum.db.repositories import steps
from magnum.domain import states
from magnum.operations.claims import LeaseLost
from magnum.operations.flows import Step
from magnum.operations.outcomes import HeatIsBusy, StepFailed, TryLater
from magnum.operations.work import Work

LOG = logging.getLogger(__name__)

#: Errors whose text is ours, or the cloud's, and made for people.
_TELLING: Final = (StepFailed, CloudError, TryLater, HeatIsBusy, SealingError)


class StepTask(task.Task):
    """Does a step; what became of it is in its own row."""

    def __init__(self, name: str, step: Step, position: int, work: Work):
        super().__init__(name=name)
        self._step = step
        self._position = position
        self._work = work

    def execute(self) -> None:
        """Do the step, unless it is recorded as done."""
        retrying = self._work.tools.database.retrying
        if retrying(self._begin):
            retrying(lambda: self._step(self._work))
            retrying(lambda: self._end(states.STEP_DONE))

    def revert(self, result: Any, flow_failures: dict[str, Any], **kwargs: Any) -> None:
        """Record the failure; cleaning up is a delete's work."""
        if isinstance(result, taskflow_failure.Failure):
            state = states.STEP_PENDING
            if result.check(StepFailed, CloudRefused, SealingError):
                state = states.STEP_FAILED
            # The text of an unforeseen error may hold anything.
            reason = result.exception_str if result.check(*_TELLING) else None
            try:
                self._work.tools.database.retrying(lambda: self._end(state, reason))
            except LeaseLost:
                LOG.info('Step %s was taken over by another worker', self.name)

    def _begin(self) -> bool:
        with self._work.going_on() as session:
            uuid = self._work.claim.operation_uuid
            return steps.begin(session, uuid, self.name, self._position)

    def _end(self, state: str, reason: str | None = None) -> None:
        with self._work.writing() as session:
            steps.end(session, self._work.claim.operation_uuid, self.name, state, reason)
