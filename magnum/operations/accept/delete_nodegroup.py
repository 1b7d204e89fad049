"""Deletion of a further node group."""

from oslo_config import cfg
from sqlalchemy import orm

from magnum.db import models
from magnum.db.repositories import locking
from magnum.domain import states
from magnum.domain.parameters import DeleteNodegroup
from magnum.operations.accept.insertion import Line, begin_or_enqueue, check_may_wait
from magnum.operations.accept.requester import Requester
from magnum.operations.queue import next_turn, withdraw


def accept(
    conf: cfg.ConfigOpts,
    session: orm.Session,
    bay: models.Bay,
    nodegroup_uuid: str,
    requester: Requester,
) -> models.Operation:
    """Insert the operation that removes a further node group.

    A delete of it that is in progress, or waits, is answered with itself. What else
    waits to change it never will.

    :raises NodegroupGone: the bay has no such node group.
    :raises OperationInProgress: something goes on that it may not wait behind.
    :raises QueueFull: as many as may wait do.
    :raises ValueError: it is a default one, which goes with its bay.
    """
    line = Line.of(session, bay.uuid)
    group = locking.nodegroup(session, bay.uuid, nodegroup_uuid)
    if group.is_default:
        raise ValueError('a default node group goes with its bay')
    for other in line.about(group.uuid):
        if other.verb == states.DELETE_NODEGROUP:
            return other
    check_may_wait(session, line, states.DELETE_NODEGROUP)
    for other in line.waiting_for(group.uuid):
        withdraw(session, other, None)
        next_turn(session, bay.uuid, conf.conductor.operations_per_bay)
    return begin_or_enqueue(
        conf, session, bay, Line.of(session, bay.uuid), requester,
        DeleteNodegroup(nodegroup=group.uuid),
    )
