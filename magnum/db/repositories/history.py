"""Forgetting the bays that are long gone."""

import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import orm

from magnum.db.models import Bay, Event, Operation, OperationStep
from magnum.db.statements import changed_rows, database_now

#: Bays that one transaction looks at, and rows that it deletes at most.
_BAYS: Final = 50
ROWS: Final = 1000


def purge(session: orm.Session, age: datetime.timedelta) -> int:
    """Drop rows of bays whose last operation ended long ago, and which are gone.

    A bay's history goes as a whole, its operations last: while there is one,
    the rest is found.

    :returns: how many rows were dropped; 0 when nothing is left to drop.
    """
    bays = session.scalars(_forgettable(database_now(session) - age)).all()
    if not bays:
        return 0
    dropped = _drop(session, Event, Event.bay_uuid.in_(bays), ROWS)
    of_bays = Operation.bay_uuid.in_(bays)
    steps = OperationStep.operation_uuid.in_(sa.select(Operation.uuid).where(of_bays))
    for table, which in ((OperationStep, steps), (Operation, of_bays)):
        if dropped < ROWS:
            dropped += _drop(session, table, which, ROWS - dropped)
    return dropped


def _forgettable(before: datetime.datetime) -> sa.Select[Any]:
    later = orm.aliased(Operation)
    return (
        sa.select(Operation.bay_uuid)
        .distinct()
        .where(Operation.finished_at < before)
        .where(~sa.exists().where(Bay.uuid == Operation.bay_uuid))
        .where(
            ~sa.exists()
            .where(later.bay_uuid == Operation.bay_uuid)
            .where(sa.or_(later.finished_at.is_(None), later.finished_at >= before))
        )
        .limit(_BAYS)
    )


def _drop(
    session: orm.Session,
    table: type[Event | OperationStep | Operation],
    which: sa.ColumnElement[bool],
    most: int,
) -> int:
    # Not DELETE with LIMIT, nor with a subquery on the same table: each of
    # them is what one of the databases does not know.
    ids = session.scalars(sa.select(table.id).where(which).limit(most)).all()
    if not ids:
        return 0
    return changed_rows(session, sa.delete(table).where(table.id.in_(ids)))
