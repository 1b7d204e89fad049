"""Queries for the node groups of one bay."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import orm

from magnum.db import models
from magnum.db.repositories import paging as pages
from magnum.db.repositories.paging import Paging
from magnum.db.selections import Columns, Row, select
from magnum.domain.nodegroups import WORKER
from magnum.domain.plain_text import is_storable
from magnum.domain.uuids import is_uuid

TABLE: Final[sa.Table] = models.Nodegroup.__table__
BAY: Final[sa.Table] = models.Bay.__table__
SORTABLE: Final = pages.sortable(TABLE) - {'generation', 'revision', 'template_version'}

#: What a node group's labels are compared with, selected beside its columns.
BAY_LABELS: Final = BAY.c.labels.label('bay_labels')


def page(
    session: orm.Session, columns: Columns, bay_uuid: str, role: str | None, paging: Paging
) -> Sequence[Row]:
    """One page of a bay's node groups, plus one row if there is a next page.

    :raises MarkerNotFound: the marker is none of them.
    """
    query = _select(columns, bay_uuid)
    if role is not None:
        query = query.where(TABLE.c.role == role)
    return pages.page(session, query, TABLE, paging, TABLE.c.bay_uuid == bay_uuid)


def find(session: orm.Session, columns: Columns, bay_uuid: str, ident: str) -> Row | None:
    """The bay's node group of a uuid or name."""
    query = _select(columns, bay_uuid)
    if is_uuid(ident):
        row = session.execute(query.where(TABLE.c.uuid == ident.lower())).first()
        if row is not None:
            return row
    if not is_storable(ident):
        return None
    return session.execute(query.where(TABLE.c.name == ident)).first()


def default(session: orm.Session, columns: Columns, bay_uuid: str) -> Row:
    """The bay's default workers."""
    return session.execute(
        _select(columns, bay_uuid).where(
            TABLE.c.is_default == sa.true(), TABLE.c.role == WORKER
        )
    ).one()


def defaults(session: orm.Session, bay_uuids: Collection[str]) -> frozenset[str]:
    """uuids of the default node groups of bays, which are in the bays' own stacks."""
    return frozenset(session.scalars(
        sa.select(TABLE.c.uuid)
        .where(TABLE.c.bay_uuid.in_(bay_uuids), TABLE.c.is_default == sa.true())
    ))


def load_all(session: orm.Session, bay_uuid: str) -> Sequence[models.Nodegroup]:
    """The bay's node groups as objects of the session."""
    return session.scalars(
        sa.select(models.Nodegroup).filter_by(bay_uuid=bay_uuid).order_by(TABLE.c.id)
    ).all()


def update(session: orm.Session, uuid: str, changes: Mapping[str, Any]) -> None:
    """Change columns of a node group."""
    session.execute(
        sa.update(TABLE)
        .where(TABLE.c.uuid == uuid)
        .values(**changes, generation=TABLE.c.generation + 1)
    )


def insert(session: orm.Session, nodegroup: models.Nodegroup) -> None:
    """Insert a node group; it has its uuid afterwards."""
    session.add(nodegroup)
    session.flush()


def is_taken(session: orm.Session, bay_uuid: str, name: str) -> bool:
    """Whether the bay has a node group of a name."""
    return session.scalar(
        sa.select(TABLE.c.id).where(TABLE.c.bay_uuid == bay_uuid, TABLE.c.name == name)
    ) is not None


def delete(session: orm.Session, uuid: str) -> None:
    """Delete a node group."""
    session.execute(sa.delete(models.Nodegroup).where(TABLE.c.uuid == uuid))


def _select(columns: Columns, bay_uuid: str) -> sa.Select[Any]:
    query = select(columns).where(TABLE.c.bay_uuid == bay_uuid)
    if any(column is BAY_LABELS for column in columns):
        query = query.join_from(TABLE, BAY, BAY.c.uuid == TABLE.c.bay_uuid)
    return query
