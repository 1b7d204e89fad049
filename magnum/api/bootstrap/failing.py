"""Failure of an operation, because a node that it builds says that it failed."""

from typing import Final

from sqlalchemy.orm import Session

from magnum.db.repositories import events, locking, node_watch, transitions
from magnum.domain import machine
from magnum.domain.failures import Failure
from magnum.domain.reports import Report

NODE_FAILED: Final = 'node_failed'
EVENT: Final = 'bay.node.failed'
_SERVER: Final = 'OS::Nova::Server'
#: Characters of the last lines that are told.
_TOLD: Final = 700


def record_failure(
    session: Session, node_id: int, name: str, operation_uuid: str, said: Report
) -> None:
    """Let the operation fail, in a writing transaction of its own.

    Nothing, if it has ended or failed meanwhile.
    """
    operation = locking.lock_operation(session, operation_uuid)
    if operation.active_for is None or operation.found_failure is not None:
        return
    failure = Failure(NODE_FAILED, _reason(said), name, _SERVER)
    transitions.write(operation, machine.REPORT, found_failure=failure.as_dict())
    events.record(session, operation, EVENT, f'node {name}: {failure.reason}')
    # A conductor that looks at the node's report has nothing to add.
    node_watch.note_state(session, node_id, said.state)


def _reason(said: Report) -> str:
    where = f'The step {said.step} failed' if said.step else 'It failed'
    if said.position and said.steps:
        where += f' ({said.position} of {said.steps})'
    told = ' | '.join(line for line in said.lines if line)
    if len(told) > _TOLD:
        told = f'... {told[-_TOLD:]}'
    return f'{where}: {told}' if told else f'{where}.'
