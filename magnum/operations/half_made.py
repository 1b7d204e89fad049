"""What an upgrade, or another number of masters, has left half-made: above all masters.

Heat makes all of a stack that it had not come to, whoever asks it for something else, and
the token of such a master has ended with the operation that it was for: it could not join.
"""

import itertools
from collections.abc import Collection, Sequence
from typing import Final

from sqlalchemy import orm

from magnum.db.models import Nodegroup, Operation
from magnum.db.repositories import directives, locking
from magnum.domain import reports, rounds, states
from magnum.domain.directives import REMOVE, parts
from magnum.domain.nodegroups import MASTER
from magnum.domain.parameters import InRounds, Parameters, ResizeMasters, Upgrade
from magnum.domain.plain_text import MOST_TOLD, few

#: What makes masters one after the other.
MAKING_MASTERS: Final = (states.UPGRADE, states.RESIZE_MASTERS)
_MAKING_NODES: Final = (
    *MAKING_MASTERS, states.RESIZE, states.CREATE_NODEGROUP, states.CREATE,
)


def in_the_way(
    session: orm.Session, bay_uuid: str, group: Nodegroup
) -> tuple[Nodegroup, Operation] | None:
    """The masters' node group, and the operation that has left one of them half-made.

    None where that is in no way of a change of a group.
    """
    if not group.is_default or group.role == MASTER:
        return None
    masters = locking.nodegroup(session, bay_uuid, None, MASTER)
    operation = left_by(session, bay_uuid, masters)
    return None if operation is None else (masters, operation)


def left_by(session: orm.Session, bay_uuid: str, masters: Nodegroup) -> Operation | None:
    """The operation that has left a master half-made, if one has."""
    earlier = locking.latest_operations(session, bay_uuid, *MAKING_MASTERS)
    return rounds.left_by(earlier, masters.uuid)


def taken_out(operations: Sequence[Operation]) -> tuple[str, ...]:
    """Indexes of masters that may be out of the cluster, and are there.

    :param operations: of the bay, of ``MAKING_MASTERS``, newest first; what was not begun
        changed nothing.
    """
    for operation in operations:
        this = rounds.current(InRounds.of(operation))
        if operation.verb != states.RESIZE_MASTERS or operation.state == states.SUCCEEDED:
            return ()
        if this is None:
            continue
        is_leaving = _leaving(InRounds.of(operation)) and not this.is_asked
        return (this.batch or ()) if is_leaving and not rounds.made(this) else ()
    return ()


def failed_healing(
    session: orm.Session, bay_uuid: str, group: Nodegroup
) -> Sequence[Operation]:
    """Replacements that the service began last in a failed node group, newest first: all failed.

    None when nodes were made in the group since by anything else.
    """
    if not states.is_failed(group.status):
        return ()
    earlier = (
        operation for operation in locking.latest_operations(session, bay_uuid, *_MAKING_NODES)
        if operation.started_at is not None     # else it has changed nothing
        and {None, group.uuid} & rounds.nodegroup_uuids(Parameters.of(operation))
    )
    return tuple(itertools.takewhile(_is_failed_healing, earlier))


def _is_failed_healing(operation: Operation) -> bool:
    return (
        operation.user_id is None and operation.state == states.OPERATION_FAILED
        and operation.verb in states.HEALING
    )


def unfinished_upgrade(session: orm.Session, bay_uuid: str) -> Operation | None:
    """The last upgrade that ended half-way, if none has succeeded since."""
    for upgrade in locking.latest_operations(session, bay_uuid, states.UPGRADE):
        if upgrade.state == states.SUCCEEDED:
            return None
        if _has_changed(upgrade):
            return upgrade
    return None


def ended_meanwhile(session: orm.Session, waiting: Operation, verbs: Collection[str]) -> bool:
    """Whether one of the bay ended half-way while an operation waited behind it.

    :param verbs: of what is about the bay.
    """
    return any(
        earlier.state != states.SUCCEEDED and _has_changed(earlier)
        for earlier in locking.earlier_operations(session, waiting, *verbs)
        if earlier.finished_at is not None and earlier.finished_at >= waiting.created_at
    )


def is_uncreated(session: orm.Session, waiting: Operation) -> bool:
    """Whether a bay was to be created while an operation waited, and was not.

    It may lack masters, which nothing but another attempt makes. A node group may go.
    """
    return waiting.verb != states.DELETE_NODEGROUP and any(
        earlier.state != states.SUCCEEDED
        for earlier in locking.earlier_operations(session, waiting, states.CREATE)
        if earlier.finished_at is not None and earlier.finished_at >= waiting.created_at
    )


def _has_changed(operation: Operation) -> bool:
    """Whether an operation of the bay may have changed anything."""
    if operation.verb not in MAKING_MASTERS:
        return operation.attempts > 0
    asked = InRounds.of(operation)
    this = rounds.current(asked)
    settings = asked.master_settings if isinstance(asked, Upgrade) else None
    return bool(settings or asked.round or _leaving(asked) or (this and this.is_asked))


def _leaving(asked: InRounds) -> tuple[str, ...]:
    return asked.leaving if isinstance(asked, Upgrade | ResizeMasters) else ()


def told_of_nodes(session: orm.Session, operation: Operation, reason: str) -> str:
    """A reason why an operation did not succeed, with what it has left of nodes."""
    of_verb = {states.RESIZE_MASTERS: _told_of_masters, states.UPGRADE: _told_of_upgrade}
    told = of_verb.get(operation.verb)
    return reason if told is None else f'{reason}{told(session, operation)}'


def _told_of_upgrade(session: orm.Session, operation: Operation) -> str:
    """What an upgrade has left: masters that are ahead of others, and nodes out of the cluster."""
    asked = Upgrade.of(operation)
    ahead = ''
    if asked.taken_over and not asked.groups:       # not all of them have come to it
        ahead = f' Of the masters, {few(asked.taken_over, MOST_TOLD)} may be upgraded: retry this.'
    return ahead + _told_of_removed(session, operation)


def _told_of_removed(session: orm.Session, operation: Operation) -> str:
    """Nodes that left the cluster, to be replaced, before Heat was to be asked for others."""
    if operation.stack_action is not None:
        return ''
    found = [
        (part, directives.of_operation(session, operation.uuid, REMOVE, part))
        for part in parts(Upgrade.of(operation).leaving)
    ]
    removed = [(part, one) for part, one in found if one and one.outcome != reports.FAILED]
    if not removed:
        return ''
    names = [name for part, _ in removed for name in part]
    are = 'are' if all(one.outcome == reports.DONE for _, one in removed) else 'may be'
    return f' {few(names, MOST_TOLD)} {are} out of the cluster, and not replaced: retry this.'


def _told_of_masters(session: orm.Session, operation: Operation) -> str:
    """How many masters the bay has now."""
    asked = ResizeMasters.of(operation)
    this = rounds.current(asked)
    group = locking.nodegroup(session, operation.bay_uuid, asked.nodegroup)
    told = f'{group.name} has {group.node_count} of {asked.node_count} masters'
    if this is not None and asked.leaving and not this.is_asked and not rounds.made(this):
        told += f', of which these may have left the cluster already: {", ".join(asked.leaving)}'
    if group.node_count % 2 == 0:
        told += ', an even number: one more that is lost stops them'
    return f' {told}. Retry this, or ask for another number.'
