"""Remains in Heat of an operation that is cancelled or overdue.

A worker may have died between a request to Heat and the record of its answer.
Whoever ends the operation looks: what exists is recorded, so that the bay
tells of it, and a change that Heat never heard of is none.
"""

import dataclasses
from collections.abc import Callable
from typing import Final

from oslo_log import log as logging
from sqlalchemy import orm

from magnum.clients.errors import CloudError, CloudForbidden, CloudRefused
from magnum.clients.heat import HeatClient, Stack
from magnum.db.models import Bay, Nodegroup, Operation
from magnum.db.repositories import ledger, locking, transitions
from magnum.domain import machine, rounds, states
from magnum.domain.parameters import Parameters, ResizeMasters, Upgrade
from magnum.domain.stack_names import short_id
from magnum.operations.steps.heat import CREATE, DELETE, UPDATE, as_anybody, tag_of, was_asked
from magnum.operations.work import Work

LOG = logging.getLogger(__name__)

#: Verb -> the kind of stack it makes.
_MADE_BY: Final = {
    states.CREATE: ledger.HEAT_STACK,
    states.CREATE_NODEGROUP: ledger.NODEGROUP_STACK,
}


@dataclasses.dataclass(frozen=True)
class Remains:
    """What Heat has of an operation.

    :param stack: as it was seen; None for none.
    :param unheard: why Heat could not be asked.
    :param is_stopping: Heat was told to stop.
    """

    stack: Stack | None = None
    unheard: str | None = None
    is_stopping: bool = False

    def record(self, session: orm.Session, operation: Operation) -> None:
        """Record what a dead worker did not; the transaction holds the bay."""
        if self.stack is None or self.stack.action == DELETE:
            return
        if operation.verb in _MADE_BY:
            if operation.stack_id is None:
                _record_made(session, operation, self.stack)
        elif not was_asked(operation, self.stack):
            transitions.write(operation, machine.TAKE_BACK)
            take_masters_back(session, operation)
        elif operation.stack_action is None:
            transitions.write(operation, machine.ASK, stack_action=UPDATE)
            _record_version(session, operation)

    def told(self, operation: Operation, reason: str) -> str:
        """A reason, and what the user has to know of Heat."""
        return ' '.join(filter(None, (reason, self._sentence(operation))))

    def _sentence(self, operation: Operation) -> str:
        if self.unheard is not None:
            return f'Heat could not be told and may go on: {self.unheard}'
        if self.stack is None or self.stack.action == DELETE:
            return ''
        if operation.verb in _MADE_BY:
            state = 'is being stopped' if self.is_stopping else f'is {self.stack.status}'
            return (
                f'The stack {self.stack.name} ({self.stack.id}) {state}; '
                'servers that it has made run on.'
            )
        if operation.stack_action is not None and not self.stack.is_busy:
            return f'Heat had ended the change by then: {self.stack.status}.'
        return ''


def take_masters_back(session: orm.Session, operation: Operation) -> None:
    """Let the number of masters be that of before Heat was to be asked: it never heard."""
    asked = Parameters.of(operation)
    this = rounds.current(asked)
    if isinstance(asked, ResizeMasters) and this is not None and this.is_asked:
        locking.set_values(session, Nodegroup, this.uuid, node_count=this.before['node_count'])
        operation.parameters = asked.with_current(is_asked=False).stored()


def may_be_unrecorded(session: orm.Session, operation: Operation) -> bool:
    """Whether Heat may have been asked for something that no row tells of."""
    if operation.phase != states.START:
        return False
    if operation.verb in _MADE_BY:
        return operation.stack_id is None and bool(_names(session, operation))
    return operation.stack_updated_before is not None and operation.verb != states.DELETE


def look(work: Work) -> Remains:
    """Look up what Heat has of the operation."""
    return _ask(work, lambda heat: Remains(_asked_for(work, heat)))


def stop_heat(work: Work) -> Remains:
    """Ask Heat, once, to stop what it does for the operation."""

    def stop(heat: HeatClient) -> Remains:
        stack = _asked_for(work, heat)
        if stack is None or not stack.is_busy or stack.action == DELETE:
            return Remains(stack)
        try:
            heat.cancel(stack.id)
        except CloudForbidden:
            raise       # another identity may
        except CloudRefused as refused:
            # It was done in this very moment, or cannot be stopped.
            LOG.info('Operation %s: Heat did not stop: %s', work.claim.operation_uuid, refused)
            return Remains(heat.get(stack.id))
        return Remains(stack, is_stopping=True)

    return _ask(work, stop)


def _ask(work: Work, call: Callable[[HeatClient], Remains]) -> Remains:
    try:
        return as_anybody(work, call)
    except CloudError as error:
        LOG.warning('Operation %s: Heat was not asked: %s', work.claim.operation_uuid, error)
        return Remains(unheard=str(error))


def _asked_for(work: Work, heat: HeatClient) -> Stack | None:
    """The stack that the operation works on, or may have asked for."""
    operation = work.operation()
    if operation.stack_id is not None:
        return heat.get(operation.stack_id)
    if operation.verb not in _MADE_BY:
        return None
    # Asked for perhaps, by a worker that did not live to record the answer.
    with work.tools.database.reading() as session:
        names = _names(session, operation)
    for name in names:
        stack = heat.get(name)
        if stack is not None and tag_of(operation.bay_uuid) in stack.tags:
            return stack
    return None


def _names(session: orm.Session, operation: Operation) -> list[str]:
    """What the ledger calls the stack that the operation makes, once it was to be asked for."""
    uuid = rounds.nodegroup_uuid(Parameters.of(operation)) or operation.bay_uuid
    return [
        entry.name
        for entry in ledger.entries(session, operation.bay_uuid, _MADE_BY[operation.verb])
        if entry.name.endswith(short_id(uuid))
    ]


def _record_made(session: orm.Session, operation: Operation, stack: Stack) -> None:
    ledger.note_id(
        session, operation.bay_uuid, _MADE_BY[operation.verb], stack.name, stack.id
    )
    if operation.verb == states.CREATE:
        locking.set_values(session, Bay, operation.bay_uuid, stack_id=stack.id)
    locking.set_stack(
        session, operation.bay_uuid, rounds.nodegroup_uuid(Parameters.of(operation)), stack.id
    )
    transitions.write(operation, machine.FOLLOW, stack_id=stack.id, stack_action=CREATE)


def _record_version(session: orm.Session, operation: Operation) -> None:
    """The version of the template that an upgrade gave a stack."""
    asked = Parameters.of(operation)
    this = rounds.current(asked)
    if not isinstance(asked, Upgrade | ResizeMasters) or this is None:
        return
    if asked.template_version is None:
        return
    nodegroup = locking.nodegroup(session, operation.bay_uuid, this.uuid)
    version = {'template_version': asked.template_version}
    if nodegroup.is_default:
        locking.set_values(session, Bay, operation.bay_uuid, **version)
    locking.set_values(session, Nodegroup, nodegroup.uuid, **version)
