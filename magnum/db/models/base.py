"""What all tables have in common, and types of columns."""

import datetime
import uuid
from typing import Any, ClassVar

import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.dialects import mysql
from sqlalchemy.orm import Mapped, mapped_column

from magnum.db.types import UTCDateTime, utcnow

# Text that may exceed MariaDB's 64 KiB TEXT.
LongText = sa.Text().with_variant(mysql.MEDIUMTEXT(), 'mysql', 'mariadb')
# The same of bytes and BLOB.
LongBytes = sa.LargeBinary().with_variant(mysql.MEDIUMBLOB(), 'mysql', 'mariadb')
# A case-sensitive identifier on MariaDB too, where text compares without case.
Name = sa.String(255).with_variant(
    mysql.VARCHAR(255, charset='utf8mb4', collation='utf8mb4_bin'), 'mysql', 'mariadb'
)
BigInt = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


class Base(orm.DeclarativeBase):
    """Common ground: every table has a numeric key and its times."""

    # A table, not any selectable: none of the classes is mapped to a join.
    __table__: ClassVar[sa.Table]
    # MariaDB: rows are written in transactions and hold any script.
    __table_args__: Any = {'mysql_engine': 'InnoDB', 'mysql_charset': 'utf8mb4'}

    id: Mapped[int] = mapped_column(BigInt, primary_key=True, autoincrement=True)
    created_at: Mapped[datetime.datetime] = mapped_column(
        UTCDateTime, default=lambda: datetime.datetime.now(datetime.UTC)
    )
    updated_at: Mapped[datetime.datetime | None] = mapped_column(UTCDateTime, onupdate=utcnow())


def options(*constraints: sa.schema.SchemaItem) -> tuple[Any, ...]:
    """The arguments of a table with constraints and indexes of its own."""
    return (*constraints, Base.__table_args__)


def new_uuid() -> str:
    """A uuid for a new row."""
    return str(uuid.uuid4())
