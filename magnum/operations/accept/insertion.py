"""Insertion of an operation: what accepting has in common, whatever the verb."""

import datetime
from typing import Any, Final

from oslo_config import cfg
from sqlalchemy import orm

from magnum.db import models
from magnum.db.repositories import events, locking, transitions
from magnum.db.statements import database_now
from magnum.domain import rounds, states
from magnum.domain.parameters import Parameters
from magnum.operations.accept.errors import OperationInProgress
from magnum.operations.accept.requester import Requester

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


def insert_operation(
    conf: cfg.ConfigOpts,
    session: orm.Session,
    bay: models.Bay,
    requester: Requester,
    parameters: Parameters,
    now: datetime.datetime,
    preempts: str | None = None,
    retries: str | None = None,
) -> models.Operation:
    """Insert an operation, with its deadline and the event that tells of it.

    :param now: the database's time.
    :param preempts: uuid of the operation whose place it takes.
    :param retries: uuid of the operation that it tries again.
    """
    verb, this = parameters.verb, rounds.current(parameters)
    if this is not None:
        minutes: int | None = this.minutes
    elif verb in _DELETES:
        minutes = conf.cluster_heat.delete_timeout
    else:
        minutes = bay.create_timeout
    allowed = datetime.timedelta(minutes=minutes or conf.cluster_heat.create_timeout)
    operation = transitions.accept(
        session,
        {'active_for': bay.uuid, 'deadline': now + allowed},
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
    events.record(session, operation, f'bay.{verb}.accepted', f'{verb} was accepted')
    return operation
