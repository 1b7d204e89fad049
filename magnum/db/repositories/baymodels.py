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

TABLE: Final[sa.Table] = models.Baymodel.__table__
BAY: Final[sa.Table] = models.Bay.__table__
SORTABLE: Final = sortable(TABLE) - {'generation'}


class InUse(Exception):
    """Bays refer to the baymodel."""


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

    :param is_to_stay: keep it from being changed or deleted within this transaction.
    """
    query = sa.select(models.Baymodel).filter_by(uuid=uuid)
    return session.scalars(
        query.with_for_update(read=True) if is_to_stay else query
    ).one_or_none()


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
) -> None:
    """Change a baymodel that still has the generation it was read with.

    :raises Changed: it has not.
    :raises InUse: bays refer to it and the changes are not of those allowed then.
    """
    # The lock keeps new bays from referring to it until the commit.
    locked = session.execute(
        sa.select(TABLE.c.generation).where(TABLE.c.uuid == uuid).with_for_update()
    ).scalar()
    if locked != generation:
        raise Changed
    if not allowed_in_use and _in_use(session, uuid):
        raise InUse
    session.execute(
        sa.update(models.Baymodel)
        .where(TABLE.c.uuid == uuid)
        .values(**changes, generation=generation + 1)
        .execution_options(synchronize_session=False)
    )


def delete(session: orm.Session, uuid: str) -> None:
    """Delete a baymodel; nothing happens when it is gone already.

    :raises InUse: bays refer to it.
    """
    if _in_use(session, uuid):
        raise InUse
    try:
        session.execute(sa.delete(TABLE).where(TABLE.c.uuid == uuid))
    except db_exc.DBReferenceError:
        raise InUse from None


def _in_use(session: orm.Session, uuid: str) -> bool:
    query = sa.select(BAY.c.id).where(BAY.c.baymodel_id == uuid).limit(1)
    return session.execute(query).first() is not None
