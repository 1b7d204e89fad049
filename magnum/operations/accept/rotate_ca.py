"""Rotation of a bay's certificate authority."""

from oslo_config import cfg
from sqlalchemy import orm

from magnum.db import models
from magnum.db.repositories import node_trust
from magnum.domain.parameters import RotateCA
from magnum.operations.accept.insertion import begin_operation, check_idle
from magnum.operations.accept.requester import Requester


def accept(
    conf: cfg.ConfigOpts, session: orm.Session, bay: models.Bay, requester: Requester
) -> models.Operation:
    """Give the bay another authority; a rotation that stopped is continued.

    :raises OperationInProgress: something else is going on.
    """
    check_idle(session, bay)
    # Of an earlier one: nodes may have been taken away since.
    node_trust.forget(session, bay.uuid)
    return begin_operation(conf, session, bay, requester, RotateCA())
