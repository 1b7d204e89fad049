"""Heartbeats of conductors."""

from oslo_db import exception as db_exc

from magnum.db.engine import Database
from magnum.db.repositories import mservices

BINARY = 'magnum-conductor'


def seen(database: Database, host: str) -> None:
    """Report this host's conductor as living, now."""
    try:
        database.run(lambda session: mservices.report(session, host, BINARY))
    except db_exc.DBDuplicateEntry:
        # Another process of this host was first.
        database.run(lambda session: mservices.report(session, host, BINARY))
