"""How cancelled operations end.

A delete pre-empts: the operation lets go of its bay at once and only stops.
A user cancels: the operation keeps its bay until it has stopped, and the bay
says that it was cancelled.
"""

from collections.abc import Callable

from oslo_config import cfg
from sqlalchemy import orm

from magnum.db.models import Operation
from magnum.db.repositories import events, pending, transitions
from magnum.db.statements import database_now
from magnum.domain import machine, states
from magnum.domain.failures import Failure
from magnum.operations import half_made, queue, staying


def is_preempted(operation: Operation) -> bool:
    """Whether a delete has taken the bay from an operation that has not ended."""
    return operation.active_for is None


def end_cancelled(
    conf: cfg.ConfigOpts,
    session: orm.Session,
    operation: Operation,
    told: Callable[[str], str] = str,
) -> None:
    """End a cancelled operation, in a transaction that holds the bay.

    :param told: adds to the reason what the user has to know of Heat.
    """
    kind = f'bay.{operation.verb}.cancelled'
    if is_preempted(operation):
        transitions.write(
            operation, machine.STOP, error=None, finished_at=database_now(session)
        )
        events.record(session, operation, kind, f'{operation.verb} made way for a delete')
        return
    reason: str = (operation.error or {}).get('reason', 'It was cancelled.')
    reason = half_made.told_of_nodes(session, operation, reason)
    failure = Failure('cancelled', told(reason))
    if operation.stack_action is None:  # Heat was never asked
        pending.restore_count(session, operation)
    staying.admit(session, operation)
    transitions.write(
        operation, machine.STOP, error=failure.as_dict(), finished_at=database_now(session)
    )
    events.record(session, operation, kind, failure.sentence())
    queue.follow(
        session, operation, states.FAILED, conf.conductor.operations_per_bay, failure.sentence()
    )
