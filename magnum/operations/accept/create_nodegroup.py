"""Creation of a further node group."""

from oslo_config import cfg
from sqlalchemy import orm

from magnum.db import models
from magnum.db.repositories import nodegroups
from magnum.domain.parameters import CreateNodegroup
from magnum.operations.accept.errors import NodegroupExists
from magnum.operations.accept.insertion import begin_operation, check_idle
from magnum.operations.accept.requester import Requester


def accept(
    conf: cfg.ConfigOpts,
    session: orm.Session,
    bay: models.Bay,
    nodegroup: models.Nodegroup,
    requester: Requester,
) -> models.Operation:
    """Insert a further node group and the operation that builds it.

    :raises NodegroupExists: the bay has one of that name.
    :raises OperationInProgress: something else is going on.
    """
    check_idle(session, bay)
    if nodegroups.is_taken(session, bay.uuid, nodegroup.name):
        raise NodegroupExists(nodegroup.name)
    nodegroup.bay_uuid = bay.uuid
    nodegroup.project_id = bay.project_id
    nodegroup.is_default = False
    nodegroups.insert(session, nodegroup)
    return begin_operation(
        conf, session, bay, requester, CreateNodegroup(nodegroup=nodegroup.uuid)
    )
