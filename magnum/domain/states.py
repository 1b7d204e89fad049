"""Statuses of bays and states of operations, and how they follow each other.

A bay's status is what clients read; it always is ``<verb>_<outcome>`` of the
last operation. An operation's state is the engine's own.
"""

from typing import Final

CREATE: Final = 'create'
UPDATE: Final = 'update'
DELETE: Final = 'delete'
VERBS: Final = (CREATE, UPDATE, DELETE)

IN_PROGRESS: Final = 'IN_PROGRESS'
COMPLETE: Final = 'COMPLETE'
FAILED: Final = 'FAILED'


def status(verb: str, outcome: str) -> str:
    """The bay's status while or after an operation: ``CREATE_COMPLETE``."""
    return f'{verb.upper()}_{outcome}'


def is_failed(bay_status: str | None) -> bool:
    """Whether the bay's last operation failed."""
    return bay_status is not None and bay_status.endswith(FAILED)


# Operations ---------------------------------------------------------------
QUEUED: Final = 'QUEUED'          # any worker may claim it, from ``not_before`` on
RUNNING: Final = 'RUNNING'        # a worker holds its lease
WAITING: Final = 'WAITING'        # Heat works; the watcher queues it again
SUCCEEDED: Final = 'SUCCEEDED'
OPERATION_FAILED: Final = 'FAILED'
CANCELLED: Final = 'CANCELLED'

ENDED: Final = frozenset({SUCCEEDED, OPERATION_FAILED, CANCELLED})

#: State -> states that may follow it. RUNNING follows RUNNING when a worker
#: died and another takes its lapsed lease over.
TRANSITIONS: Final[dict[str, frozenset[str]]] = {
    QUEUED: frozenset({RUNNING, CANCELLED}),
    RUNNING: frozenset({RUNNING, QUEUED, WAITING, *ENDED}),
    WAITING: frozenset({QUEUED, CANCELLED}),
    SUCCEEDED: frozenset(),
    OPERATION_FAILED: frozenset(),
    CANCELLED: frozenset(),
}

# Phases of an operation: the flow before the stack, and the one after it.
START: Final = 'start'
FINISH: Final = 'finish'

# Steps --------------------------------------------------------------------
STEP_PENDING: Final = 'PENDING'
STEP_RUNNING: Final = 'RUNNING'
STEP_DONE: Final = 'DONE'
STEP_FAILED: Final = 'FAILED'
