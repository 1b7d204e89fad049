"""Column types that behave the same on SQLite, MariaDB and PostgreSQL."""

import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement


class UTCDateTime(sa.types.TypeDecorator[datetime.datetime]):
    """Timezone-aware UTC with microseconds; stored without a zone."""

    impl = sa.DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> sa.types.TypeEngine[Any]:
        """Microseconds where they have to be asked for."""
        if dialect.name in ('mysql', 'mariadb'):
            return dialect.type_descriptor(mysql.DATETIME(fsp=6))
        return dialect.type_descriptor(sa.DateTime())

    def process_bind_param(
        self, value: datetime.datetime | None, dialect: Dialect
    ) -> datetime.datetime | None:
        """To UTC, without its zone."""
        if value is None:
            return None
        return value.astimezone(datetime.UTC).replace(tzinfo=None)

    def process_result_value(
        self, value: datetime.datetime | None, dialect: Dialect
    ) -> datetime.datetime | None:
        """From UTC, with its zone."""
        return value.replace(tzinfo=datetime.UTC) if value is not None else None


class utcnow(FunctionElement[datetime.datetime]):  # noqa: N801 - reads as SQL
    """The database's clock: one clock for all hosts, with microseconds."""

    type = UTCDateTime()
    inherit_cache = True


@compiles(utcnow, 'sqlite')
def _utcnow_sqlite(element: utcnow, compiler: Any, **kw: Any) -> str:
    # SQLite knows milliseconds; padded so that the text sorts and parses.
    return "(strftime('%Y-%m-%d %H:%M:%f', 'now') || '000')"


@compiles(utcnow, 'mysql')
@compiles(utcnow, 'mariadb')
def _utcnow_mysql(element: utcnow, compiler: Any, **kw: Any) -> str:
    return 'UTC_TIMESTAMP(6)'


@compiles(utcnow, 'postgresql')
def _utcnow_postgresql(element: utcnow, compiler: Any, **kw: Any) -> str:
    # clock_timestamp, not now(): a lease is counted from this very moment,
    # not from the start of the transaction.
    return "timezone('utc', clock_timestamp())"
