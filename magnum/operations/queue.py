"""Turns at a bay: which operations are active, side by side, and which wait.

What cannot run now and does not contradict what runs is accepted, and waits in the
state PENDING. Every transaction that ends an active operation gives what may
go on then its turn; the watcher does where none did. What waits is checked
again then: it may have become impossible.

Clients that wait for a creation know no status after it but ``CREATE_COMPLETE``: the
bay shows that for a while before what has waited behind the creation goes on.
"""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import orm

from magnum.db.models import Operation
from magnum.db.repositories import events, locking, node_trust, pending, transitions
from magnum.db.repositories import nodegroups as nodegroup_repository
from magnum.db.repositories.locking import NodegroupGone
from magnum.db.statements import database_now
from magnum.domain import machine, nodegroups, rounds, states, turns
from magnum.domain.failures import Failure
from magnum.domain.parameters import Parameters, Resize, ResizeMasters, Upgrade
from magnum.operations import half_made
from magnum.operations.building import is_made

_ROTATIONS: Final = frozenset({states.ROTATE_CREDENTIAL, states.ROTATE_CA})
_OF_BAYS: Final = _ROTATIONS | {states.UPGRADE, states.RESIZE_MASTERS}
_OF_COUNTS: Final = turns.CHANGES_OF_GROUPS | _OF_BAYS | {states.CREATE}
#: Each verb that may wait, and what it may wait behind. A new node group has the
#: image and the labels of the bay, which an upgrade is about to change; and a second
#: upgrade was checked against what the first is about to change. An upgrade is checked
#: against what nodes report, and there is nothing to rotate, before the bay is created.
BEHIND: Final = {
    states.RESIZE: _OF_COUNTS,
    states.RESIZE_MASTERS: _OF_COUNTS,
    states.DELETE_NODEGROUP: _OF_COUNTS,
    states.CREATE_NODEGROUP: _OF_COUNTS - {states.UPGRADE},
    states.UPGRADE: turns.CHANGES_OF_GROUPS | _OF_BAYS - {states.UPGRADE},
    **{verb: turns.CHANGES_OF_GROUPS | _OF_BAYS - {verb} for verb in _ROTATIONS},
}


def follow(
    session: orm.Session,
    operation: Operation,
    outcome: str,
    at_once: int,
    reason: str | None = None,
) -> None:
    """Let what is shown follow an operation that has just ended, and give turns.

    :param at_once: how many operations may go on side by side.
    :param reason: why it failed, if it did.
    """
    settle(session, operation, outcome, reason)
    next_turn(session, operation.bay_uuid, at_once, (operation, outcome, reason))


def settle(
    session: orm.Session, operation: Operation, outcome: str, reason: str | None = None
) -> None:
    """Let the node groups that an operation is about now say what came of it.

    What waits to change them is on top of that, and may be cancelled.
    """
    locking.set_nodegroup_status(session, operation, outcome, reason)
    for group in locking.touched_nodegroups(session, operation):
        shown = {'status': group.status, 'status_reason': group.status_reason}
        pending.settle_shown(session, group, shown)


def next_turn(
    session: orm.Session,
    bay_uuid: str,
    at_once: int,
    ended: tuple[Operation, str, str | None] | None = None,
) -> None:
    """Make active what may go on now, in order; refuse what cannot be done any more.

    :param at_once: how many operations may go on side by side.
    :param ended: one that ended just now, its outcome, and why it failed.
    """
    session.flush()     # what was active lets go of the unique active_for first
    active = [*locking.active_operations(session, bay_uuid)]
    defaults = nodegroup_repository.defaults(session, [bay_uuid])
    # What has failed since the bay was idle is remembered where users read it.
    failure = locking.status_reason(session, bay_uuid)
    if ended and ended[1] == states.FAILED:
        failure = ended[2]
    line = pending.of_bay(session, bay_uuid)
    is_shown = bool(line) and not active and pending.is_just_created(session, bay_uuid)
    waiting: list[Operation] = []
    for operation in line:
        # What is of a later release waits for a conductor that knows it.
        part = turns.part_of(Parameters.of(operation), defaults)
        if is_shown or operation.verb not in states.VERBS or turns.before(
            part, active, waiting, defaults, at_once
        ):
            waiting.append(operation)
            continue
        if half_made.is_uncreated(session, operation):
            _drop(session, operation)
            continue
        hindrance = _hindrance(session, operation)
        if hindrance is None:
            _begin(session, operation, turns.key(bay_uuid, part, at_once))
            active.append(operation)
            continue
        refused = _refuse(session, operation, hindrance)
        failure = failure or refused        # the first reason is the deepest
        ended = operation, states.FAILED, failure
    if active:
        locking.set_bay_status(session, active[-1], states.IN_PROGRESS, failure)
    elif ended:
        _show_end(session, ended[0], ended[1], failure)
    _show(session, waiting)     # what ended may have been about the same node groups


