"""Idempotency keys and the answers that were given to them."""

import dataclasses
import datetime
from typing import Any

import sqlalchemy as sa
from oslo_db import exception as db_exc
from sqlalchemy import orm

from magnum.db import models
from magnum.db.statements import changed_rows, database_now

Key = models.IdempotencyKey


@dataclasses.dataclass(frozen=True)
class Entry:
    """A caller's key for a request; ``owner`` and ``request`` are hashes."""

    owner: str
    key: str
    request: str


class KeyTaken(Exception):
    """Another request with this key is written down already."""


def find(session: orm.Session, entry: Entry, lifetime: datetime.timedelta) -> Key | None:
    """What is kept under a key, unless it is too old."""
    kept = session.scalars(sa.select(Key).filter_by(owner=entry.owner, key=entry.key)).one_or_none()
    if kept is None or kept.created_at < database_now(session) - lifetime:
        return None
    return kept


def insert(
    session: orm.Session,
    entry: Entry,
    lifetime: datetime.timedelta,
    status: int,
    headers: dict[str, str],
    document: str,
) -> None:
    """Keep an answer, in the place of one that is too old.

    :raises KeyTaken: the whole transaction is to be rolled back.
    """
    session.execute(
        sa.delete(Key)
        .filter_by(owner=entry.owner, key=entry.key)
        .where(Key.created_at < database_now(session) - lifetime)
    )
    values: dict[str, Any] = dataclasses.asdict(entry)
    try:
        session.execute(
            sa.insert(Key).values(status=status, headers=headers, document=document, **values)
        )
    except db_exc.DBDuplicateEntry:
        raise KeyTaken from None


def purge(session: orm.Session, lifetime: datetime.timedelta, most: int) -> int:
    """Drop keys that are too old; how many those were, and no more than ``most``."""
    too_old = session.scalars(
        sa.select(Key.id).where(Key.created_at < database_now(session) - lifetime).limit(most)
    ).all()
    if not too_old:
        return 0
    return changed_rows(session, sa.delete(Key).where(Key.id.in_(too_old)))
