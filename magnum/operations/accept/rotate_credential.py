"""Rotation of a bay's credential: the password of its own Keystone user."""

from oslo_config import cfg
from sqlalchemy import orm

from magnum.db import models
from magnum.domain.parameters import RotateCredential
from magnum.operations.accept.insertion import begin_operation, check_idle
from magnum.operations.accept.requester import Requester


def accept(
    conf: cfg.ConfigOpts, session: orm.Session, bay: models.Bay, requester: Requester
) -> models.Operation:
    """Give the bay's own Keystone user a new password.

    :raises OperationInProgress: something else is going on.
    """
    check_idle(session, bay)
    return begin_operation(conf, session, bay, requester, RotateCredential())
