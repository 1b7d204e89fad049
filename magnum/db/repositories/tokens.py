"""Queries for the bootstrap tokens of nodes."""

from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa
from sqlalchemy import orm

from magnum.db import models
from magnum.db.selections import Row

TABLE: Final[sa.Table] = models.BootstrapToken.__table__


def of_operation(
    session: orm.Session, operation_uuid: str
) -> Sequence[models.BootstrapToken]:
    """The tokens of an operation, armed or not, as objects of the session."""
    return session.scalars(
        sa.select(models.BootstrapToken).where(TABLE.c.operation_uuid == operation_uuid)
    ).all()


def save(session: orm.Session, tokens: Sequence[models.BootstrapToken]) -> None:
    """Write tokens, new ones and those that were changed."""
    session.add_all(tokens)
    session.flush()


def armed(session: orm.Session, bay_uuid: str) -> Sequence[Row]:
    """Role, operation, salt and hash of each armed token of a bay."""
    return session.execute(
        sa.select(TABLE.c.role, TABLE.c.operation_uuid, TABLE.c.salt, TABLE.c.token_hash)
        .where(TABLE.c.bay_uuid == bay_uuid, TABLE.c.armed == sa.true())
    ).all()


def all_armed(session: orm.Session) -> Sequence[Row]:
    """Bay, operation, role and salt of every armed token."""
    return session.execute(
        sa.select(TABLE.c.bay_uuid, TABLE.c.operation_uuid, TABLE.c.role, TABLE.c.salt)
        .where(TABLE.c.armed == sa.true())
        .order_by(TABLE.c.id)
    ).all()


def disarm(session: orm.Session, operation_uuid: str) -> None:
    """Disarm the tokens of an operation."""
    session.execute(
        sa.update(models.BootstrapToken)
        .where(TABLE.c.operation_uuid == operation_uuid)
        .values(armed=False)
    )


def delete_all(session: orm.Session, bay_uuid: str) -> None:
    """Delete every token of a bay; none is fine."""
    session.execute(sa.delete(models.BootstrapToken).where(TABLE.c.bay_uuid == bay_uuid))
