"""Stopping what Heat does for an operation that was cancelled."""

from typing import Final

from oslo_log import log as logging

from magnum.clients.errors import CloudError, CloudRefused
from magnum.clients.heat import HeatClient, Stack
from magnum.domain import states
from magnum.domain.stack_names import short_id
from magnum.operations import ledger
from magnum.operations.steps.heat import DELETE, as_anybody, tag_of
from magnum.operations.work import Work

LOG = logging.getLogger(__name__)

#: Verb -> the kind of stack it makes, and the parameter that says whose.
_MADE_BY: Final = {
    states.CREATE: (ledger.HEAT_STACK, 'bay'),
    states.CREATE_NODEGROUP: (ledger.NODEGROUP_STACK, 'nodegroup'),
}


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
