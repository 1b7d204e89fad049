"""The timeline of a bay: one row per thing that happened to it."""

from sqlalchemy import orm

from magnum.db import models


def record(
    session: orm.Session, operation: models.Operation, kind: str, message: str
) -> None:
    """Add one line, in the caller's transaction.

    :param kind: ``bay.<verb>.<what>``; clients branch on it.
    :param message: for people; must hold no secret.
    """
    session.add(
        models.Event(
            bay_uuid=operation.bay_uuid,
            project_id=operation.project_id,
            operation_uuid=operation.uuid,
            request_id=operation.request_id,
            kind=kind,
            message=message,
        )
    )
