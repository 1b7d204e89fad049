"""Queue of a bay: operations that wait for their turn while another is active.

What changes one node group and cannot run now is accepted, and waits in the
state PENDING. Every transaction that ends an active operation gives the next
one its turn; the watcher does where none did. What waits is checked again
then: it may have become impossible. Whoever calls holds the bay's lock.
"""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import orm

from magnum.db.models import Operation
from magnum.db.repositories import events, locking, pending, transitions
from magnum.db.repositories.locking import NodegroupGone
from magnum.db.selections import Row
from magnum.db.statements import database_now
from magnum.domain import machine, nodegroups, rounds, states
from magnum.domain.failures import Failure
from magnum.domain.parameters import Parameters, Resize

_CHANGES_OF_GROUPS: Final = frozenset(
    {states.RESIZE, states.CREATE_NODEGROUP, states.DELETE_NODEGROUP}
)
_ROTATIONS: Final = frozenset({states.ROTATE_CREDENTIAL, states.ROTATE_CA})
#: Each verb that may wait, and what it may wait behind. A new node group has the
#: image and the labels of the bay, which an upgrade is about to change.
BEHIND: Final = {
    states.RESIZE: _CHANGES_OF_GROUPS | _ROTATIONS | {states.UPGRADE},
    states.DELETE_NODEGROUP: _CHANGES_OF_GROUPS | _ROTATIONS | {states.UPGRADE},
    states.CREATE_NODEGROUP: _CHANGES_OF_GROUPS | _ROTATIONS,
}


def next_turn(session: orm.Session, bay_uuid: str) -> None:
    """Make what waits longest the bay's active operation; refuse what cannot be done any more.

    Nothing may be active at the bay.
    """
    session.flush()     # what was active lets go of the unique active_for first
    waiting = [*pending.of_bay(session, bay_uuid)]
    # What is of a later release waits for a conductor that knows it.
    while waiting and waiting[0].verb in states.VERBS:
        operation = waiting.pop(0)
        hindrance = _hindrance(session, operation)
        if hindrance is None:
            _begin(session, operation)
            break
        _refuse(session, operation, hindrance)
    _show(session, waiting)     # what ended may have been about the same node groups


def withdraw(session: orm.Session, operation: Operation, failure: Failure | None) -> None:
    """End an operation that waits for its turn; nothing was done for it.

    :param failure: why; None: a delete takes its place.
    """
    transitions.write(
        operation, machine.WITHDRAW, error=failure and failure.as_dict(),
        finished_at=database_now(session),
    )
    message = failure.sentence() if failure else f'{operation.verb} made way for a delete'
    events.record(session, operation, f'bay.{operation.verb}.cancelled', message)
    session.flush()
    pending.restore_count(session, operation)
    if failure is None:
        return
    locking.set_nodegroup_status(session, operation, states.FAILED, message)
    active = locking.active_operation(session, operation.bay_uuid)
    _show(session, [active] if active else [])
    show_waiting(session, operation.bay_uuid)


def show_waiting(session: orm.Session, bay_uuid: str) -> None:
    """Let the node groups of what waits say so, whatever else has just set their statuses."""
    _show(session, pending.of_bay(session, bay_uuid))


def nodegroup_of(operation: Operation | Row) -> str | None:
    """The node group that an operation changes; None for one that is about the bay."""
    if operation.verb not in _CHANGES_OF_GROUPS:
        return None
    return rounds.nodegroup_uuid(Parameters.of(operation))


def _show(session: orm.Session, operations: Sequence[Operation]) -> None:
    """Let the statuses of node groups say what goes on or waits, as far as it is known here."""
    for operation in operations:
        if operation.verb in states.VERBS:
            locking.set_nodegroup_status(session, operation, states.IN_PROGRESS)


def _begin(session: orm.Session, operation: Operation) -> None:
    allowed = operation.deadline - operation.created_at
    transitions.write(
        operation, machine.TURN, active_for=operation.bay_uuid,
        deadline=database_now(session) + allowed,
    )
    session.flush()
    locking.set_status(session, operation, states.IN_PROGRESS)
    events.record(
        session, operation, f'bay.{operation.verb}.turn', f'it is the turn of {operation.verb}'
    )


def _refuse(session: orm.Session, operation: Operation, hindrance: str) -> None:
    failure = Failure('plan_refused', hindrance)
    transitions.write(
        operation, machine.REFUSE, error=failure.as_dict(), finished_at=database_now(session)
    )
    session.flush()
    pending.restore_count(session, operation)
    locking.set_status(session, operation, states.FAILED, failure.sentence())
    events.record(session, operation, f'bay.{operation.verb}.failed', failure.sentence())


def _hindrance(session: orm.Session, operation: Operation) -> str | None:
    """Why what was accepted cannot be done now."""
    asked = Parameters.of(operation)
    try:
        group = locking.nodegroup(
            session, operation.bay_uuid, rounds.nodegroup_uuid(asked) or ''
        )
    except NodegroupGone:
        return 'The node group is gone.'
    if isinstance(asked, Resize):
        if group.stack_id is None and not group.is_default:
            return 'The node group was not created.'
        try:
            nodegroups.check_range(asked.node_count, group.min_node_count, group.max_node_count)
        except nodegroups.Invalid as fault:     # the bounds were changed since
            return str(fault)
    return None
