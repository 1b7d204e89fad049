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
_OF_PURPOSES: Final[sa.Table] = models.PurposeCredential.__table__


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


def of_purposes(
    session: orm.Session, bay_uuid: str, generation: int | None = None
) -> Sequence[models.PurposeCredential]:
    """Those of a bay that are for one purpose each, as objects of the session.

    :param generation: None: of all generations.
    """
    which = [] if generation is None else [_OF_PURPOSES.c.generation == generation]
    return session.scalars(
        sa.select(models.PurposeCredential)
        .where(_OF_PURPOSES.c.bay_uuid == bay_uuid, *which)
        .order_by(_OF_PURPOSES.c.generation, _OF_PURPOSES.c.id)
    ).all()


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


def insert_of_purpose(
    session: orm.Session, bay_uuid: str, generation: int, purpose: str, name: str,
    sealed_secret: str,
) -> None:
    """One for a purpose that Keystone does not have yet."""
    session.add(models.PurposeCredential(
        bay_uuid=bay_uuid, generation=generation, purpose=purpose, name=name,
        sealed_secret=sealed_secret,
    ))


def note_id_of_purpose(session: orm.Session, row_id: int, credential_id: str) -> None:
    """Record the id that Keystone gave to one for a purpose.

    :param row_id: of its row.
    """
    session.execute(
        sa.update(_OF_PURPOSES)
        .where(_OF_PURPOSES.c.id == row_id)
        .values(credential_id=credential_id)
    )


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
    for table in (models.CloudCredential, models.PurposeCredential):
        session.execute(sa.delete(table).filter_by(bay_uuid=bay_uuid, name=name))


def sealed(session: orm.Session) -> Sequence[Row]:
    """``bay_uuid``, ``generation``, ``purpose`` and ``sealed_secret`` of every one.

    The purpose is empty of those that are for all without one of their own.
    """
    queries = (
        sa.select(table.c.bay_uuid, table.c.generation, purpose, table.c.sealed_secret)
        .order_by(table.c.id)
        for table, purpose in (
            (TABLE, sa.literal('').label('purpose')), (_OF_PURPOSES, _OF_PURPOSES.c.purpose),
        )
    )
    return [row for query in queries for row in session.execute(query)]
