"""Numbers of bays and nodes."""

import dataclasses

import sqlalchemy as sa
from sqlalchemy import orm

from magnum.db.repositories.bays import NODEGROUP, TABLE
from magnum.db.repositories.visibility import Scope


@dataclasses.dataclass(frozen=True)
class Counts:
    """How many there are; ``nodes`` are those of all node groups, masters too."""

    bays: int
    nodes: int


def count(session: orm.Session, scope: Scope) -> Counts:
    """The numbers of what a caller sees, in one statement."""
    bays = sa.select(sa.func.count()).select_from(TABLE).where(scope.own(TABLE))
    nodes = (
        sa.select(sa.func.coalesce(sa.func.sum(NODEGROUP.c.node_count), 0))
        .join_from(NODEGROUP, TABLE, TABLE.c.uuid == NODEGROUP.c.bay_uuid)
        .where(scope.own(TABLE))
    )
    row = session.execute(
        sa.select(bays.scalar_subquery().label('bays'), nodes.scalar_subquery().label('nodes'))
    ).one()
    # MariaDB's and PostgreSQL's sums are decimal numbers.
    return Counts(int(row.bays), int(row.nodes))
