"""How operations are let go of, and how they end.

A delete pre-empts: the operation lets go of its bay at once and only stops.
A user cancels: the operation keeps its bay until it has stopped, and the bay
says that it was cancelled.
"""

import datetime
from collections.abc import Callable

from sqlalchemy import orm

from magnum.certificates.bootstrap import BootstrapTokens
from magnum.db.models import Operation
from magnum.db.repositories import events, locking
from magnum.db.statements import database_now
from magnum.domain import states
from magnum.domain.failures import Failure


def release(
    operation: Operation, state: str, not_before: datetime.datetime | None = None
) -> None:
    """Let go of a claimed operation, within its fenced transaction.

    :param not_before: earliest time at which it is looked at again.
    """
    if state not in states.TRANSITIONS[operation.state]:
        raise ValueError(f'an operation cannot go from {operation.state} to {state}')
    operation.state = state
    operation.worker = None
    operation.lease_expires_at = None
    operation.not_before = not_before


def end(
    session: orm.Session, operation: Operation, state: str, failure: Failure | None = None
) -> None:
    """End an operation: its bay may have another one."""
    release(operation, state)
    operation.active_for = None
    operation.error = failure.as_dict() if failure else None
    operation.finished_at = database_now(session)


def is_preempted(operation: Operation) -> bool:
    """Whether a delete has taken the bay from an operation that has not ended."""
    return operation.active_for is None


def end_cancelled(
    session: orm.Session,
    operation: Operation,
    tokens: BootstrapTokens | None = None,
    told: Callable[[str], str] = str,
) -> None:
    """End a cancelled operation, in a transaction that holds the bay.

    :param tokens: to disarm the operation's; it has none before it was begun.
    :param told: adds to the reason what the user has to know of Heat.
    """
    if tokens is not None:
        tokens.disarm(session, operation.uuid)
    kind = f'bay.{operation.verb}.cancelled'
    if is_preempted(operation):
        end(session, operation, states.CANCELLED)
        events.record(session, operation, kind, f'{operation.verb} made way for a delete')
        return
    reason: str = (operation.error or {}).get('reason', 'It was cancelled.')
    failure = Failure('cancelled', told(reason))
    if operation.stack_action is None:  # Heat was never asked
        locking.restore_count(session, operation)
    locking.set_status(session, operation, states.FAILED, failure.sentence())
    end(session, operation, states.CANCELLED, failure)
    events.record(session, operation, kind, failure.sentence())
