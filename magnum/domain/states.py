"""Statuses of bays and states of operations, and how they follow each other.

A bay's status is what clients read; it always is ``<action>_<outcome>`` of the
last operation, and a node group's that of the last one which was about it. An
operation's state is the engine's own.
"""

import dataclasses
from typing import Final

CREATE: Final = 'create'
RESIZE: Final = 'resize'
RESIZE_MASTERS: Final = 'resize_masters'
UPGRADE: Final = 'upgrade'
CREATE_NODEGROUP: Final = 'create_nodegroup'
DELETE_NODEGROUP: Final = 'delete_nodegroup'
ROTATE_CREDENTIAL: Final = 'rotate_credential'
ROTATE_CA: Final = 'rotate_ca'
DELETE: Final = 'delete'


@dataclasses.dataclass(frozen=True)
class Verb:
    """What clients see of a verb, and what may be done to its operations.

    ``bay`` and ``nodegroup`` are the actions in the status of the bay and of
    the node groups that the operation is about.
    """

    bay: str
    nodegroup: str
    is_cancellable: bool = True


VERBS: Final[dict[str, Verb]] = {
    CREATE: Verb('CREATE', 'CREATE'),
    RESIZE: Verb('UPDATE', 'UPDATE'),
    RESIZE_MASTERS: Verb('UPDATE', 'UPDATE'),
    UPGRADE: Verb('UPDATE', 'UPDATE'),
    CREATE_NODEGROUP: Verb('UPDATE', 'CREATE'),
    DELETE_NODEGROUP: Verb('UPDATE', 'DELETE', is_cancellable=False),
    ROTATE_CREDENTIAL: Verb('UPDATE', 'UPDATE'),
    ROTATE_CA: Verb('UPDATE', 'UPDATE'),
    DELETE: Verb('DELETE', 'DELETE', is_cancellable=False),
}
#: By these the service itself replaces nodes.
HEALING: Final = (UPGRADE, RESIZE)

IN_PROGRESS: Final = 'IN_PROGRESS'
COMPLETE: Final = 'COMPLETE'
FAILED: Final = 'FAILED'


def status(verb: str, outcome: str) -> str:
    """The bay's status while or after an operation: ``CREATE_COMPLETE``."""
    return f'{VERBS[verb].bay}_{outcome}'


def nodegroup_status(verb: str, outcome: str) -> str:
    """The status of a node group that the operation is about."""
    return f'{VERBS[verb].nodegroup}_{outcome}'


def is_failed(bay_status: str | None) -> bool:
    """Whether the last operation of a bay, or of a node group, failed."""
    return bay_status is not None and bay_status.endswith(FAILED)


def is_in_progress(bay_status: str | None) -> bool:
    """Whether something is done to a bay, or to a node group, or waits to be."""
    return bay_status is not None and bay_status.endswith(IN_PROGRESS)


# Operations ---------------------------------------------------------------
PENDING: Final = 'PENDING'        # another of the bay's goes on: it waits for its turn
QUEUED: Final = 'QUEUED'          # any worker may claim it, from ``not_before`` on
RUNNING: Final = 'RUNNING'        # a worker holds its lease
WAITING: Final = 'WAITING'        # Heat works; the watcher queues it again
SUCCEEDED: Final = 'SUCCEEDED'
OPERATION_FAILED: Final = 'FAILED'
CANCELLED: Final = 'CANCELLED'

ENDED: Final = frozenset({SUCCEEDED, OPERATION_FAILED, CANCELLED})

#: Every state of an operation. Which follows which: :mod:`magnum.domain.machine`.
STATES: Final = (PENDING, QUEUED, RUNNING, WAITING, SUCCEEDED, OPERATION_FAILED, CANCELLED)

# Phases of an operation: the flow before the stack, and the one after it.
START: Final = 'start'
FINISH: Final = 'finish'

# Steps --------------------------------------------------------------------
STEP_PENDING: Final = 'PENDING'
STEP_RUNNING: Final = 'RUNNING'
STEP_DONE: Final = 'DONE'
STEP_FAILED: Final = 'FAILED'
