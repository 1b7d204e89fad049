"""Queries for directives: what operations ask nodes to do."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import orm

from magnum.db import models
from magnum.db.selections import Row
from magnum.db.statements import changed_rows, database_now
from magnum.domain.directives import ADMIT, DRAIN, is_about, nodes_of

TABLE: Final[sa.Table] = models.Directive.__table__
OPERATION: Final[sa.Table] = models.Operation.__table__
#: The outcome of one that nobody waits for any more.
DROPPED: Final = 'dropped'
# Every report asks for it while an operation works: making a statement costs more than running it.
_DUE: Final = (
    sa.select(TABLE.c.uuid, TABLE.c.verb, TABLE.c.parameters)
    .join(OPERATION, OPERATION.c.uuid == TABLE.c.operation_uuid)
    .where(
        TABLE.c.bay_uuid == sa.bindparam('of_bay'),
        TABLE.c.role == sa.bindparam('of_role'), TABLE.c.node == sa.bindparam('of_node'),
        TABLE.c.outcome.is_(None),
        sa.or_(OPERATION.c.active_for.is_not(None), TABLE.c.verb == ADMIT),
    )
    .order_by(TABLE.c.id)
    .limit(1)
)


def outlives(
    bay_uuid: sa.ColumnElement[str], role: sa.ColumnElement[str], node: sa.ColumnElement[str]
) -> sa.Exists:
    """Whether a node is to do something for an operation that has ended.

    Parameters are columns of the statement that this becomes part of.
    """
    return sa.exists().where(
        TABLE.c.bay_uuid == bay_uuid, TABLE.c.role == role, TABLE.c.node == node,
        TABLE.c.verb == ADMIT, TABLE.c.outcome.is_(None),
    )


def give(
    session: orm.Session,
    operation: models.Operation,
    role: str,
    node: str,
    verb: str,
    parameters: Mapping[str, Any],
) -> None:
    """Ask a node of the operation's bay to do something; those of ended operations go.

    But for those that outlive their operation, unless the same nodes are drained again.
    """
    if verb == DRAIN:
        _drop_admissions(session, operation.bay_uuid, nodes_of(parameters))
    active = sa.select(OPERATION.c.uuid).where(
        OPERATION.c.bay_uuid == operation.bay_uuid, OPERATION.c.active_for.is_not(None)
    )
    session.execute(
        sa.delete(TABLE).where(
            TABLE.c.bay_uuid == operation.bay_uuid, TABLE.c.operation_uuid != operation.uuid,
            TABLE.c.operation_uuid.not_in(active),
            sa.or_(TABLE.c.verb != ADMIT, TABLE.c.outcome.is_not(None)),
        )
    )
    session.add(models.Directive(
        created_at=database_now(session), bay_uuid=operation.bay_uuid,
        operation_uuid=operation.uuid, role=role, node=node, verb=verb,
        parameters=dict(parameters),
    ))
    session.flush()


def admissions_of(
    session: orm.Session, bay_uuid: str, role: str, node: str
) -> Sequence[models.Directive]:
    """What a node was asked to let have work again, and has not done, as objects of the session."""
    return session.scalars(
        sa.select(models.Directive)
        .filter_by(bay_uuid=bay_uuid, role=role, node=node, verb=ADMIT, outcome=None)
        .order_by(TABLE.c.id)
    ).all()


def _drop_admissions(session: orm.Session, bay_uuid: str, nodes: Collection[str]) -> None:
    for one in session.scalars(
        sa.select(models.Directive).filter_by(bay_uuid=bay_uuid, verb=ADMIT, outcome=None)
    ):
        if not nodes_of(one.parameters).isdisjoint(nodes):
            session.delete(one)


def of_operation(
    session: orm.Session, operation_uuid: str, verb: str, nodes: Sequence[str]
) -> models.Directive | None:
    """The directive about some nodes that an operation gave, as an object of the session."""
    given = session.scalars(
        sa.select(models.Directive).filter_by(operation_uuid=operation_uuid, verb=verb)
    )
    return next((one for one in given if is_about(one.parameters, nodes)), None)


def of_node(
    session: orm.Session, operation_uuid: str, verb: str, node: str
) -> models.Directive | None:
    """The directive that an operation gave to a node about itself, as an object of the session."""
    return session.scalars(
        sa.select(models.Directive).filter_by(operation_uuid=operation_uuid, verb=verb, node=node)
    ).one_or_none()


def of_verb(
    session: orm.Session, operation_uuid: str, verb: str
) -> models.Directive | None:
    """The only directive of a verb that an operation gave, to whichever node."""
    return session.scalars(
        sa.select(models.Directive).filter_by(operation_uuid=operation_uuid, verb=verb)
    ).one_or_none()


def is_in_line(session: orm.Session, given: models.Directive) -> bool:
    """Whether the node is to do another one first, for an operation that goes on beside."""
    which = (
        sa.select(TABLE.c.id)
        .join(OPERATION, OPERATION.c.uuid == TABLE.c.operation_uuid)
        .where(
            TABLE.c.bay_uuid == given.bay_uuid, TABLE.c.role == given.role,
            TABLE.c.node == given.node, TABLE.c.id < given.id,
            TABLE.c.outcome.is_(None), OPERATION.c.active_for.is_not(None),
        )
    )
    return session.execute(which.limit(1)).first() is not None


def due(connection: sa.Connection, bay_uuid: str, role: str, node: str) -> Sequence[Row]:
    """The one that a node is to do now, for any active operation; none is fine."""
    which = {'of_bay': bay_uuid, 'of_role': role, 'of_node': node}
    return connection.execute(_DUE, which).all()


def find(
    session: orm.Session, bay_uuid: str, role: str, node: str, uuid: str
) -> models.Directive | None:
    """What a node was asked to do."""
    which = sa.select(models.Directive).where(*_one(bay_uuid, role, node, uuid))
    return session.scalars(which).one_or_none()


def end(
    session: orm.Session,
    bay_uuid: str,
    role: str,
    node: str,
    uuid: str,
    outcome: str,
    lines: Sequence[str] = (),
) -> bool:
    """Record what became of it; False when that was known already. The first word counts."""
    return changed_rows(
        session,
        sa.update(TABLE)
        .where(*_one(bay_uuid, role, node, uuid), TABLE.c.outcome.is_(None))
        .values(outcome=outcome, lines=list(lines)),
    ) > 0


def _one(bay_uuid: str, role: str, node: str, uuid: str) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        TABLE.c.uuid == uuid, TABLE.c.bay_uuid == bay_uuid, TABLE.c.role == role,
        TABLE.c.node == node,
    )
