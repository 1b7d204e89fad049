"""Queries for operations that wait for Heat."""

import datetime
from collections.abc import Callable, Collection, Sequence

import sqlalchemy as sa
from sqlalchemy import orm

from magnum.db.models import Operation
from magnum.db.repositories import transitions
from magnum.db.repositories.transitions import TABLE
from magnum.db.statements import database_now
from magnum.domain import machine, states


def take_due(
    session: orm.Session,
    most: int,
    interval: Callable[[], datetime.timedelta],
    skips_locked: bool,
) -> Sequence[Operation]:
    """The operations whose stacks are to be looked at; the next look is put off.

    :param interval: how long, asked for each.
    :param skips_locked: pass over those that other conductors are about to take.
    """
    now = database_now(session)
    query = (
        sa.select(Operation)
        .where(TABLE.c.state == states.WAITING)
        .where(sa.or_(TABLE.c.not_before.is_(None), TABLE.c.not_before <= now))
        .order_by(TABLE.c.not_before, TABLE.c.id)
        .limit(most)
    )
    if skips_locked:
        query = query.with_for_update(skip_locked=True)
    due = session.scalars(query).all()
    for operation in due:
        transitions.write(operation, machine.LOOK, not_before=now + interval())
    return due


def wake(session: orm.Session, ids: Collection[int]) -> int:
    """Queue these again if they wait; how many did."""
    return transitions.write_where(session, machine.WAKE, TABLE.c.id.in_(ids))


def wake_overdue(session: orm.Session) -> int:
    """Queue again what waits past its deadline; how many did."""
    return transitions.write_where(
        session, machine.WAKE, TABLE.c.deadline <= database_now(session)
    )


def look_soon(session: orm.Session, stack_id: str) -> int:
    """Have those that wait for a stack looked at now; how many they are."""
    return transitions.write_where(
        session, machine.LOOK, TABLE.c.stack_id == stack_id, not_before=database_now(session)
    )
