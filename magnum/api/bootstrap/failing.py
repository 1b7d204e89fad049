"""Failure of an operation, because a node that it builds says that it failed."""

from typing import Final

from sqlalchemy.orm import Session

from magnum.db.repositories import bays, events, locking, node_watch, transitions
from magnum.domain import boot, machine
from magnum.domain.reports import Report

EVENT: Final = 'bay.node.failed'


def record_failure(
    session: Session,
    bay_uuid: str,
    node_id: int | None,
    name: str,
    operation_uuid: str,
    said: Report,
) -> None:
    """Let the operation fail, in a writing transaction of its own.

    Nothing, if it has ended or failed meanwhile.

    :param node_id: of its row; None for a node that is not registered.
    """
    bays.hold(session, bay_uuid)
    operation = locking.lock_operation(session, operation_uuid)
    if operation.active_for is None or operation.found_failure is not None:
        return
    failure = boot.failed(name, said)
    transitions.write(operation, machine.REPORT, found_failure=failure.as_dict())
    events.record(session, operation, EVENT, f'node {name}: {failure.reason}')
    if node_id is not None:
        # A conductor that looks at the node's report has nothing to add.
        node_watch.note_state(session, node_id, said.state)
