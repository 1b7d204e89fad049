"""Pages of rows: their order, and where each begins."""

import dataclasses
import operator
from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from magnum.db.selections import Row
from magnum.db.types import UTCDateTime


@dataclasses.dataclass(frozen=True)
class Paging:
    """One page: ``limit`` rows after ``marker`` (a uuid, or an id), in an order."""

    limit: int
    marker: str | int | None
    sort_key: str      # name of a column
    descending: bool


class MarkerNotFound(Exception):
    """No visible row is the one that the marker names."""

    def __init__(self, marker: str | int | None):
        super().__init__(f'there is no row {marker}')
        self.marker = marker


def page(
    session: orm.Session,
    query: sa.Select[Any],
    table: sa.Table,
    paging: Paging,
    *visible: sa.ColumnElement[bool],
    key: str = 'uuid',
) -> Sequence[Row]:
    """One page of what a query finds, plus one row if there is a next page.

    :param visible: what a row has to be for it to be a marker.
    :param key: the column that markers name rows by.
    :raises MarkerNotFound: the marker names nothing visible.
    """
    query = query.order_by(*ordering(table, paging.sort_key, paging.descending))
    if paging.marker is not None:
        query = query.where(after_marker(session, table, paging, *visible, key=key))
    return session.execute(query.limit(paging.limit + 1)).all()


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
        raise MarkerNotFound(paging.marker)
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
