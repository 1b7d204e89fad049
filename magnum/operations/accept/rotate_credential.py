"""Rotation of a bay's credential: the password of its own Keystone user."""

from oslo_config import cfg
from sqlalchemy import orm

from magnum.db import models
from magnum.domain.parameters import RotateCredential
from magnum.operations.accept.insertion import Line, begin_or_enqueue, check_may_wait
from magnum.operations.accept.requester import Requester


def accept(
    conf: cfg.ConfigOpts, session: orm.Session, bay: models.Bay, requester: Requester
) -> models.Operation:
    """Give the bay's own Keystone user a new password, now or in its turn.

    :raises OperationInProgress: something goes on that it may not wait behind.
    :raises QueueFull: as many as may wait do.
    """
    line = Line.of(session, bay.uuid)
    check_may_wait(session, line, RotateCredential.verb)
    return begin_or_enqueue(conf, session, bay, line, requester, RotateCredential())
