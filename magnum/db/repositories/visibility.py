"""Whose rows a caller may see, and how a page of them is cut."""

import dataclasses
import functools
import operator
import uuid
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import sqlalchemy as sa
from sqlalchemy import orm

from magnum.db.selections import KEPT, Columns, Row
from magnum.db.types import UTCDateTime

__all__ = ['Ambiguous', 'Columns', 'MarkerNotFound', 'Paging', 'Row', 'Scope']

# Parameters of prepared queries; a row of theirs may have any other name.
_PROJECT = sa.bindparam('scope_project', type_=sa.String())
_USER = sa.bindparam('scope_user', type_=sa.String())


@dataclasses.dataclass(frozen=True)
class Scope:
    """The rows of one project (of one user, for a token without project), or all."""

    project_id: str | None
    user_id: str | None
    all_projects: bool = False

    def own(self, table: sa.Table) -> sa.ColumnElement[bool]:
        """The condition on a table with ``project_id`` and ``user_id``."""
        if self.all_projects:
            return sa.true()
        if self.project_id is not None:
            return table.c.project_id == self.project_id
        return sa.and_(table.c.project_id.is_(None), table.c.user_id == self.user_id)

    @property
    def kind(self) -> 'Kind':
        """What prepared queries differ by."""
        return Kind(self.all_projects, self.project_id is not None)

    @property
    def parameters(self) -> dict[str, Any]:
        """What prepared queries are run with."""
        if self.all_projects:
            return {}
        if self.project_id is not None:
            return {_PROJECT.key: self.project_id}
        return {_USER.key: self.user_id}


class Kind(NamedTuple):
    """Scopes that differ by their parameters only."""

    all_projects: bool
    has_project: bool

    def own(self, table: sa.Table) -> sa.ColumnElement[bool]:
        """The condition of :meth:`Scope.own`, with parameters."""
        if self.all_projects:
            return sa.true()
        if self.has_project:
            return table.c.project_id == _PROJECT
        return sa.and_(table.c.project_id.is_(None), table.c.user_id == _USER)


#: The rows of everybody.
EVERYTHING: Final = Scope(None, None, all_projects=True)


@dataclasses.dataclass(frozen=True)
class Paging:
    """One page: ``limit`` rows after ``marker`` (a uuid, or an id), in an order."""

    limit: int
    marker: str | int | None
    sort_key: str      # name of a column
    descending: bool


class MarkerNotFound(Exception):
    """No visible row has the marker's uuid."""


class Ambiguous(Exception):
    """More than one visible row has the name."""


@functools.lru_cache(maxsize=KEPT)
def select(columns: Columns) -> sa.Select[Any]:
    """The bare query of some columns; making it costs more than running it."""
    return sa.select(*columns)


def is_uuid(ident: str) -> bool:
    """Whether an identifier has the form of a uuid."""
    try:
        return str(uuid.UUID(ident)) == ident.lower()
    except ValueError:
        return False


def sortable(table: sa.Table) -> frozenset[str]:
    """Names of the columns that rows may be sorted by."""
    scalars = (sa.String, sa.Integer, sa.Boolean, sa.DateTime, UTCDateTime)
    return frozenset(
        column.name
        for column in table.c
        if isinstance(column.type, scalars) and not isinstance(column.type, sa.Text)
    )


def ordering(
    table: sa.Table, sort_key: str, descending: bool
) -> list[sa.ColumnElement[Any]]:
    """What a page is ordered by: nulls last, and ``id`` breaks ties."""
    column = table.c[sort_key]
    keys: list[sa.ColumnElement[Any]] = [column, table.c.id]
    if column.nullable:
        keys.insert(0, _null_rank(column))
    if sort_key == 'id':
        keys = [table.c.id]
    return [key.desc() for key in keys] if descending else [key.asc() for key in keys]


def after_marker(
    session: orm.Session,
    table: sa.Table,
    paging: Paging,
    *visible: sa.ColumnElement[bool],
    key: str = 'uuid',
) -> sa.ColumnElement[bool]:
    """The rows behind the page's marker.

    :param visible: what a row has to be for its uuid to be a marker.
    :param key: the column that markers name rows by.
    :raises MarkerNotFound: there is no such row.
    """
    found = session.execute(
        sa.select(table.c.id, table.c[paging.sort_key]).where(
            table.c[key] == paging.marker, *visible
        )
    ).first()
    if found is None:
        raise MarkerNotFound
    identity, value = tuple(found)
    return _after(table, paging, identity, value)


def _after(
    table: sa.Table, paging: Paging, marker_id: int, value: Any
) -> sa.ColumnElement[bool]:
    """The rows behind one of which the ``id`` and the value of the sort key are given."""
    identity, column = table.c.id, table.c[paging.sort_key]
    behind: Callable[[Any, Any], sa.ColumnElement[bool]] = (
        operator.lt if paging.descending else operator.gt
    )
    if paging.sort_key == 'id':
        return behind(identity, marker_id)
    beside = sa.and_(column.is_not_distinct_from(value), behind(identity, marker_id))
    if value is None:
        # Nulls are last; turned round, all that is not null comes behind them.
        return sa.or_(beside, column.is_not(None)) if paging.descending else beside
    # A literal: booleans compare too, as numbers do.
    further = behind(column, sa.literal(value, column.type))
    if column.nullable and not paging.descending:
        further = sa.or_(further, column.is_(None))
    return sa.or_(beside, further)


def _null_rank(column: sa.ColumnElement[Any]) -> sa.ColumnElement[int]:
    return sa.case((column.is_(None), 1), else_=0)
