"""Queries for files that nodes fetch, by their SHA-256 digests."""

import contextlib
import functools
from collections.abc import Mapping
from typing import Final

import sqlalchemy as sa
from oslo_db import exception as db_exc
from sqlalchemy import orm

from magnum.db import models
from magnum.db.engine import Database

_TABLE: Final[sa.Table] = models.NodeArchive.__table__


def keep(database: Database, archives: Mapping[str, bytes]) -> None:
    """Write those that are not there, in transactions of their own."""
    with database.reading() as session:
        known = set(session.scalars(
            sa.select(_TABLE.c.digest).where(_TABLE.c.digest.in_(archives))
        ))
    for digest in sorted(archives.keys() - known):
        # Another worker may be first.
        with contextlib.suppress(db_exc.DBDuplicateEntry):
            database.run(functools.partial(_insert, digest=digest, content=archives[digest]))


def _insert(session: orm.Session, digest: str, content: bytes) -> None:
    session.add(models.NodeArchive(digest=digest, content=content))


def find(session: orm.Session, digest: str) -> bytes | None:
    """The archive of a digest."""
    found: bytes | None = session.scalar(
        sa.select(_TABLE.c.content).where(_TABLE.c.digest == digest)
    )
    return found
