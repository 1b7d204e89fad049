"""Queries of what has a uuid, a name and an owner: baymodels and bays.

Queries are made once for each selection and kind of scope: making one costs
more than running it.
"""

import dataclasses
import functools
from collections.abc import Callable, Collection, Sequence
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import orm

from magnum.db import selections
from magnum.db.repositories import paging as pages
from magnum.db.repositories.filters import NONE, Condition, Filters
from magnum.db.repositories.paging import Paging
from magnum.db.repositories.visibility import EVERYTHING, Kind, Scope
from magnum.db.selections import KEPT, Columns, Row, Selection
from magnum.domain.plain_text import is_storable
from magnum.domain.uuids import is_uuid

_IDENT: Final = sa.bindparam('ident', type_=sa.String())
_LIMIT: Final = sa.bindparam('row_limit', type_=sa.Integer())


class Ambiguous(Exception):
    """More than one visible row has the name."""


@dataclasses.dataclass(frozen=True, eq=False)
class Resource:
    """One table, and what its queries differ by.

    :param sortable: names of columns that rows may be sorted by.
    :param visible: which rows a caller sees.
    :param conditions: those of filters.
    :param select: the bare query of a selection, with what it has to join.
    """

    table: sa.Table
    sortable: Collection[str]
    visible: Callable[[Scope | Kind], Condition]
    conditions: Callable[[Filters], list[Condition]]
    select: Callable[[Selection], sa.Select[Any]] = lambda selection: selection.query

    def page(
        self,
        session: orm.Session,
        columns: Columns,
        scope: Scope,
        paging: Paging,
        filters: Filters = NONE,
    ) -> Sequence[Row]:
        """One page of what a caller sees, plus one row if there is a next page.

        :raises MarkerNotFound: the marker names nothing visible.
        """
        selection = selections.of(session, columns)
        query = _page(self, selection, scope.kind, paging.sort_key, paging.descending)
        if filters is not NONE:
            query = query.where(*self.conditions(filters))
        if paging.marker is not None:
            query = query.where(
                pages.after_marker(session, self.table, paging, self.visible(scope))
            )
        return selection.all(session, query, {_LIMIT.key: paging.limit + 1, **scope.parameters})

    def find(
        self, session: orm.Session, columns: Columns, scope: Scope, ident: str
    ) -> Row | None:
        """The visible row of a uuid or name.

        :raises Ambiguous: several have the name.
        """
        selection = selections.of(session, columns)
        if is_uuid(ident):
            parameters = {_IDENT.key: ident.lower(), **scope.parameters}
            row = selection.first(session, _of_uuid(self, selection, scope.kind), parameters)
            if row is not None:
                return row
        if not is_storable(ident):
            return None
        parameters = {_IDENT.key: ident, **scope.parameters}
        rows = selection.all(session, _of_name(self, selection, scope.kind), parameters)
        if len(rows) > 1:
            raise Ambiguous
        return rows[0] if rows else None

    def by_uuid(self, session: orm.Session, columns: Columns, uuid: str) -> Row | None:
        """The row of a uuid, whoever may see it."""
        selection = selections.of(session, columns)
        query = _of_uuid(self, selection, EVERYTHING.kind)
        return selection.first(session, query, {_IDENT.key: uuid})


@functools.lru_cache(maxsize=KEPT)
def _page(
    resource: Resource, selection: Selection, kind: Kind, sort_key: str, descending: bool
) -> sa.Select[Any]:
    ordering = pages.ordering(resource.table, sort_key, descending)
    query = resource.select(selection).where(resource.visible(kind))
    return query.order_by(*ordering).limit(_LIMIT)


@functools.lru_cache(maxsize=KEPT)
def _of_uuid(resource: Resource, selection: Selection, kind: Kind) -> sa.Select[Any]:
    query = resource.select(selection)
    return query.where(resource.table.c.uuid == _IDENT, resource.visible(kind))


@functools.lru_cache(maxsize=KEPT)
def _of_name(resource: Resource, selection: Selection, kind: Kind) -> sa.Select[Any]:
    query = resource.select(selection)
    return query.where(resource.table.c.name == _IDENT, resource.visible(kind)).limit(2)
