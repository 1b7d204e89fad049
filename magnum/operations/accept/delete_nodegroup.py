"""Deletion of a further node group."""

from oslo_config import cfg
from sqlalchemy import orm

from magnum.db import models
from magnum.db.repositories import locking
from magnum.domain.parameters import DeleteNodegroup, Parameters
from magnum.operations.accept.insertion import begin_operation, in_progress
from magnum.operations.accept.requester import Requester


def accept(
    conf: cfg.ConfigOpts,
    session: orm.Session,
    bay: models.Bay,
    nodegroup_uuid: str,
    requester: Requester,
) -> models.Operation:
    """Insert the operation that removes a further node group.

    A delete of it in progress is answered with itself.

    :raises NodegroupGone: the bay has no such node group.
    :raises OperationInProgress: something else is going on.
    :raises ValueError: it is a default one, which goes with its bay.
    """
    active = locking.active_operation(session, bay.uuid)
    group = locking.nodegroup(session, bay.uuid, nodegroup_uuid)
    if group.is_default:
        raise ValueError('a default node group goes with its bay')
    if active is not None:
        asked = Parameters.of(active)
        if isinstance(asked, DeleteNodegroup) and asked.nodegroup == group.uuid:
            return active
        raise in_progress(session, active)
    return begin_operation(conf, session, bay, requester, DeleteNodegroup(nodegroup=group.uuid))
