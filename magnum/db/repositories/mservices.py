"""Conductors, as they report themselves."""

from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa
from sqlalchemy import orm

from magnum.db import models
from magnum.db.selections import Row
from magnum.db.statements import changed_rows
from magnum.db.types import utcnow

TABLE: Final[sa.Table] = models.ConductorService.__table__


def list_all(session: orm.Session) -> Sequence[Row]:
    """Every conductor, and the time by the clock that they report with (``now``)."""
    return session.execute(
        sa.select(*TABLE.c, utcnow().label('now')).order_by(TABLE.c.id)
    ).all()


def report(session: orm.Session, host: str, binary: str) -> None:
    """Record that a host's process lives, now.

    Of two processes that report for the first time at once, the table's
    unique key fails the later one; run again, it finds the first one's row.
    """
    is_this = sa.and_(TABLE.c.host == host, TABLE.c.binary == binary)
    values = {'report_count': TABLE.c.report_count + 1, 'last_seen_up': utcnow()}
    if not changed_rows(session, sa.update(TABLE).where(is_this).values(values)):
        session.execute(sa.insert(TABLE).values(
            host=host, binary=binary, report_count=1, last_seen_up=utcnow()
        ))
