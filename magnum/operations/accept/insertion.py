"""Insertion of an operation: what accepting has in common, whatever the verb."""

import datetime
from typing import Any, Final

from oslo_config import cfg
from sqlalchemy import orm

from magnum.db import models
from magnum.db.repositories import events, locking, pending, transitions
from magnum.db.statements import database_now
from magnum.domain import machine, rounds, states
from magnum.domain.parameters import Parameters
from magnum.operations.accept.errors import OperationInProgress, QueueFull
from magnum.operations.accept.requester import Requester
from magnum.operations.queue import BEHIND

_DELETES: Final = frozenset({states.DELETE, states.DELETE_NODEGROUP})


def check_idle(session: orm.Session, bay: models.Bay) -> None:
    """Check that nothing goes on at the bay.

    :raises OperationInProgress: something goes on.
    """
    active = locking.active_operation(session, bay.uuid)
    if active is not None:
        raise in_progress(session, active)


def in_progress(session: orm.Session, active: models.Operation) -> OperationInProgress:
    """The error that names an active operation."""
    session.expunge(active)  # the rollback to come must not empty it
    return OperationInProgress(active)


def begin_operation(
    conf: cfg.ConfigOpts,
    session: orm.Session,
    bay: models.Bay,
    requester: Requester,
    parameters: Parameters,
    **more: Any,
) -> models.Operation:
    """Insert an operation of an existing, locked bay; the statuses say so at once."""
    bay.status = states.status(parameters.verb, states.IN_PROGRESS)
    bay.status_reason = None
    bay.generation += 1
    operation = insert_operation(
        conf, session, bay, requester, parameters, database_now(session), **more
    )
    locking.set_nodegroup_status(session, operation, states.IN_PROGRESS)
    return operation


def begin_or_enqueue(
    conf: cfg.ConfigOpts,
    session: orm.Session,
    bay: models.Bay,
    active: models.Operation | None,
    requester: Requester,
    parameters: Parameters,
) -> models.Operation:
    """As ``begin_operation``; behind an active operation it waits for its turn.

    :param active: one that :func:`check_may_wait` let pass, or None.
    :raises QueueFull: as many as may wait do.
    """
    if active is None:
        return begin_operation(conf, session, bay, requester, parameters)
    waiting = len(pending.of_bay(session, bay.uuid))
    if waiting >= conf.conductor.queue_limit:
        session.expunge(active)
        raise QueueFull(active, waiting)
    # By the database: a worker may have raised it meanwhile.
    bay.generation = models.Bay.generation + 1
    operation = insert_operation(
        conf, session, bay, requester, parameters, database_now(session), is_pending=True
    )
    locking.set_nodegroup_status(session, operation, states.IN_PROGRESS)
    return operation


def check_may_wait(session: orm.Session, active: models.Operation | None, verb: str) -> None:
    """Check that something may be asked of a bay with an active operation.

    :raises OperationInProgress: it contradicts what is active.
    """
    if active is not None and active.verb not in BEHIND[verb]:
        raise in_progress(session, active)


def insert_operation(
    conf: cfg.ConfigOpts,
    session: orm.Session,
    bay: models.Bay,
    requester: Requester,
    parameters: Parameters,
    now: datetime.datetime,
    preempts: str | None = None,
    retries: str | None = None,
    is_pending: bool = False,
) -> models.Operation:
    """Insert an operation, with its deadline and the event that tells of it.

    :param now: the database's time.
    :param preempts: uuid of the operation whose place it takes.
    :param retries: uuid of the operation that it tries again.
    :param is_pending: it waits for its turn at the bay, and its deadline with it.
    """
    verb, this = parameters.verb, rounds.current(parameters)
    if this is not None:
        minutes: int | None = this.minutes
    elif verb in _DELETES:
        minutes = conf.cluster_heat.delete_timeout
    else:
        minutes = bay.create_timeout
    allowed = datetime.timedelta(minutes=minutes or conf.cluster_heat.create_timeout)
    taken: dict[str, Any] = {'deadline': now + allowed}
    if not is_pending:
        taken['active_for'] = bay.uuid
    operation = transitions.insert(
        session,
        machine.ENQUEUE if is_pending else machine.ACCEPT,
        taken,
        bay_uuid=bay.uuid,
        bay_name=bay.name,
        project_id=bay.project_id,
        verb=verb,
        parameters=parameters.stored(),
        user_id=requester.user_id,
        requester_project_id=requester.project_id,
        roles=sorted(requester.roles),
        request_id=requester.request_id,
        preempts=preempts,
        retries=retries,
    )
    later = ' and waits for its turn' if is_pending else ''
    events.record(session, operation, f'bay.{verb}.accepted', f'{verb} was accepted{later}')
    return operation
