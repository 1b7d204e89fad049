"""Queries for the Keystone identities of bays."""

from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa
from sqlalchemy import orm

from magnum.db import models
from magnum.db.selections import Row

TABLE: Final[sa.Table] = models.BayIdentity.__table__


def user_id(session: orm.Session, bay_uuid: str) -> str | None:
    """Id of the Keystone user of a bay, if it has one."""
    found: str | None = session.scalar(
        sa.select(TABLE.c.user_id).where(TABLE.c.bay_uuid == bay_uuid)
    )
    return found


def is_of_a_bay(session: orm.Session, user: str) -> bool:
    """Whether a user, by id, is one that the service has made for a bay."""
    query = sa.select(models.BayIdentity.id).where(models.BayIdentity.user_id == user)
    return session.scalars(query.limit(1)).first() is not None


def load(session: orm.Session, bay_uuid: str) -> models.BayIdentity | None:
    """The identity of a bay, as an object of the session."""
    return session.scalars(
        sa.select(models.BayIdentity).where(TABLE.c.bay_uuid == bay_uuid)
    ).one_or_none()


def insert(
    session: orm.Session, bay_uuid: str, project_id: str, username: str, sealed_password: str
) -> None:
    """Insert the identity of a bay, whose user Keystone does not have yet."""
    session.execute(sa.insert(TABLE).values(
        bay_uuid=bay_uuid, project_id=project_id, username=username,
        sealed_password=sealed_password,
    ))


def set_user_id(session: orm.Session, bay_uuid: str, user_id: str) -> None:
    """Record the id that Keystone gave to the user of a bay."""
    session.execute(
        sa.update(models.BayIdentity)
        .where(TABLE.c.bay_uuid == bay_uuid)
        .values(user_id=user_id)
    )


def sealed(session: orm.Session) -> Sequence[Row]:
    """``bay_uuid`` and ``sealed_password`` of every identity."""
    query = sa.select(TABLE.c.bay_uuid, TABLE.c.sealed_password)
    return session.execute(query.order_by(TABLE.c.id)).all()
