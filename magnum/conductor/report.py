"""Heartbeats of conductors."""

import sqlalchemy as sa
from oslo_db import exception as db_exc
from sqlalchemy import orm

from magnum.db.engine import Database
from magnum.db.models import ConductorService
from magnum.db.statements import changed_rows
from magnum.db.types import utcnow

BINARY = 'magnum-conductor'


def seen(database: Database, host: str) -> None:
    """Report this host's conductor as living, now."""

    def work(session: orm.Session) -> None:
        reported = changed_rows(
            session,
            sa.update(ConductorService)
            .filter_by(host=host, binary=BINARY)
            .values(report_count=ConductorService.report_count + 1, last_seen_up=utcnow()),
        )
        if not reported:
            session.execute(
                sa.insert(ConductorService).values(
                    host=host, binary=BINARY, report_count=1, last_seen_up=utcnow()
                )
            )

    try:
        database.run(work)
    except db_exc.DBDuplicateEntry:
        database.run(work)  # another process of this host was first
