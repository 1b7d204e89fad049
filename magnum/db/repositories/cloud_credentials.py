"""Queries for the application credentials of bays, the oldest first."""

import datetime
from collections.abc import Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import orm

from magnum.db import models
from magnum.db.selections import Row
from magnum.db.statements import changed_rows, database_now
from magnum.db.types import utcnow

TABLE: Final[sa.Table] = models.CloudCredential.__table__


def of_bay(session: orm.Session, bay_uuid: str) -> Sequence[models.CloudCredential]:
    """All of a bay, as objects of the session."""
    return session.scalars(
        sa.select(models.CloudCredential)
        .where(TABLE.c.bay_uuid == bay_uuid)
        .order_by(TABLE.c.generation)
    ).all()


def in_use(session: orm.Session, bay_uuid: str) -> models.CloudCredential | None:
    """The one that masters are given; None: the bay has none."""
    working = [one for one in of_bay(session, bay_uuid) if one.access is not None]
    return working[-1] if working else None


def generation_in_use(bay_uuid: sa.ColumnElement[str]) -> sa.ScalarSelect[int]:
    """The generation of the one that masters are given, for a column of another statement."""
    return (
        sa.select(sa.func.max(TABLE.c.generation))
        .where(TABLE.c.bay_uuid == bay_uuid, TABLE.c.access.is_not(sa.null()))
        .scalar_subquery()
    )


def insert(
    session: orm.Session, bay_uuid: str, generation: int, name: str, sealed_secret: str
) -> models.CloudCredential:
    """One that Keystone does not have yet."""
    made = models.CloudCredential(
        bay_uuid=bay_uuid, generation=generation, name=name, sealed_secret=sealed_secret
    )
    session.add(made)
    session.flush()
    return made


def set_values(
    session: orm.Session,
    bay_uuid: str,
    generation: int,
    credential_id: str,
    access: Mapping[str, Any] | None = None,
) -> None:
    """Record the id that Keystone gave to one, and what it was seen to open."""
    session.execute(
        sa.update(models.CloudCredential)
        .where(TABLE.c.bay_uuid == bay_uuid, TABLE.c.generation == generation)
        .values(credential_id=credential_id, access=access)
    )


def unchecked(
    session: orm.Session, age: datetime.timedelta, limit: int
) -> Sequence[models.CloudCredential]:
    """Those that masters have and nobody has checked for so long, the longest ago first."""
    return session.scalars(
        sa.select(models.CloudCredential)
        .where(TABLE.c.access.is_not(sa.null()), _is_unchecked(session, age))
        .order_by(TABLE.c.checked_at.is_not(sa.null()), TABLE.c.checked_at, TABLE.c.id)
        .limit(limit)
    ).all()


def take_up(session: orm.Session, credential_id: int, age: datetime.timedelta) -> bool:
    """Mark one as checked before that is done; whether nobody else has.

    :param credential_id: of its row.
    """
    return changed_rows(
        session,
        sa.update(TABLE)
        .where(TABLE.c.id == credential_id, _is_unchecked(session, age))
        .values(checked_at=utcnow()),
    ) > 0


def put_back(
    session: orm.Session, credential_id: int, checked_at: datetime.datetime | None
) -> None:
    """Let one that was taken up be checked soon: it was not.

    :param checked_at: when it was checked before.
    """
    session.execute(
        sa.update(TABLE).where(TABLE.c.id == credential_id).values(checked_at=checked_at)
    )


def _is_unchecked(session: orm.Session, age: datetime.timedelta) -> sa.ColumnElement[bool]:
    return sa.or_(
        TABLE.c.checked_at.is_(sa.null()), TABLE.c.checked_at <= database_now(session) - age
    )


def delete(session: orm.Session, bay_uuid: str, name: str) -> None:
    """Delete the one of a name; none is fine."""
    session.execute(
        sa.delete(models.CloudCredential)
        .where(TABLE.c.bay_uuid == bay_uuid, TABLE.c.name == name)
    )


def sealed(session: orm.Session) -> Sequence[Row]:
    """``bay_uuid``, ``generation`` and ``sealed_secret`` of every one."""
    query = sa.select(TABLE.c.bay_uuid, TABLE.c.generation, TABLE.c.sealed_secret)
    return session.execute(query.order_by(TABLE.c.id)).all()
