"""Upgrade of a bay to another baymodel."""

from oslo_config import cfg
from sqlalchemy import orm

from magnum.db import models
from magnum.db.repositories import locking
from magnum.domain.parameters import Upgrade
from magnum.domain.upgrades import Ids
from magnum.operations.accept.insertion import (
    Line,
    begin_or_enqueue,
    check_baymodel,
    check_masters,
    check_may_wait,
    check_stays,
)
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
    nodes: tuple[str, ...] = (),
    ids: Ids | None = None,
) -> models.Operation:
    """Replace nodes by new ones, as another baymodel has them, now or in its turn.

    Which groups are concerned, the driver says when the work begins.

    :param baymodel: the bay's own one renews the nodes.
    :param max_batch_size: how many nodes may be replaced at once.
    :param nodegroup_uuid: None: every group that the driver can upgrade.
    :param nodes: indexes of the nodes of that group which are replaced, with the bay's own
        baymodel; none: all.
    :param ids: of what attributes of baymodels name.
    :raises OperationInProgress: something goes on that it may not wait behind.
    :raises QueueFull: as many as may wait do.
    :raises NodegroupGone: the bay has no such node group.
    :raises NodegroupNotCreated: that was never made.
    :raises BaymodelGone: it was deleted meanwhile.
    :raises BaymodelChanged: it was changed meanwhile.
    :raises MastersUnfinished: workers alone, and an upgrade has left a master that it was
        replacing.
    """
    line = Line.of(session, bay.uuid)
    check_may_wait(session, line, Upgrade.verb)
    if nodegroup_uuid is not None:
        group = locking.nodegroup(session, bay.uuid, nodegroup_uuid)
        check_stays(session, line, group)
        check_masters(session, bay, group)
        nodegroup_uuid = group.uuid
    known = fingerprint(baymodel)
    check_baymodel(session, baymodel.uuid, known)
    parameters = Upgrade(
        baymodel=baymodel.uuid,
        fingerprint=known,
        max_batch_size=max_batch_size,
        minutes=bay.create_timeout or conf.cluster_heat.create_timeout,
        nodegroup=nodegroup_uuid,
        nodes=nodes,
        ids=ids or {},
    )
    return begin_or_enqueue(conf, session, bay, line, requester, parameters)
