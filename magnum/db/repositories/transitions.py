"""Writes of the state of operations: the events of :mod:`magnum.domain.machine`."""

from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import orm

from magnum.db.models import Operation
from magnum.db.statements import changed_rows
from magnum.domain import machine
from magnum.domain.machine import Event, EventNotAllowed

TABLE: Final[sa.Table] = Operation.__table__


def insert(
    session: orm.Session, event: Event, taken: dict[str, Any], **described: Any
) -> Operation:
    """Insert an operation; one that it pre-empts lets go of the bay first.

    The column ``active_for`` is unique: the UPDATE comes before the INSERT.

    :param event: one that happens to what is not there yet.
    :param taken: the columns that the event takes.
    :param described: columns that no event writes.
    """
    session.flush()
    state = event.moves[machine.NEW]
    operation = Operation(state=state, **event.values(taken), **described)
    session.add(operation)
    session.flush()
    return operation


def write(operation: Operation, event: Event, **given: Any) -> None:
    """Let an event happen to an operation whose row the transaction holds.

    :raises EventNotAllowed: it cannot happen to the operation as it is.
    """
    state = operation.state
    if not event.is_allowed(state, operation.cancel_requested, operation.active_for is None):
        raise EventNotAllowed(f'{event.name}: not for operation {operation.uuid}, {state}')
    for column, value in event.values(given).items():
        setattr(operation, column, value)
    operation.state = event.moves[state]


def write_where(
    session: orm.Session, event: Event, *conditions: sa.ColumnElement[bool], **given: Any
) -> int:
    """Let an event happen to the operations that meet conditions, in one UPDATE.

    :param event: one without conditions, after which all are in the same state.
    :returns: how many they were: only those whose state allows the event.
    """
    if event.if_cancelled is not None or event.if_preempted is not None:
        raise TypeError(f'{event.name} is for one operation at a time')
    (state,) = set(event.moves.values())
    return changed_rows(
        session,
        sa.update(TABLE)
        .where(TABLE.c.state.in_(event.moves), *conditions)
        .values(state=state, **event.values(given)),
    )
