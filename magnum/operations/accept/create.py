"""Creation of a bay."""

import datetime

from oslo_config import cfg
from sqlalchemy import orm

from magnum.db import models
from magnum.db.repositories import bays, quotas
from magnum.domain import states
from magnum.domain.parameters import Create
from magnum.operations.accept.errors import BaymodelChanged, BaymodelGone, QuotaExceeded
from magnum.operations.accept.insertion import insert_operation
from magnum.operations.accept.requester import Requester


def accept(
    conf: cfg.ConfigOpts,
    session: orm.Session,
    bay: models.Bay,
    groups: list[models.Nodegroup],
    requester: Requester,
    baymodel_generation: int | None = None,
) -> models.Operation:
    """Insert the bay, its node groups, and the operation that builds it.

    :param baymodel_generation: of the baymodel that the bay was checked
        against, which has to be the same until the commit; None for any.
    :raises QuotaExceeded: the project may have no further bay.
    :raises BaymodelGone: its baymodel was deleted meanwhile.
    :raises BaymodelChanged: its baymodel was changed meanwhile.
    """
    locked = quotas.lock_with_baymodel(session, bay.project_id or '', bay.baymodel_id)
    if locked is None:
        raise BaymodelGone
    generation, limit = locked
    if baymodel_generation not in (None, generation):
        raise BaymodelChanged
    now = _check_quota(conf, session, bay.project_id, limit)
    bay.status = states.status(states.CREATE, states.IN_PROGRESS)
    bays.insert(session, bay, groups)
    return insert_operation(conf, session, bay, requester, Create(), now)


def _check_quota(
    conf: cfg.ConfigOpts, session: orm.Session, project_id: str | None, limit: int | None
) -> datetime.datetime:
    """Count the project's bays, under the lock on its quota row.

    :param limit: the project's own, if it has one.
    :returns: the database's time, which comes with the same answer.
    """
    limit = conf.quotas.max_clusters_per_project if limit is None else limit
    existing, now = quotas.count_bays(session, project_id)
    if existing >= limit:
        raise QuotaExceeded(limit)
    return now
