"""Rows that requests and workers both write: in which order they are locked.

The bay first, then its operation, then its node groups. Requests take the
locks in this order, and so does a worker's transaction that writes the bay
(:meth:`~magnum.operations.claims.Claims.fenced` with ``with_bay``); one that
does not never waits for the bay while it holds the operation. (InnoDB may
still find a deadlock where deletes of several bays give up and insert values
of the unique ``active_for`` at once: transactions are retried.)

Whoever writes an event holds the bay, too: so events are in the order of their ids.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import orm

from magnum.db.models import Bay, Nodegroup, Operation
from magnum.db.types import utcnow
from magnum.domain import rounds, states
from magnum.domain.nodegroups import WORKER
from magnum.domain.parameters import Parameters

#: Operations of a bay that are looked through; it may be very old.
_MOST: Final = 100


class BayGone(Exception):
    """The bay's last delete ended between its being found and its being locked."""


class NodegroupGone(Exception):
    """The bay has no such node group (any more)."""


def lock_bay(session: orm.Session, bay_uuid: str) -> Bay:
    """Keep everybody else off the bay, and see it as it is now.

    :raises BayGone: it was deleted since it was read.
    """
    bay = session.scalars(
        sa.select(Bay)
        .filter_by(uuid=bay_uuid)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if bay is None:
        raise BayGone(bay_uuid)
    return bay


def active_operations(session: orm.Session, bay_uuid: str) -> Sequence[Operation]:
    """The bay's active operations, in order, locked as the bay is.

    Nobody begins or ends one without the bay's lock, which this takes, too: what is
    begun beside them, or is not, is so by the database.
    """
    session.execute(sa.select(Bay.id).filter_by(uuid=bay_uuid).with_for_update())
    found = session.scalars(
        sa.select(Operation.id)
        .filter_by(bay_uuid=bay_uuid)
        .where(Operation.active_for.is_not(None))
    ).all()
    if not found:
        return []
    return session.scalars(
        sa.select(Operation)
        .where(Operation.id.in_(found))
        .order_by(Operation.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()


def lock_operation(session: orm.Session, uuid: str) -> Operation:
    """An operation as it is now; its bay is to be locked first."""
    return session.scalars(
        sa.select(Operation)
        .filter_by(uuid=uuid)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()


def earlier_operations(
    session: orm.Session, operation: Operation, *verbs: str, limit: int = _MOST
) -> Iterable[Operation]:
    """The bay's earlier operations of some verbs, newest first.

    :param limit: how many at most.
    """
    return session.scalars(
        _latest(operation.bay_uuid, verbs).where(Operation.id < operation.id).limit(limit)
    )


def latest_operations(session: orm.Session, bay_uuid: str, *verbs: str) -> Iterable[Operation]:
    """The bay's operations of some verbs, newest first, at most ``_MOST``."""
    return session.scalars(_latest(bay_uuid, verbs).limit(_MOST))


def _latest(bay_uuid: str, verbs: Collection[str]) -> sa.Select[Operation]:
    return (
        sa.select(Operation)
        .filter_by(bay_uuid=bay_uuid)
        .where(Operation.verb.in_(verbs))
        .order_by(Operation.id.desc())
    )


def nodegroup(
    session: orm.Session, bay_uuid: str, uuid: str | None, role: str = WORKER
) -> Nodegroup:
    """A node group of the bay.

    :param uuid: None: the default one of the role.
    :raises NodegroupGone: it has none of that uuid.
    """
    which: dict[str, Any] = (
        {'is_default': True, 'role': role} if uuid is None else {'uuid': uuid}
    )
    found = session.scalars(
        sa.select(Nodegroup)
        .filter_by(bay_uuid=bay_uuid, **which)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if found is None:
        raise NodegroupGone(uuid)
    return found


def set_bay_status(
    session: orm.Session, operation: Operation, outcome: str, reason: str | None
) -> None:
    """Let the bay's status be that of an operation."""
    session.execute(
        sa.update(Bay)
        .filter_by(uuid=operation.bay_uuid)
        .values(
            status=states.status(operation.verb, outcome),
            status_reason=reason,
            generation=Bay.generation + 1,
            updated_at=utcnow(),
        )
    )


def status_reason(session: orm.Session, bay_uuid: str) -> str | None:
    """Why something has failed since the bay was idle last, if something did."""
    return session.scalar(sa.select(Bay.status_reason).filter_by(uuid=bay_uuid))


def failed_nodegroup(session: orm.Session, bay_uuid: str) -> str | None:
    """Why a node group of the bay is in a failed state; None: no group is."""
    found = session.execute(
        sa.select(Nodegroup.status_reason)
        .filter_by(bay_uuid=bay_uuid)
        .where(Nodegroup.status.endswith(states.FAILED))
        .order_by(Nodegroup.id)
        .limit(1)
    ).first()
    return None if found is None else found.status_reason or ''


def set_nodegroup_status(
    session: orm.Session, operation: Operation, outcome: str, reason: str | None = None
) -> None:
    """Let the node groups that the operation is about now follow it."""
    session.execute(
        sa.update(Nodegroup)
        .filter_by(bay_uuid=operation.bay_uuid, **_touched(operation))
        .values(
            status=states.nodegroup_status(operation.verb, outcome),
            status_reason=reason,
            generation=Nodegroup.generation + 1,
        )
    )


def touched_nodegroups(session: orm.Session, operation: Operation) -> Sequence[Nodegroup]:
    """The node groups that the operation is about now, as far as they are there."""
    return session.scalars(
        sa.select(Nodegroup)
        .filter_by(bay_uuid=operation.bay_uuid, **_touched(operation))
        .order_by(Nodegroup.id)
        .execution_options(populate_existing=True)
    ).all()


def _touched(operation: Operation) -> dict[str, Any]:
    """Which of the bay's node groups an operation is about: the rest keep their status."""
    match operation.verb:
        case states.DELETE:
            return {}
        case states.CREATE:
            return {'is_default': True}
        case _:
            return {'uuid': rounds.nodegroup_uuid(Parameters.of(operation))}


def set_values(
    session: orm.Session, table: type[Bay | Nodegroup], uuid: str, **values: object
) -> None:
    """Change just these columns: a request may have changed others meanwhile."""
    session.execute(
        sa.update(table).filter_by(uuid=uuid).values(generation=table.generation + 1, **values)
    )


def set_first_version(
    session: orm.Session, table: type[Bay | Nodegroup], uuid: str, version: str
) -> None:
    """Record the version of a template, unless one is recorded already."""
    set_values(
        session, table, uuid, template_version=sa.func.coalesce(table.template_version, version)
    )


def set_stack(
    session: orm.Session, bay_uuid: str, nodegroup_uuid: str | None, stack_id: str
) -> None:
    """Record the stack of a node group.

    :param nodegroup_uuid: None: the bay's default groups.
    """
    which: dict[str, Any] = (
        {'is_default': True} if nodegroup_uuid is None else {'uuid': nodegroup_uuid}
    )
    session.execute(
        sa.update(Nodegroup)
        .filter_by(bay_uuid=bay_uuid, **which)
        .values(stack_id=stack_id, generation=Nodegroup.generation + 1)
    )
