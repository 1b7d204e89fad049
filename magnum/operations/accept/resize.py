"""Resize of a node group."""

import dataclasses

from oslo_config import cfg
from sqlalchemy import orm

from magnum.db import models
from magnum.db.repositories import locking
from magnum.domain import states
from magnum.domain.parameters import Resize
from magnum.operations.accept.insertion import (
    Line,
    begin_or_enqueue,
    check_masters,
    check_may_wait,
    check_stays,
    own,
)
from magnum.operations.accept.requester import Requester


def accept(
    conf: cfg.ConfigOpts,
    session: orm.Session,
    bay: models.Bay,
    node_count: int,
    requester: Requester,
    rollback: bool = False,
    nodegroup_uuid: str | None = None,
    nodes_to_remove: tuple[str, ...] = (),
) -> models.Operation | None:
    """Give a node group another count.

    A resize of the same group that no worker has begun yet takes the new
    count over, and removes the nodes named by either request. Behind what may
    not go on beside it, it waits for its turn.

    :param rollback: whether Heat is to undo a change that fails.
    :param nodegroup_uuid: None: the default workers.
    :param nodes_to_remove: nodes that go, whatever the count: where it
        asks for as many as there are, they are replaced.
    :returns: None when there is nothing to change; what failed may be
        asked for the same count again.
    :raises OperationInProgress: something goes on that it may not wait behind.
    :raises QueueFull: as many as may wait do.
    :raises NodegroupGone: the bay has no such node group.
    :raises NodegroupNotCreated: that was never made.
    :raises MastersUnfinished: an upgrade has left a master that it was replacing.
    """
    line = Line.of(session, bay.uuid)
    group = locking.nodegroup(session, bay.uuid, nodegroup_uuid)
    check_stays(session, line, group)
    for other in line.about(group.uuid):
        if other.verb == states.RESIZE and not _is_begun(other):
            asked = Resize.of(other)
            named = tuple(dict.fromkeys((*asked.nodes_to_remove, *nodes_to_remove)))
            other.parameters = dataclasses.replace(
                asked, node_count=node_count, rollback=rollback, nodes_to_remove=named,
                if_silent=tuple(one for one in asked.if_silent if one not in nodes_to_remove),
            ).stored()
            if other.user_id is None:       # the service's own, and a user's from now on
                own(other, requester)
            _set_count(group, node_count)
            bay.generation = models.Bay.generation + 1
            return other
    check_may_wait(session, line, states.RESIZE)
    check_masters(session, bay, group)
    has_failed = states.is_failed(bay.status) or states.is_failed(group.status)
    if group.node_count == node_count and not nodes_to_remove and not has_failed:
        return None
    parameters = Resize(
        nodegroup=group.uuid, node_count=node_count, previous_node_count=group.node_count,
        rollback=rollback, nodes_to_remove=nodes_to_remove,
    )
    _set_count(group, node_count)
    return begin_or_enqueue(conf, session, bay, line, requester, parameters)


def _set_count(group: models.Nodegroup, node_count: int) -> None:
    group.node_count = node_count
    # By the database: a worker may have raised it meanwhile.
    group.generation = models.Nodegroup.generation + 1


def _is_begun(operation: models.Operation) -> bool:
    """Whether a resize can be given another target no more."""
    return operation.state not in (states.PENDING, states.QUEUED) or operation.attempts > 0
