"""Queries for baymodels."""

from collections.abc import Mapping
from typing import Any, Final

import sqlalchemy as sa
from oslo_db import exception as db_exc
from sqlalchemy import orm

from magnum.db import models, selections
from magnum.db.repositories.filters import Condition, Filters
from magnum.db.repositories.paging import sortable
from magnum.db.repositories.resources import Resource
from magnum.db.repositories.visibility import Kind, Scope
from magnum.db.selections import Columns, Row
from magnum.domain import states
from magnum.domain.parameters import Upgrade

TABLE: Final[sa.Table] = models.Baymodel.__table__
BAY: Final[sa.Table] = models.Bay.__table__
OPERATION: Final[sa.Table] = models.Operation.__table__
SORTABLE: Final = sortable(TABLE) - {'generation'}


class InUse(Exception):
    """Bays refer to the baymodel."""


class UpgradeToIt(Exception):
    """An upgrade to the baymodel goes on or waits; the text names it."""


class Changed(Exception):
    """Somebody else changed or deleted the baymodel meanwhile."""


class Exists(Exception):
    """Another baymodel has this uuid."""


def _visible(scope: Scope | Kind) -> sa.ColumnElement[bool]:
    if scope.all_projects:
        return sa.true()
    published = sa.and_(TABLE.c.public == sa.true(), TABLE.c.hidden == sa.false())
    return sa.or_(scope.own(TABLE), published)


def _conditions(filters: Filters) -> list[Condition]:
    conditions = filters.of_table(TABLE)
    if filters.coe is not None:
        conditions.append(TABLE.c.coe == filters.coe)
    return conditions


RESOURCE: Final = Resource(TABLE, SORTABLE, _visible, _conditions)
page: Final = RESOURCE.page
find: Final = RESOURCE.find
by_uuid: Final = RESOURCE.by_uuid


def find_numbered(
    session: orm.Session, columns: Columns, scope: Scope, number: int
) -> Row | None:
    """The visible baymodel whose row has a number."""
    selection = selections.of(session, columns)
    return selection.first(
        session, selection.query.where(TABLE.c.id == number, _visible(scope))
    )


def load(
    session: orm.Session, uuid: str, is_to_stay: bool = False
) -> models.Baymodel | None:
    """The baymodel of a uuid, whoever may see it.

    :param is_to_stay: keep it from being changed or deleted within this transaction, and
        see it as it is now.
    """
    query = sa.select(models.Baymodel).filter_by(uuid=uuid)
    if is_to_stay:
        query = query.with_for_update(read=True).execution_options(populate_existing=True)
    return session.scalars(query).one_or_none()


def insert(session: orm.Session, values: Mapping[str, Any]) -> str:
    """Insert a baymodel; its uuid.

    :raises Exists: the uuid is taken.
    """
    baymodel = models.Baymodel(**values)
    session.add(baymodel)
    try:
        session.flush()
    except db_exc.DBDuplicateEntry:
        raise Exists from None
    return baymodel.uuid


def update(
    session: orm.Session,
    uuid: str,
    generation: int,
    changes: Mapping[str, Any],
    allowed_in_use: bool,
    alters_upgrades: bool = True,
) -> None:
    """Change a baymodel that still has the generation it was read with.

    :param alters_upgrades: bays that are upgraded to it would become others by the changes.
    :raises Changed: it has not.
    :raises InUse: bays refer to it and the changes are not of those allowed then.
    :raises UpgradeToIt: an upgrade to it has not ended, and the changes would alter that.
    """
    locked = _lock(session, uuid)
    if locked is None or locked.generation != generation:
        raise Changed
    if not allowed_in_use and _in_use(session, uuid):
        raise InUse
    if alters_upgrades:
        _check_upgrades(session, uuid, locked.project_id)
    session.execute(
        sa.update(models.Baymodel)
        .where(TABLE.c.uuid == uuid)
        .values(**changes, generation=generation + 1)
        .execution_options(synchronize_session=False)
    )


def delete(session: orm.Session, uuid: str) -> None:
    """Delete a baymodel; nothing happens when it is gone already.

    :raises InUse: bays refer to it.
    :raises UpgradeToIt: an upgrade to it has not ended.
    """
    locked = _lock(session, uuid)
    if _in_use(session, uuid):
        raise InUse
    if locked is not None:
        _check_upgrades(session, uuid, locked.project_id)
    try:
        session.execute(sa.delete(TABLE).where(TABLE.c.uuid == uuid))
    except db_exc.DBReferenceError:
        raise InUse from None


def _lock(session: orm.Session, uuid: str) -> Row | None:
    """``generation`` and ``project_id`` of a baymodel, which nobody refers to anew meanwhile.

    New bays and upgrades to it wait until the transaction ends.
    """
    return session.execute(
        sa.select(TABLE.c.generation, TABLE.c.project_id)
        .where(TABLE.c.uuid == uuid)
        .with_for_update()
    ).first()


def _check_upgrades(session: orm.Session, uuid: str, project_id: str | None) -> None:
    """Check that no upgrade to a baymodel goes on or waits.

    :param project_id: the baymodel's; bays of others are not named.
    :raises UpgradeToIt: one does.
    """
    unfinished = [state for state in states.STATES if state not in states.ENDED]
    for row in session.execute(
        sa.select(
            OPERATION.c.uuid, OPERATION.c.bay_uuid, OPERATION.c.bay_name,
            OPERATION.c.project_id, OPERATION.c.verb, OPERATION.c.parameters,
        )
        .where(OPERATION.c.state.in_(unfinished), OPERATION.c.verb == states.UPGRADE)
        .order_by(OPERATION.c.id)
    ):
        if Upgrade.of(row).baymodel != uuid:
            continue
        if row.project_id != project_id:
            raise UpgradeToIt('of another project')
        raise UpgradeToIt(f'of {row.bay_name} ({row.bay_uuid}), operation {row.uuid}')


def _in_use(session: orm.Session, uuid: str) -> bool:
    query = sa.select(BAY.c.id).where(BAY.c.baymodel_id == uuid).limit(1)
    return session.execute(query).first() is not None
