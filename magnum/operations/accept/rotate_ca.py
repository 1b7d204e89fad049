"""Rotation of a bay's certificate authority."""

from oslo_config import cfg
from sqlalchemy import orm

from magnum.db import models
from magnum.domain.parameters import RotateCA
from magnum.operations.accept.insertion import Line, begin_or_enqueue, check_may_wait
from magnum.operations.accept.requester import Requester


def accept(
    conf: cfg.ConfigOpts, session: orm.Session, bay: models.Bay, requester: Requester
) -> models.Operation:
    """Give the bay another authority, now or in its turn; a rotation that stopped is continued.

    :raises OperationInProgress: something goes on that it may not wait behind.
    :raises QueueFull: as many as may wait do.
    """
    line = Line.of(session, bay.uuid)
    check_may_wait(session, line, RotateCA.verb)
    return begin_or_enqueue(conf, session, bay, line, requester, RotateCA())
