"""Queries for quotas.

A project's row is also what makers of bays lock, so it may be there without
a limit: such a row is no quota, and a dropped quota leaves one behind.
"""

import datetime
from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa
from oslo_db import exception as db_exc
from sqlalchemy import orm

from magnum.db import models
from magnum.db.repositories import paging as pages
from magnum.db.repositories.paging import Paging
from magnum.db.selections import Row, select
from magnum.db.statements import changed_rows
from magnum.db.types import utcnow

TABLE: Final[sa.Table] = models.Quota.__table__
SORTABLE: Final = pages.sortable(TABLE)

#: The resource of bays, by the name that clients know.
BAYS: Final = 'Cluster'

_BAYMODEL: Final[sa.Table] = models.Baymodel.__table__
_BAY: Final[sa.Table] = models.Bay.__table__
_LOCK_BAYMODEL: Final = (
    sa.select(_BAYMODEL.c.generation)
    .where(_BAYMODEL.c.uuid == sa.bindparam('baymodel'))
    .with_for_update()
)
_LOCK_BOTH: Final = (
    sa.select(_BAYMODEL.c.generation, TABLE.c.hard_limit)
    .join_from(_BAYMODEL, TABLE, sa.and_(
        TABLE.c.project_id == sa.bindparam('project'), TABLE.c.resource == BAYS
    ))
    .where(_BAYMODEL.c.uuid == sa.bindparam('baymodel'))
    .with_for_update()
)
_COUNT_BAYS: Final = sa.select(sa.func.count(), utcnow()).select_from(_BAY).where(
    _BAY.c.project_id == sa.bindparam('project')
)

_IS_SET: Final = TABLE.c.hard_limit.is_not(None)


class Exists(Exception):
    """The project has a quota of this resource."""


def page(session: orm.Session, project_id: str | None, paging: Paging) -> Sequence[Row]:
    """One page of quotas, plus one row if there is a next page.

    :param project_id: None for those of all projects.
    :raises MarkerNotFound: the marker is none of them.
    """
    visible: sa.ColumnElement[bool] = _IS_SET
    if project_id is not None:
        visible = sa.and_(visible, TABLE.c.project_id == project_id)
    query = select(tuple(TABLE.c)).where(visible)
    return pages.page(session, query, TABLE, paging, visible, key='id')


def find(session: orm.Session, project_id: str, resource: str) -> Row | None:
    """The quota of a project, if it has one."""
    return session.execute(
        select(tuple(TABLE.c)).where(_IS_SET, _of(project_id, resource))
    ).first()


def insert(session: orm.Session, project_id: str, resource: str, hard_limit: int) -> None:
    """Give a project a quota.

    :raises Exists: it has one; the whole transaction is to be rolled back.
    """
    made_for_locking = changed_rows(
        session,
        sa.update(TABLE)
        .where(TABLE.c.hard_limit.is_(None), _of(project_id, resource))
        .values(hard_limit=hard_limit, created_at=utcnow(), updated_at=None),
    )
    if made_for_locking:
        return
    try:
        session.execute(
            sa.insert(models.Quota).values(
                project_id=project_id, resource=resource, hard_limit=hard_limit
            )
        )
    except db_exc.DBDuplicateEntry:
        raise Exists from None


def update(session: orm.Session, project_id: str, resource: str, hard_limit: int | None) -> bool:
    """Change a quota; with a limit of None drop it.

    :returns: whether there was one.
    """
    statement = (
        sa.update(TABLE)
        .where(_IS_SET, _of(project_id, resource))
        .values(hard_limit=hard_limit, updated_at=utcnow())
    )
    return changed_rows(session, statement) > 0


def lock_with_baymodel(
    session: orm.Session, project_id: str, baymodel_uuid: str
) -> tuple[int, int | None] | None:
    """Lock a baymodel, and the project's row for bays, made when missing.

    :returns: the baymodel's generation, and the project's own limit, if it has
        one; None when there is no such baymodel.
    """
    named = {'baymodel': baymodel_uuid, 'project': project_id}
    row = session.execute(_LOCK_BOTH, named).one_or_none()
    if row is None:
        if session.execute(_LOCK_BAYMODEL, named).one_or_none() is None:
            return None
        try:
            with session.begin_nested():
                session.add(models.Quota(project_id=project_id, resource=BAYS))
        except db_exc.DBDuplicateEntry:
            pass  # another request made it first
        row = session.execute(_LOCK_BOTH, named).one()
    generation, limit = row
    return generation, limit


def count_bays(
    session: orm.Session, project_id: str | None
) -> tuple[int, datetime.datetime]:
    """How many bays a project has, and the database's time, in one statement."""
    existing, now = session.execute(_COUNT_BAYS, {'project': project_id}).one()
    return existing, now


def _of(project_id: str, resource: str) -> sa.ColumnElement[bool]:
    return sa.and_(TABLE.c.project_id == project_id, TABLE.c.resource == resource)
