"""Ends operations that somebody does not want any more.

A delete pre-empts: the operation lets go of its bay at once and only stops.
A user cancels: the operation keeps its bay until it has stopped, Heat is
asked to stop, too, and the bay says that it was cancelled.
"""

from typing import Final

from oslo_log import log as logging
from sqlalchemy import orm

from magnum.certificates.bootstrap import BootstrapTokens
from magnum.clients.errors import CloudError, CloudRefused
from magnum.clients.heat import HeatClient, Stack
from magnum.db.models import Operation
from magnum.domain import states
from magnum.domain.failures import Failure
from magnum.domain.stack_names import short_id
from magnum.events import timeline
from magnum.operations import ledger, rows
from magnum.operations.claims import end
from magnum.operations.steps.heat import DELETE, as_anybody, tag_of
from magnum.operations.work import Work

LOG = logging.getLogger(__name__)

#: Verb -> the kind of stack it makes, and the parameter that says whose.
_MADE_BY: Final = {
    states.CREATE: (ledger.HEAT_STACK, 'bay'),
    states.CREATE_NODEGROUP: (ledger.NODEGROUP_STACK, 'nodegroup'),
}


def is_preempted(operation: Operation) -> bool:
    """Whether a delete has taken the bay from an operation that has not ended."""
    return operation.active_for is None


def end_cancelled(
    session: orm.Session,
    operation: Operation,
    tokens: BootstrapTokens | None = None,
    unheard: str | None = None,
) -> None:
    """End a cancelled operation, in a transaction that holds the bay.

    :param tokens: to disarm the operation's; not needed before it was begun.
    :param unheard: why Heat could not be asked to stop.
    """
    if tokens is not None:
        tokens.disarm(session, operation.uuid)
    kind = f'bay.{operation.verb}.cancelled'
    if is_preempted(operation):
        end(session, operation, states.CANCELLED)
        timeline.record(session, operation, kind, f'{operation.verb} made way for a delete')
        return
    reason: str = (operation.error or {}).get('reason', 'It was cancelled.')
    if unheard is not None:
        reason = f'{reason} Heat could not be told and may go on: {unheard}'
    failure = Failure('cancelled', reason)
    if operation.stack_action is None:  # Heat was never asked
        rows.restore_count(session, operation)
    rows.set_status(session, operation, states.FAILED, failure.sentence())
    end(session, operation, states.CANCELLED, failure)
    timeline.record(session, operation, kind, failure.sentence())


def stop_heat(work: Work) -> str | None:
    """Ask Heat, once, to stop what it does for the operation.

    :returns: why that could not be done; None when nothing is left to stop.
    """

    def stop(heat: HeatClient) -> None:
        stack = _asked_for(work, heat)
        if stack is not None and stack.is_busy and stack.action != DELETE:
            heat.cancel(stack.id)

    try:
        as_anybody(work, stop)
    except CloudRefused as refused:
        # It was done in this very moment, or cannot be stopped.
        LOG.info('Operation %s: Heat did not stop: %s', work.claim.operation_uuid, refused)
    except CloudError as error:
        LOG.warning('Operation %s: Heat was not stopped: %s', work.claim.operation_uuid, error)
        return str(error)
    return None


def _asked_for(work: Work, heat: HeatClient) -> Stack | None:
    """The stack that the operation works on, or may have asked for."""
    operation = work.operation()
    if operation.stack_id is not None:
        return heat.get(operation.stack_id)
    kind, what = _MADE_BY.get(operation.verb, (None, ''))
    if kind is None:
        return None
    # Asked for perhaps, by a worker that did not live to record the answer.
    uuid = operation.parameters.get(what, operation.bay_uuid)
    with work.tools.database.reading() as session:
        names = [
            entry.name for entry in ledger.entries(session, operation.bay_uuid, kind)
            if entry.name.endswith(short_id(uuid))
        ]
    for name in names:
        stack = heat.get(name)
        if stack is not None and tag_of(operation.bay_uuid) in stack.tags:
            return stack
    return None
