"""Queries for bays and what their documents show of their node groups."""

import functools
from collections.abc import Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import orm

from magnum.db import models
from magnum.db.repositories import scopes
from magnum.db.repositories.filters import NONE, Condition, Filters
from magnum.db.repositories.scopes import Ambiguous, Columns, Paging, Row, Scope

TABLE: Final[sa.Table] = models.Bay.__table__  # type: ignore[assignment]
BAYMODEL: Final[sa.Table] = models.Baymodel.__table__  # type: ignore[assignment]
NODEGROUP: Final[sa.Table] = models.Nodegroup.__table__  # type: ignore[assignment]
SORTABLE: Final = scopes.sortable(TABLE) - {'generation', 'driver', 'template_version'}

#: What a bay's document may show of its baymodel, selected beside its columns.
BAYMODEL_LABELS: Final = BAYMODEL.c.labels.label('baymodel_labels')


def page(
    session: orm.Session, columns: Columns, scope: Scope, paging: Paging, filters: Filters = NONE
) -> Sequence[Row]:
    """One page of what a caller sees, plus one row if there is a next page.

    :raises MarkerNotFound: the marker names nothing visible.
    """
    query = (
        _select(columns)
        .where(scope.own(TABLE), *_conditions(filters))
        .order_by(*scopes.ordering(TABLE, paging))
        .limit(paging.limit + 1)
    )
    if paging.marker is not None:
        query = query.where(scopes.after_marker(session, TABLE, paging, scope.own(TABLE)))
    return session.execute(query).all()


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
    query = _select(columns).where(scope.own(TABLE))
    if scopes.is_uuid(ident):
        row = session.execute(query.where(TABLE.c.uuid == ident.lower())).first()
        if row is not None:
            return row
    rows = session.execute(query.where(TABLE.c.name == ident).limit(2)).all()
    if len(rows) > 1:
        raise Ambiguous
    return rows[0] if rows else None


def by_uuid(session: orm.Session, columns: Columns, uuid: str) -> Row | None:
    """The bay of a uuid, if it is there still."""
    return session.execute(_select(columns).where(TABLE.c.uuid == uuid)).first()


def load(session: orm.Session, uuid: str) -> models.Bay | None:
    """The bay of a uuid, as an object of the session that nobody else changes."""
    return session.scalars(
        sa.select(models.Bay).filter_by(uuid=uuid).with_for_update()
    ).one_or_none()


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
    return session.execute(
        scopes.select(columns)
        .where(NODEGROUP.c.bay_uuid.in_(bay_uuids))
        .order_by(NODEGROUP.c.id)
    ).all()


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


@functools.lru_cache(maxsize=scopes.SELECTIONS)
def _select(columns: Columns) -> sa.Select[Any]:
    query = scopes.select(columns)
    if any(column is BAYMODEL_LABELS for column in columns):
        query = query.join_from(TABLE, BAYMODEL, BAYMODEL.c.uuid == TABLE.c.baymodel_id)
    return query
