"""Upgrade of a bay to another baymodel."""

from oslo_config import cfg
from sqlalchemy import orm

from magnum.db import models
from magnum.db.repositories import locking
from magnum.domain.parameters import Upgrade
from magnum.operations.accept.insertion import begin_operation, check_idle, check_masters
from magnum.operations.accept.requester import Requester
from magnum.operations.upgrading import fingerprint


def accept(
    conf: cfg.ConfigOpts,
    session: orm.Session,
    bay: models.Bay,
    baymodel: models.Baymodel,
    requester: Requester,
    max_batch_size: int = 1,
    nodegroup_uuid: str | None = None,
) -> models.Operation:
    """Replace nodes by new ones, as another baymodel has them.

    Which groups are concerned, the driver says when the work begins.

    :param baymodel: the bay's own one renews the nodes.
    :param max_batch_size: how many nodes may be replaced at once.
    :param nodegroup_uuid: None: every group that the driver can upgrade.
    :raises OperationInProgress: something else is going on.
    :raises NodegroupGone: the bay has no such node group.
    :raises MastersUnfinished: workers alone, and an upgrade has left a master that it was
        replacing.
    """
    check_idle(session, bay)
    if nodegroup_uuid is not None:
        group = locking.nodegroup(session, bay.uuid, nodegroup_uuid)
        check_masters(session, bay, group)
        nodegroup_uuid = group.uuid
    parameters = Upgrade(
        baymodel=baymodel.uuid,
        fingerprint=fingerprint(baymodel),
        max_batch_size=max_batch_size,
        minutes=bay.create_timeout or conf.cluster_heat.create_timeout,
        nodegroup=nodegroup_uuid,
    )
    return begin_operation(conf, session, bay, requester, parameters)
