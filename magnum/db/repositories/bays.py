"""Queries for bays and what their documents show of their node groups."""

import functools
from collections.abc import Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import orm

from magnum.db import models, selections
from magnum.db.repositories.filters import Condition, Filters
from magnum.db.repositories.paging import sortable
from magnum.db.repositories.resources import Resource
from magnum.db.repositories.visibility import Kind, Scope
from magnum.db.selections import KEPT, Columns, Row, Selection
from magnum.domain.nodegroups import MASTER

TABLE: Final[sa.Table] = models.Bay.__table__
BAYMODEL: Final[sa.Table] = models.Baymodel.__table__
NODEGROUP: Final[sa.Table] = models.Nodegroup.__table__
SORTABLE: Final = sortable(TABLE) - {'generation', 'driver', 'template_version'}

#: What a bay's document may show of its baymodel, selected beside its columns.
BAYMODEL_LABELS: Final = BAYMODEL.c.labels.label('baymodel_labels')
BAYMODEL_NETWORK_DRIVER: Final = BAYMODEL.c.network_driver.label('baymodel_network_driver')

_IDENT: Final = sa.bindparam('ident', type_=sa.String())
_BAYS: Final = sa.bindparam('bay_uuids', type_=sa.String(), expanding=True)


def _count(name: str, *conditions: sa.ColumnElement[bool]) -> sa.Label[int]:
    """How many nodes some of a bay's groups have together."""
    total = sa.cast(sa.func.coalesce(sa.func.sum(NODEGROUP.c.node_count), 0), sa.Integer)
    query = sa.select(total).where(NODEGROUP.c.bay_uuid == TABLE.c.uuid, *conditions)
    return query.correlate(TABLE).scalar_subquery().label(name)


#: The numbers of a bay's nodes, selected beside its columns.
MASTER_COUNT: Final = _count('master_count', NODEGROUP.c.role == MASTER)
NODE_COUNT: Final = _count('node_count', NODEGROUP.c.role != MASTER)

#: The engine of a bay, selected beside its columns.
COE: Final = (
    sa.select(BAYMODEL.c.coe)
    .where(BAYMODEL.c.uuid == TABLE.c.baymodel_id)
    .correlate(TABLE)
    .scalar_subquery()
    .label('coe')
)


def _visible(scope: Scope | Kind) -> Condition:
    return scope.own(TABLE)


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


def _select(selection: Selection) -> sa.Select[Any]:
    if any(column is BAYMODEL_LABELS for column in selection.columns):
        return selection.query.join_from(
            TABLE, BAYMODEL, BAYMODEL.c.uuid == TABLE.c.baymodel_id
        )
    return selection.query


RESOURCE: Final = Resource(TABLE, SORTABLE, _visible, _conditions, _select)
page: Final = RESOURCE.page
find: Final = RESOURCE.find
by_uuid: Final = RESOURCE.by_uuid


def load(session: orm.Session, uuid: str) -> models.Bay | None:
    """The bay of a uuid, as an object of the session that is not locked."""
    return session.scalars(sa.select(models.Bay).filter_by(uuid=uuid)).one_or_none()


def hold(session: orm.Session, uuid: str) -> None:
    """Keep everybody else off a bay until the transaction ends, if it is there."""
    session.execute(sa.select(TABLE.c.id).where(TABLE.c.uuid == uuid).with_for_update())


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


def with_releases(session: orm.Session, after: int, limit: int) -> Sequence[Row]:
    """Bays that know their COE's release, in the order of their ids.

    :param after: the id of the last one of the page before; 0: the first page.
    :returns: ``id``, ``uuid``, ``driver``, ``coe_version`` and ``conditions``.
    """
    columns = (TABLE.c.id, TABLE.c.uuid, TABLE.c.driver, TABLE.c.coe_version, TABLE.c.conditions)
    query = sa.select(*columns).where(TABLE.c.id > after, TABLE.c.coe_version.is_not(None))
    return session.execute(query.order_by(TABLE.c.id).limit(limit)).all()


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
    for table in (
        models.CloudCredential, models.PurposeCredential, models.BayIdentity, models.Nodegroup
    ):
        session.execute(sa.delete(table).filter_by(bay_uuid=uuid))
    session.execute(sa.delete(models.Bay).filter_by(uuid=uuid))


@functools.lru_cache(maxsize=KEPT)
def _of_bay(selection: Selection) -> sa.Select[Any]:
    return selection.query.where(NODEGROUP.c.bay_uuid == _IDENT).order_by(NODEGROUP.c.id)


@functools.lru_cache(maxsize=KEPT)
def _of_bays(selection: Selection) -> sa.Select[Any]:
    return selection.query.where(NODEGROUP.c.bay_uuid.in_(_BAYS)).order_by(NODEGROUP.c.id)
