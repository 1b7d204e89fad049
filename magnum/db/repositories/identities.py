"""Queries for the Keystone identities of bays."""

from typing import Final

import sqlalchemy as sa
from sqlalchemy import orm

from magnum.db import models

TABLE: Final[sa.Table] = models.BayIdentity.__table__  # type: ignore[assignment]


def user_id(session: orm.Session, bay_uuid: str) -> str | None:
    """Id of the Keystone user of a bay, if it has one."""
    found: str | None = session.scalar(
        sa.select(TABLE.c.user_id).where(TABLE.c.bay_uuid == bay_uuid)
    )
    return found
