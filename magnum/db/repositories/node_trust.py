"""What the nodes of bays trust, by their own word.

A list of nodes is made for every rotation, which waits for no others; the nodes
of a bay that never rotated cost nothing.
"""

import hashlib
from collections.abc import Collection
from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from magnum.db import models
from magnum.db.statements import changed_rows

_TABLE: Final[sa.Table] = models.NodeTrust.__table__
_IN_BAY: Final = _TABLE.c.bay_uuid == sa.bindparam('of_bay')
_BUNDLE: Final = sa.select(_TABLE.c.bundle).where(
    _IN_BAY, _TABLE.c.role == sa.bindparam('of_role'), _TABLE.c.node == sa.bindparam('of_node')
)

#: Role and name, which together say which node of a bay.
RoleAndName = tuple[str, str]


def fingerprint(bundle: str) -> str:
    """SHA-256 of a file of authorities, as nodes tell what they trust."""
    return hashlib.sha256(bundle.encode()).hexdigest()


def expect(session: Session, bay_uuid: str, nodes: Collection[RoleAndName]) -> None:
    """From now on these are the nodes that have to follow, and no others."""
    rows = session.execute(
        sa.select(_TABLE.c.id, _TABLE.c.role, _TABLE.c.node).where(_TABLE.c.bay_uuid == bay_uuid)
    ).all()
    known = {(row.role, row.node): row.id for row in rows}
    gone = [row_id for node, row_id in known.items() if node not in nodes]
    session.execute(sa.delete(_TABLE).where(_TABLE.c.id.in_(gone)))
    session.add_all(
        models.NodeTrust(bay_uuid=bay_uuid, role=role, node=name)
        for role, name in sorted(set(nodes) - known.keys())
    )
    session.flush()


def expected(session: Session, bay_uuid: str, role: str) -> list[str]:
    """The nodes of a role, by name, that have to follow."""
    return list(session.scalars(
        sa.select(_TABLE.c.node).where(_TABLE.c.bay_uuid == bay_uuid, _TABLE.c.role == role)
        .order_by(_TABLE.c.node)
    ))


def told(session: Session, bay_uuid: str, role: str, node: str) -> str | None:
    """The fingerprint of what a node said it trusts; None when nobody expects it."""
    which = {'of_bay': bay_uuid, 'of_role': role, 'of_node': node}
    found: str | None = session.scalar(_BUNDLE, which)
    return found


def confirm(session: Session, bay_uuid: str, role: str, node: str, bundle: str) -> None:
    """Write down what a node says that it trusts, if it is expected to."""
    changed_rows(
        session,
        sa.update(_TABLE)
        .where(
            _TABLE.c.bay_uuid == bay_uuid, _TABLE.c.role == role, _TABLE.c.node == node
        )
        .values(bundle=bundle),
    )


def take_turn(session: Session, bay_uuid: str, role: str, node: str, bundle: str) -> bool:
    """Whether a node may have the bay's authorities now, one of its role at a time.

    A node whose turn has come keeps it until it says that it has followed.

    :param bundle: the fingerprint of what the bay trusts.
    """
    rows = session.scalars(
        sa.select(models.NodeTrust).filter_by(bay_uuid=bay_uuid, role=role)
        .order_by(models.NodeTrust.id).with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    under_way = {row.node for row in rows if row.offered == bundle != row.bundle}
    if under_way - {node}:
        return False
    for row in rows:
        if row.node == node:
            row.offered = bundle
    session.flush()
    return True


def missing(session: Session, bay_uuid: str, bundle: str) -> list[str]:
    """The expected nodes, by name, that have not said that they trust this."""
    return list(
        session.scalars(
            sa.select(_TABLE.c.node)
            .where(_TABLE.c.bay_uuid == bay_uuid, _TABLE.c.bundle != bundle)
            .order_by(_TABLE.c.node)
        )
    )


def forget(session: Session, bay_uuid: str) -> None:
    """Expect nothing of the nodes of a bay any more."""
    session.execute(sa.delete(_TABLE).where(_TABLE.c.bay_uuid == bay_uuid))
