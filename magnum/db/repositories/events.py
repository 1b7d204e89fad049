"""Queries for the timelines of bays. These outlive their bay."""

from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa
from sqlalchemy import orm

from magnum.db import models
from magnum.db.repositories.bays import TABLE as BAY
from magnum.db.selections import Row, select

TABLE: Final[sa.Table] = models.Event.__table__
# A row that nobody works with: an object of the session would cost twice as much.
_INSERT: Final = sa.insert(TABLE)


def record(
    session: orm.Session, operation: models.Operation, kind: str, message: str
) -> None:
    """Add one line to the timeline of an operation's bay, in the caller's transaction.

    :param kind: ``bay.<verb>.<what>``; clients branch on it.
    :param message: for people; must hold no secret.
    """
    session.execute(_INSERT, {
        'bay_uuid': operation.bay_uuid,
        'project_id': operation.project_id,
        'operation_uuid': operation.uuid,
        'request_id': operation.request_id,
        'kind': kind,
        'message': message,
    })


def record_of_bay(
    session: orm.Session,
    bay: models.Bay,
    operation: models.Operation | None,
    kind: str,
    message: str,
) -> None:
    """As ``record``, of what no operation does.

    :param operation: an active one that may have led to this, if there is one.
    """
    if operation is not None:
        record(session, operation, kind, message)
        return
    session.execute(_INSERT, {
        'bay_uuid': bay.uuid,
        'project_id': bay.project_id,
        'operation_uuid': None,
        'request_id': None,
        'kind': kind,
        'message': message,
    })


def record_once(
    session: orm.Session, operation: models.Operation, kind: str, message: str
) -> None:
    """As ``record``, unless the operation has that very event: steps are run again."""
    if not is_recorded(session, operation, kind, message):
        record(session, operation, kind, message)


def is_recorded(
    session: orm.Session, operation: models.Operation, kind: str, message: str | None = None
) -> bool:
    """Whether the timeline has a line of this kind that is of an operation.

    :param message: what it says; None: whatever it does.
    """
    said = [] if message is None else [TABLE.c.message == message]
    return session.execute(
        sa.select(TABLE.c.id).where(
            TABLE.c.bay_uuid == operation.bay_uuid,
            TABLE.c.operation_uuid == operation.uuid,
            TABLE.c.kind == kind,
            *said,
        ).limit(1)
    ).first() is not None


def after(session: orm.Session, bay_uuid: str, event_id: int, limit: int) -> Sequence[Row]:
    """What happened to a bay after an event, oldest first.

    Whoever writes an event holds the bay's lock, so a lower id is never committed
    after a higher one of the same bay.

    :param event_id: 0 for the beginning.
    """
    return session.execute(
        select(tuple(TABLE.c))
        .where(TABLE.c.bay_uuid == bay_uuid, TABLE.c.id > event_id)
        .order_by(TABLE.c.id)
        .limit(limit)
    ).all()


def is_gone(session: orm.Session, bay_uuid: str) -> bool:
    """Whether the bay is deleted: its last event is written then."""
    return session.execute(sa.select(BAY.c.id).where(BAY.c.uuid == bay_uuid)).first() is None
