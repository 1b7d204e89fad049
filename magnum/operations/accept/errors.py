"""Errors of accepting an operation."""

from magnum.db import models
from magnum.db.repositories.locking import BayGone, NodegroupGone

__all__ = [
    'BayGone', 'BaymodelChanged', 'BaymodelGone', 'MastersUnfinished', 'NodegroupExists',
    'NodegroupGone', 'NodegroupNotCreated', 'NotCancellable', 'NotRetryable',
    'OperationInProgress', 'QueueFull', 'QuotaExceeded',
]


class OperationInProgress(Exception):
    """The bay has an active operation; ``active`` is that one."""

    def __init__(self, active: models.Operation):
        super().__init__(f'operation {active.uuid} ({active.verb}) is in progress')
        self.active = active


class QueueFull(OperationInProgress):
    """As many operations as may wait behind the active one; ``waiting`` is how many."""

    def __init__(self, active: models.Operation, waiting: int):
        super().__init__(active)
        self.waiting = waiting


class BaymodelGone(Exception):
    """The baymodel was deleted since it was read."""


class BaymodelChanged(Exception):
    """The baymodel is not any more what the bay was checked against."""


class MastersUnfinished(Exception):
    """An operation ended while it made a master.

    The text is the name of the masters' node group, ``operation_uuid`` the operation's.
    """

    def __init__(self, nodegroup: str, operation_uuid: str):
        super().__init__(nodegroup)
        self.operation_uuid = operation_uuid


class NodegroupExists(Exception):
    """The bay has a node group of that name."""


class NodegroupNotCreated(Exception):
    """Heat was never asked for the node group; the text is the group's name."""


class QuotaExceeded(Exception):
    """The project has as many bays as it may; ``limit`` is how many."""

    def __init__(self, limit: int):
        super().__init__(f'the project may have {limit} bays')
        self.limit = limit


class NotCancellable(Exception):
    """The operation cannot be stopped; the text says why."""


class NotRetryable(Exception):
    """The operation cannot be tried again; the text says why."""
