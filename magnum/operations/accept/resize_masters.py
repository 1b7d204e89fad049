"""Another number of masters."""

import dataclasses

from oslo_config import cfg
from sqlalchemy import orm

from magnum.db import models
from magnum.db.repositories import locking
from magnum.domain import states
from magnum.domain.nodegroups import MASTER
from magnum.domain.parameters import ResizeMasters
from magnum.operations import half_made
from magnum.operations.accept.errors import MastersUnfinished
from magnum.operations.accept.insertion import Line, begin_or_enqueue, check_may_wait
from magnum.operations.accept.requester import Requester


def accept(
    conf: cfg.ConfigOpts,
    session: orm.Session,
    bay: models.Bay,
    node_count: int,
    requester: Requester,
) -> models.Operation | None:
    """Give a bay another number of masters, now or in its turn.

    The node group keeps the count of those that there are: it follows one by one. What
    waits and is not begun takes the new number over.

    :returns: None when there is nothing to change; what failed may be asked for again.
    :raises OperationInProgress: something goes on that it may not wait behind.
    :raises QueueFull: as many as may wait do.
    :raises MastersUnfinished: an upgrade did not come to its end.
    """
    line = Line.of(session, bay.uuid)
    group = locking.nodegroup(session, bay.uuid, None, MASTER)
    others = [
        other for other in (*line.waiting, *line.active) if other.verb == states.RESIZE_MASTERS
    ]
    for other in others:
        if not other.attempts:
            asked = ResizeMasters.of(other)
            other.parameters = dataclasses.replace(asked, node_count=node_count).stored()
            bay.generation = models.Bay.generation + 1
            return other
    check_may_wait(session, line, states.RESIZE_MASTERS)
    unfinished = half_made.unfinished_upgrade(session, bay.uuid)
    if line.is_empty and unfinished is not None:
        raise MastersUnfinished(group.name, unfinished.uuid)
    has_failed = states.is_failed(group.status)
    if group.node_count == node_count and not others and not has_failed:
        return None
    minutes: int = bay.create_timeout or conf.cluster_heat.create_timeout
    parameters = ResizeMasters(nodegroup=group.uuid, node_count=node_count, minutes=minutes)
    return begin_or_enqueue(conf, session, bay, line, requester, parameters)
