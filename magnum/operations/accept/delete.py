"""Deletion of a bay."""

from oslo_config import cfg
from sqlalchemy import orm

from magnum.db import models
from magnum.db.repositories import events, locking, pending, transitions
from magnum.db.statements import database_now
from magnum.domain import machine, states
from magnum.domain.parameters import Delete
from magnum.operations.accept.insertion import begin_operation
from magnum.operations.accept.requester import Requester
from magnum.operations.queue import withdraw


def accept(
    conf: cfg.ConfigOpts, session: orm.Session, bay: models.Bay, requester: Requester
) -> models.Operation:
    """Insert the operation that removes the bay; it pre-empts whatever else is going on or waits.

    A delete in progress is answered with itself.
    """
    active = locking.active_operation(session, bay.uuid)
    for waiting in pending.of_bay(session, bay.uuid):
        withdraw(session, waiting, None)
    if active is None:
        return begin_operation(conf, session, bay, requester, Delete())
    if active.verb == states.DELETE:
        return active
    if active.state == states.RUNNING:
        transitions.write(active, machine.GIVE_WAY)
    else:
        transitions.write(active, machine.PREEMPT, finished_at=database_now(session))
        events.record(
            session, active, f'bay.{active.verb}.cancelled',
            f'{active.verb} made way for a delete',
        )
    return begin_operation(conf, session, bay, requester, Delete(), preempts=active.uuid)