def _show_end(
    session: orm.Session, operation: Operation, outcome: str, failure: str | None
) -> None:
    """Let the bay say what came of the last of what went on.

    The success of one node group does not hide the failure of another one that was
    changed meanwhile, unless that was mended.
    """
    if outcome == states.COMPLETE and failure is not None:
        failure = locking.failed_nodegroup(session, operation.bay_uuid)
        outcome = states.COMPLETE if failure is None else states.FAILED
    locking.set_bay_status(session, operation, outcome, failure)


def withdraw(session: orm.Session, operation: Operation, failure: Failure | None) -> None:
    """End an operation that waits for its turn; nothing was done for it.

    Its node group is as it was before, and says so.

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
    # A node group that was to be created is not there, which is a failure.
    if not pending.show_again(session, operation) and failure is not None:
        settle(session, operation, states.FAILED, message)
    if failure is None:
        return
    _show(session, locking.active_operations(session, operation.bay_uuid))
    show_waiting(session, operation.bay_uuid)


def show_waiting(session: orm.Session, bay_uuid: str) -> None:
    """Let the node groups of what waits say so, whatever else has just set their statuses."""
    _show(session, pending.of_bay(session, bay_uuid))


def _show(session: orm.Session, operations: Sequence[Operation]) -> None:
    """Let the statuses of node groups say what goes on or waits, as far as it is known here."""
    for operation in operations:
        if operation.verb in states.VERBS:
            locking.set_nodegroup_status(session, operation, states.IN_PROGRESS)


def at_turn(session: orm.Session, operation: Operation) -> None:
    """Do what belongs to the moment at which an operation becomes active."""
    if operation.verb == states.ROTATE_CA:
        # Of an earlier rotation: nodes may have been taken away since.
        node_trust.forget(session, operation.bay_uuid)


def _begin(session: orm.Session, operation: Operation, key: str) -> None:
    allowed = operation.deadline - operation.created_at
    transitions.write(
        operation, machine.TURN, active_for=key, deadline=database_now(session) + allowed
    )
    session.flush()
    at_turn(session, operation)
    locking.set_nodegroup_status(session, operation, states.IN_PROGRESS)
    events.record(
        session, operation, f'bay.{operation.verb}.turn', f'it is the turn of {operation.verb}'
    )


def _refuse(session: orm.Session, operation: Operation, hindrance: str) -> str:
    """End what cannot be done any more.

    :returns: why, in a sentence.
    """
    told = _end_unbegun(session, operation, hindrance)
    settle(session, operation, states.FAILED, told)
    return told


def _drop(session: orm.Session, operation: Operation) -> None:
    """End what waited for a creation that did not succeed.

    The bay and its node groups go on saying what came of that.
    """
    told = _end_unbegun(
        session, operation,
        'The creation of the bay, which it waited for, did not succeed: retry that, then ask '
        'for this again.',
    )
    if not pending.show_again(session, operation):
        settle(session, operation, states.FAILED, told)


def _end_unbegun(session: orm.Session, operation: Operation, hindrance: str) -> str:
    """End an operation whose turn has come for nothing; why, in a sentence."""
    failure = Failure('plan_refused', hindrance)
    transitions.write(
        operation, machine.REFUSE, error=failure.as_dict(), finished_at=database_now(session)
    )
    session.flush()
    pending.restore_count(session, operation)
    events.record(session, operation, f'bay.{operation.verb}.failed', failure.sentence())
    return failure.sentence()


def _hindrance(session: orm.Session, operation: Operation) -> str | None:
    """Why what was accepted cannot be done now."""
    if operation.verb in _OF_BAYS and half_made.ended_meanwhile(session, operation, _OF_BAYS):
        return (
            'The upgrade, rotation or change of masters that it waited for did not succeed: '
            'retry that first.'
        )
    asked = Parameters.of(operation)
    if isinstance(asked, ResizeMasters) and half_made.unfinished_upgrade(
        session, operation.bay_uuid
    ):
        return 'An upgrade of the bay did not come to its end: retry that first.'
    uuid = rounds.nodegroup_uuid(asked)
    if uuid is None:        # it is about the bay
        return None
    try:
        group = locking.nodegroup(session, operation.bay_uuid, uuid)
    except NodegroupGone:
        return 'The node group is gone.'
    if isinstance(asked, Resize | Upgrade) and not is_made(group):
        return 'The node group was not created.'
    if isinstance(asked, Resize | ResizeMasters):
        left = half_made.in_the_way(session, operation.bay_uuid, group)
        if left is not None:
            masters, earlier = left
            return (
                f'The operation {earlier.uuid} ended while it made a node of {masters.name}: '
                'retry that first.'
            )
        try:
            nodegroups.check_range(asked.node_count, group.min_node_count, group.max_node_count)
        except nodegroups.Invalid as fault:     # the bounds were changed since
            return str(fault)
    return None
