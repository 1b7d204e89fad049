"""Selecting some columns, and reading rows of them.

PyMySQL takes results apart in Python: the description of every column and
every single value cost more than most of what a small request does besides.
MariaDB and MySQL are therefore asked for one JSON array per row.

Milliseconds of CPU in the process that asks, for the rows of a page of 100
bays with their 200 node groups, and of one bay with its two, the least of two
runs on MariaDB 10.11 and Python 3.11:

===========  ====================  ====================
driver       packed                columns
===========  ====================  ====================
PyMySQL      3.2 a page, 0.8 one   7.0 a page, 1.0 one
mysqlclient  2.7 a page, 0.4 one   3.6 a page, 0.7 one
===========  ====================  ====================

So packing stays: with it, PyMySQL, which installs everywhere, does a page in
less than mysqlclient does without, and mysqlclient, which needs a compiler,
gains by it too.
"""

import collections
import datetime
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import orjson
import sqlalchemy as sa
from sqlalchemy import orm

from magnum.db.types import UTCDateTime

# What a query of chosen columns gives: a tuple whose values have names.
# SQLAlchemy's Row, whose own type differs between its releases, is one.
Row = Any
# Columns, or a whole mapped class, to select; a tuple, so that it is hashable.
Columns = tuple[Any, ...]

#: How many different selections are kept ready.
KEPT: Final = 64
_PACKED: Final = ('mysql', 'mariadb')
_FEW: Final = 3     # columns that are not worth it
_WHOLE: Final[sa.ColumnElement[Any]] = sa.literal_column("'$'")

Conversion = Callable[[Any], Any]
#: What statements are executed with.
Executor = orm.Session | sa.Connection


class Selection:
    """Some columns of some tables.

    ``query`` is the bare query; what is added to it by a caller is handed
    back for its rows to be read.
    """

    def __init__(self, columns: Columns, is_packed: bool):
        self.columns = columns
        self._read: Callable[[str], Row] | None = None
        self.query: sa.Select[Any] = sa.select(*columns)
        if is_packed:
            self._read = _reader(columns)
            self.query = sa.select(sa.func.json_array(*map(_value, columns), type_=sa.Text()))

    def all(
        self, session: Executor, query: sa.Select[Any],
        parameters: Mapping[str, Any] | None = None,
    ) -> Sequence[Row]:
        """All rows of a query."""
        result = session.execute(query, parameters)
        if self._read is None:
            return result.all()
        return [self._read(text) for text, in result]

    def first(
        self, session: Executor, query: sa.Select[Any],
        parameters: Mapping[str, Any] | None = None,
    ) -> Row | None:
        """The first row of a query, if it has any."""
        row = session.execute(query, parameters).first()
        return row if row is None or self._read is None else self._read(row[0])


@functools.lru_cache(maxsize=KEPT)
def select(columns: Columns) -> sa.Select[Any]:
    """The bare query of some columns; making it costs more than running it."""
    return sa.select(*columns)


def of(session: Executor, columns: Columns) -> Selection:
    """The selection of some columns, as the session's database likes it."""
    bind = session if isinstance(session, sa.Connection) else session.get_bind()
    return _selection(columns, bind.dialect.name in _PACKED and len(columns) > _FEW)


# Making a query costs more than running it.
@functools.lru_cache(maxsize=KEPT)
def _selection(columns: Columns, is_packed: bool) -> Selection:
    return Selection(columns, is_packed)


def _value(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """What stands for a column in the array."""
    inner: sa.ColumnElement[Any] = column.element if isinstance(column, sa.Label) else column
    # Else it would be text in the array.
    return sa.func.json_extract(inner, _WHOLE) if isinstance(inner.type, sa.JSON) else inner


def _reader(columns: Columns) -> Callable[[str], Row]:
    """Makes a row of the array's text."""
    row = collections.namedtuple('PackedRow', [column.name for column in columns])  # type: ignore[misc]
    conversions = [
        (place, conversion)
        for place, column in enumerate(columns)
        for conversion in [_conversion(column.type)] if conversion is not None
    ]

    def read(text: str) -> Row:
        values = orjson.loads(text)
        for place, conversion in conversions:
            if values[place] is not None:
                values[place] = conversion(values[place])
        return row._make(values)

    return read


def _conversion(column_type: sa.types.TypeEngine[Any]) -> Conversion | None:
    if isinstance(column_type, sa.Boolean):
        return bool
    return _moment if isinstance(column_type, UTCDateTime) else None


def _moment(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text).replace(tzinfo=datetime.UTC)
