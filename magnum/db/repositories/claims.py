"""Queries for claims of operations: who works on which, under which lease."""

import datetime
from collections.abc import Collection, Sequence
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import orm

from magnum.db.models import Operation, OperationStep
from magnum.db.repositories import transitions
from magnum.db.repositories.transitions import TABLE
from magnum.db.selections import Row
from magnum.db.types import utcnow
from magnum.domain import machine, states, verbs

_STEP: Final[sa.Table] = OperationStep.__table__


def claimable(
    session: orm.Session,
    now: datetime.datetime,
    in_flight: datetime.timedelta,
    limit: int,
    skips_locked: bool,
) -> Sequence[Row]:
    """Operations that wait for a worker: those whose steps are known here.

    During an upgrade requests may ask for what only later conductors can do. The
    first of each bay comes before the second of any, so that a bay with many does not
    keep others from their worker.

    :param in_flight: how long after a lease what its worker asked the cloud for
        may still arrive: a delete waits for that, and so does the end of a
        cancelled operation.
    :param skips_locked: pass over those that other conductors are about to take.
    """
    preempted, other = TABLE.alias('preempted'), TABLE.alias('other')
    still_worked_on = (
        sa.exists()
        .where(TABLE.c.verb == states.DELETE)
        .where(preempted.c.bay_uuid == TABLE.c.bay_uuid, preempted.c.active_for.is_(None))
        .where(preempted.c.state == states.RUNNING)
        .where(preempted.c.lease_expires_at > now - in_flight)
    )
    place = (
        sa.select(sa.func.count())
        .where(other.c.bay_uuid == TABLE.c.bay_uuid, other.c.active_for.is_not(None))
        .where(other.c.state.in_((states.QUEUED, states.RUNNING)), other.c.id < TABLE.c.id)
        .scalar_subquery()
    )
    lapsed = TABLE.c.lease_expires_at < sa.case(
        (TABLE.c.cancel_requested, now - in_flight), else_=now
    )
    is_due = sa.or_(TABLE.c.not_before.is_(None), TABLE.c.not_before <= now)
    query = (
        sa.select(
            TABLE.c.uuid, TABLE.c.bay_uuid, TABLE.c.verb, TABLE.c.phase, TABLE.c.fence,
            TABLE.c.state, TABLE.c.request_id, TABLE.c.parameters,
        )
        .where(
            sa.or_(
                sa.and_(TABLE.c.state == states.QUEUED, is_due),
                sa.and_(TABLE.c.state == states.RUNNING, lapsed),
            )
        )
        .where(~still_worked_on, TABLE.c.verb.in_(verbs.STEPS))
        .order_by(place, TABLE.c.id)
        .limit(limit)
    )
    if skips_locked:
        query = query.with_for_update(skip_locked=True, of=TABLE)
    return session.execute(query).all()


def take(session: orm.Session, found: Row, worker: str, lease_ends: datetime.datetime) -> bool:
    """Claim an operation that :func:`claimable` found; False when another was faster."""
    taken = transitions.write_where(
        session, machine.CLAIM,
        TABLE.c.uuid == found.uuid, TABLE.c.fence == found.fence, TABLE.c.state == found.state,
        worker=worker, fence=found.fence + 1, attempts=TABLE.c.attempts + 1,
        lease_expires_at=lease_ends,
        started_at=sa.func.coalesce(TABLE.c.started_at, utcnow()),
    )
    return taken == 1


def hold(session: orm.Session, uuid: str, fence: int) -> bool:
    """Lock a claimed operation; False when the fence has risen since."""
    return session.execute(_held(uuid, fence, TABLE.c.id)).first() is not None


def load(session: orm.Session, uuid: str, fence: int) -> Operation | None:
    """A claimed operation, locked; None when the fence has risen since."""
    return session.scalars(_held(uuid, fence, Operation)).one_or_none()


def standing(session: orm.Session, uuid: str, fence: int) -> Row | None:
    """``cancel_requested``, ``deadline`` and the time (``now``) of a claimed operation.

    It is locked; None when the fence has risen since.
    """
    columns = TABLE.c.cancel_requested, TABLE.c.deadline, utcnow().label('now')
    return session.execute(_held(uuid, fence, *columns)).one_or_none()


def lengthen(session: orm.Session, uuid: str, lease_ends: datetime.datetime) -> None:
    """Lengthen the lease of a claimed operation, which the transaction holds."""
    transitions.write_where(
        session, machine.RENEW, TABLE.c.uuid == uuid, lease_expires_at=lease_ends
    )


def lapse(
    session: orm.Session, worker: str, now: datetime.datetime, unless_in: Collection[str]
) -> None:
    """End the leases of a worker.

    :param unless_in: names of steps that keep the lease of whoever is in them.
    """
    is_in = (
        sa.exists()
        .where(_STEP.c.operation_uuid == TABLE.c.uuid)
        .where(_STEP.c.state == states.STEP_RUNNING)
        .where(_STEP.c.name.in_(unless_in))
    )
    transitions.write_where(
        session, machine.LAPSE,
        TABLE.c.worker == worker, TABLE.c.lease_expires_at > now, ~is_in, lease_expires_at=now,
    )


def _held(uuid: str, fence: int, *columns: Any) -> sa.Select[Any]:
    return (
        sa.select(*columns)
        .where(TABLE.c.uuid == uuid, TABLE.c.fence == fence, TABLE.c.state == states.RUNNING)
        .with_for_update()
    )
