"""The timeline of a bay: one row per thing that happened to it."""

from typing import Final

import sqlalchemy as sa
from sqlalchemy import orm

from magnum.db import models

_EVENT: Final[sa.Table] = models.Event.__table__  # type: ignore[assignment]
# A row that nobody works with: an object of the session would cost twice as much.
_INSERT: Final = sa.insert(_EVENT)


def record(
    session: orm.Session, operation: models.Operation, kind: str, message: str
) -> None:
    """Add one line, in the caller's transaction.

    :param kind: ``bay.<verb>.<what>``; clients branch on it.
    :param message: for people; must hold no secret.
    """
    session.execute(_INSERT, {
        'bay_uuid': operation.bay_uuid,
        'project_id': operation.project_id,
        'operation_uuid': operation.uuid,
        'request_id': operation.request_id,
        'kind': kind,
        'message': message,
    })
