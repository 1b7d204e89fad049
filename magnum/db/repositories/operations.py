"""Queries for operations and their steps. These outlive their bay."""

import dataclasses
import datetime
from collections.abc import Collection, Sequence
from typing import Final

import sqlalchemy as sa
from sqlalchemy import orm

from magnum.db import models
from magnum.db.repositories import paging as pages
from magnum.db.repositories.paging import Paging
from magnum.db.repositories.visibility import Scope
from magnum.db.selections import Columns, Row, select
from magnum.domain.parameters import Parameters
from magnum.domain.uuids import is_uuid

TABLE: Final[sa.Table] = models.Operation.__table__
STEP: Final[sa.Table] = models.OperationStep.__table__


@dataclasses.dataclass(frozen=True)
class Filters:
    """What a list is filtered by; None where it is not."""

    bay_uuid: str | None = None
    state: str | None = None
    verb: str | None = None

    def conditions(self) -> list[sa.ColumnElement[bool]]:
        """One for each that is given."""
        wanted = dataclasses.asdict(self)
        return [TABLE.c[name] == value for name, value in wanted.items() if value is not None]


def page(
    session: orm.Session, columns: Columns, scope: Scope, paging: Paging, filters: Filters
) -> Sequence[Row]:
    """One page of what a caller sees, plus one row if there is a next page.

    :raises MarkerNotFound: the marker names nothing visible.
    """
    own = scope.own(TABLE)
    query = select(columns).where(own, *filters.conditions())
    return pages.page(session, query, TABLE, paging, own)


def find(session: orm.Session, columns: Columns, scope: Scope, uuid: str) -> Row | None:
    """The visible operation of a uuid."""
    if not is_uuid(uuid):
        return None
    return session.execute(
        select(columns).where(TABLE.c.uuid == uuid.lower(), scope.own(TABLE))
    ).first()


def load(session: orm.Session, uuid: str | None) -> models.Operation | None:
    """The operation of a uuid, as an object of the session that is not locked."""
    return session.scalars(sa.select(models.Operation).filter_by(uuid=uuid)).one_or_none()


def is_busy(bay_uuid: sa.ColumnElement[str]) -> sa.Exists:
    """Whether any operation of a bay is active.

    :param bay_uuid: a column of the statement that this becomes part of.
    """
    active = TABLE.alias('active')
    return sa.exists().where(active.c.bay_uuid == bay_uuid, active.c.active_for.is_not(None))


def active_verb(session: orm.Session, bay_uuid: str) -> str | None:
    """What the operation does that has taken the whole bay; None without one."""
    verb: str | None = session.scalar(
        sa.select(TABLE.c.verb).where(TABLE.c.active_for == bay_uuid)
    )
    return verb


def last_of_bay(
    session: orm.Session, columns: Columns, scope: Scope, bay_uuid: str
) -> Row | None:
    """The last visible operation on a bay, which may be gone."""
    return session.execute(
        select(columns)
        .where(TABLE.c.bay_uuid == bay_uuid, scope.own(TABLE))
        .order_by(TABLE.c.id.desc())
        .limit(1)
    ).first()


def steps(session: orm.Session, operation_uuids: Sequence[str]) -> Sequence[Row]:
    """The recorded steps of some operations, in order, in one statement."""
    if not operation_uuids:
        return []
    return session.execute(
        select(tuple(STEP.c))
        .where(STEP.c.operation_uuid.in_(operation_uuids))
        .order_by(STEP.c.position, STEP.c.id)
    ).all()


def parameters_of(
    session: orm.Session, bay_uuid: str, verbs: Collection[str]
) -> list[Parameters]:
    """The parameters of a bay's operations of some verbs."""
    rows: Sequence[Row] = session.execute(
        sa.select(TABLE.c.verb, TABLE.c.parameters)
        .where(TABLE.c.bay_uuid == bay_uuid, TABLE.c.verb.in_(verbs))
    ).all()
    return [Parameters.of(row) for row in rows]


def last_of_service(session: orm.Session, bay_uuid: str) -> datetime.datetime | None:
    """When the service last began an operation on a bay by itself."""
    found: datetime.datetime | None = session.scalar(
        sa.select(models.Operation.created_at)
        .where(TABLE.c.bay_uuid == bay_uuid, TABLE.c.user_id.is_(None))
        .order_by(TABLE.c.id.desc())
        .limit(1)
    )
    return found


def after(session: orm.Session, operation: models.Operation) -> Sequence[Row]:
    """``verb`` and ``parameters`` of the bay's later operations, but for those that ended unbegun.

    What waited for its turn and was cancelled or refused has changed nothing.
    """
    return session.execute(
        sa.select(TABLE.c.verb, TABLE.c.parameters)
        .where(TABLE.c.bay_uuid == operation.bay_uuid, TABLE.c.id > operation.id)
        .where(sa.or_(TABLE.c.started_at.is_not(None), TABLE.c.finished_at.is_(None)))
    ).all()
