"""Queries for bays and what their documents show of their node groups."""

import functools
from collections.abc import Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import orm

from magnum.db import models, selections
from magnum.db.repositories import visibility
from magnum.db.repositories.filters import NONE, Condition, Filters
from magnum.db.repositories.visibility import Ambiguous, Columns, Kind, Paging, Row, Scope
from magnum.db.selections import KEPT, Selection

TABLE: Final[sa.Table] = models.Bay.__table__  # type: ignore[assignment]
BAYMODEL: Final[sa.Table] = models.Baymodel.__table__  # type: ignore[assignment]
NODEGROUP: Final[sa.Table] = models.Nodegroup.__table__  # type: ignore[assignment]
SORTABLE: Final = visibility.sortable(TABLE) - {'generation', 'driver', 'template_version'}

#: What a bay's document may show of its baymodel, selected beside its columns.
BAYMODEL_LABELS: Final = BAYMODEL.c.labels.label('baymodel_labels')

_MASTER: Final = 'master'
_IDENT: Final = sa.bindparam('ident', type_=sa.String())
_LIMIT: Final = sa.bindparam('row_limit', type_=sa.Integer())
_BAYS: Final = sa.bindparam('bay_uuids', type_=sa.String(), expanding=True)


def _count(name: str, *conditions: sa.ColumnElement[bool]) -> sa.Label[int]:
    """How many nodes some of a bay's groups have together."""
    total = sa.cast(sa.func.coalesce(sa.func.sum(NODEGROUP.c.node_count), 0), sa.Integer)
    query = sa.select(total).where(NODEGROUP.c.bay_uuid == TABLE.c.uuid, *conditions)
    return query.correlate(TABLE).scalar_subquery().label(name)


#: The numbers of a bay's nodes, selected beside its columns.
MASTER_COUNT: Final = _count('master_count', NODEGROUP.c.role == _MASTER)
NODE_COUNT: Final = _count('node_count', NODEGROUP.c.role != _MASTER)

#: The engine of a bay, selected beside its columns.
COE: Final = (
    sa.select(BAYMODEL.c.coe)
    .where(BAYMODEL.c.uuid == TABLE.c.baymodel_id)
    .correlate(TABLE)
    .scalar_subquery()
    .label('coe')
)


def page(
    session: orm.Session, columns: Columns, scope: Scope, paging: Paging, filters: Filters = NONE
) -> Sequence[Row]:
    """One page of what a caller sees, plus one row if there is a next page.

    :raises MarkerNotFound: the marker names nothing visible.
    """
    selection = selections.of(session, columns)
    query = _page(selection, scope.kind, paging.sort_key, paging.descending)
    if filters is not NONE:
        query = query.where(*_conditions(filters))
    if paging.marker is not None:
        query = query.where(visibility.after_marker(session, TABLE, paging, scope.own(TABLE)))
    return selection.all(session, query, {_LIMIT.key: paging.limit + 1, **scope.parameters})


def _conditions(filters: Filters) -> list[Condition]:
    conditions = filters.of_table(TABLE)
    if filters.status is not None:
        conditions.append(TABLE.c.status == filters.status)
    if filters.baymodel is not None:
        named = sa.or_(
            BAYMODEL.c.uuid == filters.baymodel.lower(), BAYMODEL.c.name == filters.baymodel
        )
        conditions.append(TABLE.c.baymodel_id.in_(sa.select(BAYMODEL.c.uuid).where(named)))
    if filters.coe is not None:
        of_coe = sa.select(BAYMODEL.c.uuid).where(BAYMODEL.c.coe == filters.coe)
        conditions.append(TABLE.c.baymodel_id.in_(of_coe))
    return conditions


def find(
    session: orm.Session, columns: Columns, scope: Scope, ident: str
) -> Row | None:
    """The visible bay of a uuid or name.

    :raises Ambiguous: several have the name.
    """
    selection = selections.of(session, columns)
    if visibility.is_uuid(ident):
        parameters = {_IDENT.key: ident.lower(), **scope.parameters}
        row = selection.first(session, _of_uuid(selection, scope.kind), parameters)
        if row is not None:
            return row
    parameters = {_IDENT.key: ident, **scope.parameters}
    rows = selection.all(session, _of_name(selection, scope.kind), parameters)
    if len(rows) > 1:
        raise Ambiguous
    return rows[0] if rows else None


def by_uuid(session: orm.Session, columns: Columns, uuid: str) -> Row | None:
    """The bay of a uuid, if it is there still."""
    selection = selections.of(session, columns)
    query = _of_uuid(selection, visibility.EVERYTHING.kind)
    return selection.first(session, query, {_IDENT.key: uuid})


