"""Cancellation of an operation."""

import contextlib

from oslo_config import cfg
from sqlalchemy import orm

from magnum.db import models
from magnum.db.repositories import events, locking, operations, transitions
from magnum.db.repositories.locking import BayGone
from magnum.domain import machine, states
from magnum.domain.failures import Failure
from magnum.operations import queue
from magnum.operations.accept.errors import NotCancellable
from magnum.operations.accept.requester import Requester
from magnum.operations.ending import end_cancelled, is_preempted


def accept(
    conf: cfg.ConfigOpts, session: orm.Session, operation_uuid: str, requester: Requester
) -> models.Operation:
    """Stop an operation: at once when nobody has begun it, else soon.

    One that is being stopped already is answered with itself.

    :raises NotCancellable: it has ended, or is a delete.
    """
    found = operations.load(session, operation_uuid)
    if found is None:
        raise NotCancellable('There is no such operation.')
    with contextlib.suppress(BayGone):  # then it has ended
        locking.lock_bay(session, found.bay_uuid)
    operation = locking.lock_operation(session, operation_uuid)
    if operation.state in states.ENDED:
        raise NotCancellable(f'It has ended: {operation.state}.')
    if operation.verb not in states.VERBS:
        raise NotCancellable('It is of a later release than this one.')
    by = f'Cancelled by the user {requester.user_id}.'
    if operation.state == states.PENDING:
        queue.withdraw(session, operation, Failure('cancelled', by))
        queue.next_turn(session, operation.bay_uuid, conf.conductor.operations_per_bay)
        return operation
    if not states.VERBS[operation.verb].is_cancellable:
        raise NotCancellable('A delete goes on to its end.')
    if is_preempted(operation):
        raise NotCancellable('It makes way for a delete.')
    if operation.cancel_requested:
        return operation
    is_begun = operation.state != states.QUEUED or operation.attempts > 0
    # Whoever holds it, or claims it next, stops it.
    transitions.write(operation, machine.CANCEL, error=Failure('cancelled', by).as_dict())
    if not is_begun:
        end_cancelled(conf, session, operation)
        return operation
    events.record(session, operation, f'bay.{operation.verb}.stopping', by)
    return operation
