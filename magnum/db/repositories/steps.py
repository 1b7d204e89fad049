"""Queries for the steps of operations, as their workers record them."""

import datetime
from collections.abc import Collection
from typing import Final

import sqlalchemy as sa
from sqlalchemy import orm

from magnum.db import models
from magnum.db.statements import changed_rows
from magnum.db.types import utcnow
from magnum.domain import states

TABLE: Final[sa.Table] = models.OperationStep.__table__


def begin(session: orm.Session, operation_uuid: str, name: str, position: int) -> bool:
    """Record that a step is being done, unless it is done.

    :param position: of the step in its operation, from 0.
    :returns: whether it is to be done.
    """
    is_this = _is(operation_uuid, name)
    state = session.scalar(sa.select(TABLE.c.state).where(*is_this))
    if state == states.STEP_DONE:
        return False
    if state is None:
        session.execute(sa.insert(TABLE).values(
            operation_uuid=operation_uuid, name=name, position=position,
            state=states.STEP_RUNNING, attempts=1, started_at=utcnow(),
        ))
    else:
        session.execute(sa.update(TABLE).where(*is_this).values(
            state=states.STEP_RUNNING, attempts=TABLE.c.attempts + 1,
            started_at=sa.func.coalesce(TABLE.c.started_at, utcnow()),
        ))
    return True


def end(
    session: orm.Session, operation_uuid: str, name: str, state: str, reason: str | None = None
) -> None:
    """Record what became of a step.

    What is done stays done: an operation may be stopped before it comes to a
    step, and yet that step is what fails.
    """
    session.execute(
        sa.update(TABLE)
        .where(*_is(operation_uuid, name), TABLE.c.state != states.STEP_DONE)
        .values(
            state=state, reason=reason,
            finished_at=None if state == states.STEP_PENDING else utcnow(),
        )
    )


def repeat(session: orm.Session, operation_uuid: str, names: Collection[str]) -> None:
    """Let steps that are done be done once more."""
    changed_rows(
        session,
        sa.update(TABLE)
        .where(TABLE.c.operation_uuid == operation_uuid, TABLE.c.name.in_(names))
        .values(state=states.STEP_PENDING, started_at=None, finished_at=None),
    )


def started_at(
    session: orm.Session, operation_uuid: str, name: str
) -> datetime.datetime | None:
    """When a step was begun; None if it was not."""
    query = sa.select(models.OperationStep.started_at).where(*_is(operation_uuid, name))
    return session.scalar(query)


def _is(operation_uuid: str, name: str) -> tuple[sa.ColumnElement[bool], ...]:
    return TABLE.c.operation_uuid == operation_uuid, TABLE.c.name == name