def load(session: orm.Session, uuid: str, is_locked: bool = True) -> models.Bay | None:
    """The bay of a uuid, as an object of the session.

    :param is_locked: nobody else changes it until the transaction ends.
    """
    query = sa.select(models.Bay).filter_by(uuid=uuid)
    return session.scalars(query.with_for_update() if is_locked else query).one_or_none()


def with_baymodel(session: orm.Session, uuid: str) -> tuple[models.Bay, models.Baymodel]:
    """The bay of a uuid that is known to be there, and its baymodel."""
    bay, baymodel = session.execute(
        sa.select(models.Bay, models.Baymodel)
        .join(models.Baymodel, models.Baymodel.uuid == models.Bay.baymodel_id)
        .where(models.Bay.uuid == uuid)
    ).one()
    return bay, baymodel


def nodegroups(
    session: orm.Session, columns: Columns, bay_uuids: Sequence[str]
) -> Sequence[Row]:
    """Columns of the node groups of some bays, in one statement."""
    if not bay_uuids:
        return []
    selection = selections.of(session, columns)
    if len(bay_uuids) == 1:
        # A list is worked into the statement at every run.
        return selection.all(session, _of_bay(selection), {_IDENT.key: bay_uuids[0]})
    return selection.all(session, _of_bays(selection), {_BAYS.key: bay_uuids})


def build_progress(session: orm.Session, uuid: str) -> tuple[str | None, str] | None:
    """(stack id, status) of a bay; None when it is gone."""
    row = session.execute(
        sa.select(TABLE.c.stack_id, TABLE.c.status).where(TABLE.c.uuid == uuid)
    ).first()
    return (row.stack_id, row.status) if row is not None else None


def update_health(session: orm.Session, uuid: str, changes: Mapping[str, Any]) -> None:
    """Store what an agent found of a bay's health; its status stays."""
    session.execute(
        sa.update(TABLE)
        .where(TABLE.c.uuid == uuid)
        .values(**changes, generation=TABLE.c.generation + 1)
    )


def insert(
    session: orm.Session, bay: models.Bay, nodegroups: Sequence[models.Nodegroup]
) -> None:
    """Insert a bay and its node groups, which get its project and its status."""
    session.add(bay)
    session.flush()
    for nodegroup in nodegroups:
        nodegroup.bay_uuid = bay.uuid
        nodegroup.project_id = bay.project_id
        nodegroup.status = bay.status
    session.add_all(nodegroups)


def delete(session: orm.Session, uuid: str) -> None:
    """Delete a bay, its identity and its node groups. Operations and events stay."""
    for table in (models.BayIdentity, models.Nodegroup):
        session.execute(sa.delete(table).filter_by(bay_uuid=uuid))
    session.execute(sa.delete(models.Bay).filter_by(uuid=uuid))


@functools.lru_cache(maxsize=KEPT)
def _page(
    selection: Selection, kind: Kind, sort_key: str, descending: bool
) -> sa.Select[Any]:
    ordering = visibility.ordering(TABLE, sort_key, descending)
    return _select(selection).where(kind.own(TABLE)).order_by(*ordering).limit(_LIMIT)


@functools.lru_cache(maxsize=KEPT)
def _of_uuid(selection: Selection, kind: Kind) -> sa.Select[Any]:
    return _select(selection).where(TABLE.c.uuid == _IDENT, kind.own(TABLE))


@functools.lru_cache(maxsize=KEPT)
def _of_name(selection: Selection, kind: Kind) -> sa.Select[Any]:
    return _select(selection).where(TABLE.c.name == _IDENT, kind.own(TABLE)).limit(2)


@functools.lru_cache(maxsize=KEPT)
def _of_bay(selection: Selection) -> sa.Select[Any]:
    return selection.query.where(NODEGROUP.c.bay_uuid == _IDENT).order_by(NODEGROUP.c.id)


@functools.lru_cache(maxsize=KEPT)
def _of_bays(selection: Selection) -> sa.Select[Any]:
    return selection.query.where(NODEGROUP.c.bay_uuid.in_(_BAYS)).order_by(NODEGROUP.c.id)


def _select(selection: Selection) -> sa.Select[Any]:
    if any(column is BAYMODEL_LABELS for column in selection.columns):
        return selection.query.join_from(
            TABLE, BAYMODEL, BAYMODEL.c.uuid == TABLE.c.baymodel_id
        )
    return selection.query
