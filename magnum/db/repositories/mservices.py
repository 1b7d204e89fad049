"""Conductors, as they report themselves."""

from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa
from sqlalchemy import orm

from magnum.db import models
from magnum.db.repositories.visibility import Row
from magnum.db.types import utcnow

TABLE: Final[sa.Table] = models.ConductorService.__table__  # type: ignore[assignment]


def list_all(session: orm.Session) -> Sequence[Row]:
    """Every conductor, and the time by the clock that they report with (``now``)."""
    return session.execute(
        sa.select(*TABLE.c, utcnow().label('now')).order_by(TABLE.c.id)
    ).all()
