"""Deletion of a bay."""

from collections.abc import Sequence

from oslo_config import cfg
from sqlalchemy import orm

from magnum.db import models
from magnum.db.repositories import events, transitions
from magnum.db.statements import database_now
from magnum.domain import machine, states
from magnum.domain.parameters import Delete
from magnum.operations.accept.insertion import Line, begin_operation
from magnum.operations.accept.requester import Requester
from magnum.operations.queue import withdraw


def accept(
    conf: cfg.ConfigOpts, session: orm.Session, bay: models.Bay, requester: Requester
) -> models.Operation:
    """Insert the operation that removes the bay; it pre-empts whatever else is going on or waits.

    A delete in progress is answered with itself.
    """
    line = Line.of(session, bay.uuid)
    for waiting in line.waiting:
        withdraw(session, waiting, None)
    for active in line.active:
        if active.verb == states.DELETE:
            return active
    for active in line.active:
        if active.state == states.RUNNING:
            transitions.write(active, machine.GIVE_WAY)
            continue
        transitions.write(active, machine.PREEMPT, finished_at=database_now(session))
        events.record(
            session, active, f'bay.{active.verb}.cancelled',
            f'{active.verb} made way for a delete',
        )
    return begin_operation(
        conf, session, bay, requester, Delete(), preempts=_longest_held(line.active)
    )


def _longest_held(active: Sequence[models.Operation]) -> str | None:
    """uuid of the operation whose worker may go on longest: all that earlier releases wait for."""
    held = [one for one in active if one.lease_expires_at is not None]
    last = max(held, key=lambda one: str(one.lease_expires_at), default=None)
    return last.uuid if last else None
