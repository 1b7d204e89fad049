"""Creation of a further node group."""

from oslo_config import cfg
from sqlalchemy import orm

from magnum.db import models
from magnum.db.repositories import nodegroups
from magnum.domain.parameters import CreateNodegroup
from magnum.operations.accept.errors import NodegroupExists
from magnum.operations.accept.insertion import Line, begin_or_enqueue, check_may_wait
from magnum.operations.accept.requester import Requester


def accept(
    conf: cfg.ConfigOpts,
    session: orm.Session,
    bay: models.Bay,
    nodegroup: models.Nodegroup,
    requester: Requester,
) -> models.Operation:
    """Insert a further node group and the operation that builds it, now or in its turn.

    :raises NodegroupExists: the bay has one of that name.
    :raises OperationInProgress: something goes on that it may not wait behind.
    :raises QueueFull: as many as may wait do.
    """
    line = Line.of(session, bay.uuid)
    check_may_wait(session, line, CreateNodegroup.verb)
    if nodegroups.is_taken(session, bay.uuid, nodegroup.name):
        raise NodegroupExists(nodegroup.name)
    nodegroup.bay_uuid = bay.uuid
    nodegroup.project_id = bay.project_id
    nodegroup.is_default = False
    nodegroups.insert(session, nodegroup)
    return begin_or_enqueue(
        conf, session, bay, line, requester, CreateNodegroup(nodegroup=nodegroup.uuid)
    )
