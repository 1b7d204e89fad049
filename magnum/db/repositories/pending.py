"""Queries for operations that wait for their turn at a bay."""

import dataclasses
import datetime
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar

import sqlalchemy as sa
from sqlalchemy import orm

from magnum.db.models import Nodegroup, Operation
from magnum.db.repositories import locking, operations
from magnum.db.repositories.transitions import TABLE
from magnum.db.selections import Row
from magnum.db.statements import database_now
from magnum.domain import rounds, states
from magnum.domain.parameters import (
    CreateNodegroup,
    OfMadeNodegroup,
    Parameters,
    Resize,
)

#: For so long a bay shows that it is created: clients look every 20 s.
_SHOWN: Final = datetime.timedelta(seconds=30)

T = TypeVar('T')


def of_bay(session: orm.Session, bay_uuid: str) -> Sequence[Operation]:
    """What waits for its turn at a bay, in order."""
    return session.scalars(
        sa.select(Operation)
        .filter_by(bay_uuid=bay_uuid, state=states.PENDING)
        .order_by(TABLE.c.id)
        .execution_options(populate_existing=True)
    ).all()


def of_bay_beside(
    session: orm.Session, bay_uuid: str, load: Callable[[], T]
) -> tuple[Sequence[Operation], T]:
    """As ``of_bay``, with rows that are to be seen beside it.

    Each statement sees what is there then: what comes to wait or is withdrawn while the
    rows are loaded is in one of the two looks.
    """
    before, loaded = of_bay(session, bay_uuid), load()
    return [*dict.fromkeys((*before, *of_bay(session, bay_uuid)))], loaded


def unfinished(session: orm.Session, bay_uuids: Collection[str]) -> Sequence[Row]:
    """What is active at bays and what waits there, as far as turns go by it.

    In order: what is active first.
    """
    is_pending = TABLE.c.state == states.PENDING
    return session.execute(
        sa.select(
            TABLE.c.uuid, TABLE.c.bay_uuid, TABLE.c.state, TABLE.c.active_for,
            TABLE.c.verb, TABLE.c.parameters,
        )
        .where(
            TABLE.c.bay_uuid.in_(bay_uuids), sa.or_(is_pending, TABLE.c.active_for.is_not(None))
        )
        .order_by(is_pending, TABLE.c.id)
    ).all()


def idle_bays(session: orm.Session, most: int) -> Sequence[str]:
    """uuids of bays at which something waits for its turn and nothing is active."""
    return session.scalars(
        sa.select(TABLE.c.bay_uuid)
        .where(TABLE.c.state == states.PENDING, ~operations.is_busy(TABLE.c.bay_uuid))
        .distinct()
        .limit(most)
    ).all()


def is_just_created(session: orm.Session, bay_uuid: str) -> bool:
    """Whether a bay was created so lately that not all who wait for that have seen it."""
    return session.scalar(
        sa.select(TABLE.c.id)
        .where(
            TABLE.c.bay_uuid == bay_uuid, TABLE.c.verb == states.CREATE,
            TABLE.c.state == states.SUCCEEDED,
            TABLE.c.finished_at > database_now(session) - _SHOWN,
        )
        .limit(1)
    ) is not None


def restore_count(session: orm.Session, operation: Operation) -> None:
    """The node group has the nodes that it had before a resize, if this is one.

    A later resize of it that waits for its turn has the last word.
    """
    asked = Parameters.of(operation)
    if not isinstance(asked, Resize) or asked.previous_node_count is None:
        return
    for later in of_bay(session, operation.bay_uuid):
        follows = Parameters.of(later)
        if (
            later.id > operation.id
            and isinstance(follows, Resize) and follows.nodegroup == asked.nodegroup
        ):
            later.parameters = dataclasses.replace(
                follows, previous_node_count=asked.previous_node_count
            ).stored()
            return
    locking.set_values(
        session, Nodegroup, asked.nodegroup, node_count=asked.previous_node_count
    )


def remember_shown(session: orm.Session, operation: Operation) -> None:
    """Note what the node group of an operation shows before it says that this one waits."""
    asked = Parameters.of(operation)
    uuid = rounds.nodegroup_uuid(asked)
    if uuid is None or not isinstance(asked, OfMadeNodegroup):
        return
    group = locking.nodegroup(session, operation.bay_uuid, uuid)
    shown: Mapping[str, Any] = {'status': group.status, 'status_reason': group.status_reason}
    before = [known for other, known in _about(session, group) if other.id != operation.id]
    if before:
        shown = before[0].shown_before
    # While something goes on there, what comes of it will be noted.
    if not states.is_in_progress(shown.get('status')):
        operation.parameters = dataclasses.replace(asked, shown_before=shown).stored()


def settle_shown(
    session: orm.Session, group: Nodegroup, shown: Mapping[str, Any]
) -> None:
    """Note what a node group shows now but for what waits."""
    for waiting, asked in _about(session, group):
        waiting.parameters = dataclasses.replace(asked, shown_before=shown).stored()
    session.flush()     # they are loaded anew


def show_again(session: orm.Session, operation: Operation) -> bool:
    """Let its node group show what it does but for this operation; whether that is known."""
    asked = Parameters.of(operation)
    uuid = rounds.nodegroup_uuid(asked)
    if uuid is None or not isinstance(asked, OfMadeNodegroup) or not asked.shown_before:
        return False
    locking.set_values(session, Nodegroup, uuid, **asked.shown_before)
    return True


def _about(
    session: orm.Session, group: Nodegroup
) -> list[tuple[Operation, OfMadeNodegroup]]:
    """What waits to change a node group alone, in order, with what was asked for."""
    waiting = [(one, Parameters.of(one)) for one in of_bay(session, group.bay_uuid)]
    return [
        (one, asked) for one, asked in waiting
        if isinstance(asked, OfMadeNodegroup) and rounds.nodegroup_uuid(asked) == group.uuid
    ]


def without(
    waiting: Sequence[Operation], groups: Sequence[Nodegroup]
) -> Sequence[Nodegroup]:
    """A bay's node groups as they are until what waits has its turn.

    Requests write the rows at once, so that clients read what they asked for.

    :param waiting: what waits at the bay, in order.
    :param groups: objects of no session; those of resizes are changed.
    """
    asked = [Parameters.of(operation) for operation in waiting]
    to_come = {one.nodegroup for one in asked if isinstance(one, CreateNodegroup)}
    counts = counts_before(waiting)
    for group in groups:
        group.node_count = counts.get(group.uuid, group.node_count)
    return [group for group in groups if group.uuid not in to_come]


def counts_before(waiting: Iterable[Operation]) -> Mapping[str, int]:
    """How many nodes node groups have until what waits has its turn, by uuid of the group.

    :param waiting: what waits at a bay, in order; groups that it resizes are told of.
    """
    asked = [Parameters.of(operation) for operation in waiting]
    return {
        one.nodegroup: one.previous_node_count
        for one in reversed(asked)
        if isinstance(one, Resize) and one.previous_node_count is not None
    }
