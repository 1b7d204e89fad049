"""Small pieces that queries share."""

import datetime
from typing import cast

import sqlalchemy as sa
from sqlalchemy import orm

from magnum.db.types import utcnow


def changed_rows(session: orm.Session, statement: sa.Update | sa.Delete) -> int:
    """Carry an UPDATE or DELETE out; how many rows it was about.

    Objects that the session holds are left as they are.
    """
    result = session.execute(statement, execution_options={'synchronize_session': False})
    return cast('sa.CursorResult[tuple[()]]', result).rowcount


def database_now(session: orm.Session) -> datetime.datetime:
    """The database's clock, which all leases and deadlines are counted by."""
    moment: datetime.datetime = session.execute(sa.select(utcnow())).scalar_one()
    return moment
