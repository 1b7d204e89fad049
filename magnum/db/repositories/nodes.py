"""The nodes of bays, by role and name: one server, one key for each purpose.

A node is known from its first request on. What it may ask for later depends
on the keys that it showed then, so whoever comes after it under its name gets
nothing. Nodes that an earlier release gave their certificates to are known by
the certificates on record.
"""

import hmac
from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from magnum.db import models
from magnum.db.repositories import issued_certificates
from magnum.domain.node_certificates import NodeAddresses

TABLE: Final[sa.Table] = models.Node.__table__
#: The purpose under which a node that signs all that it asks for has its signing key, too.
#: No certificate has it.
SIGNS: Final = 'agent/certificates'
#: Of nodes whose certificates were given before keys were kept.
_NO_KEY: Final = ''


def issued_to(role: str, name: str, purpose: str) -> str:
    """Whom a node's certificate is issued to, as the ledger of certificates has it."""
    return f'{role}/{name}/{purpose}'


def find(
    session: Session, bay_uuid: str, role: str, name: str, is_locked: bool = False
) -> models.Node | None:
    """The node of this role and name that last was given certificates.

    :param is_locked: keep others from changing it until the transaction ends.
    """
    query = sa.select(models.Node).filter_by(bay_uuid=bay_uuid, role=role, name=name)
    if is_locked:
        query = query.with_for_update().execution_options(populate_existing=True)
    return session.scalars(query).one_or_none()


def keys_on_record(session: Session, bay_uuid: str, role: str, name: str) -> dict[str, str]:
    """The last keys, by purpose, that an earlier release signed; empty: it knew no such node."""
    before = issued_to(role, name, '')
    rows = issued_certificates.of_node(session, bay_uuid, before)
    return {row.issued_to.removeprefix(before): row.public_key or _NO_KEY for row in rows}


def known_keys(session: Session, bay_uuid: str, role: str, name: str) -> dict[str, str]:
    """The keys, by purpose, that the node showed; empty: there is no such node."""
    node = find(session, bay_uuid, role, name)
    if node is not None:
        return dict(node.public_keys)
    return keys_on_record(session, bay_uuid, role, name)


def has_shown(keys: dict[str, str], purpose: str, public_key: str) -> bool:
    """Whether this is the key of that purpose."""
    return hmac.compare_digest(keys.get(purpose, _NO_KEY), public_key)


def register(
    session: Session,
    bay_uuid: str,
    role: str,
    name: str,
    operation_uuid: str | None,
    server_id: str,
    addresses: NodeAddresses,
    public_keys: dict[str, str],
) -> models.Node:
    """A node, in place of one of this role and name that was there before.

    :param public_keys: those known already, by purpose.
    """
    node = find(session, bay_uuid, role, name, is_locked=True)
    if node is None:
        node = models.Node(bay_uuid=bay_uuid, role=role, name=name)
        session.add(node)
    else:
        session.execute(
            sa.update(TABLE).where(TABLE.c.id == node.id).values(**models.NOTHING_REPORTED)
        )
        session.refresh(node)
    node.operation_uuid = operation_uuid
    node.server_id = server_id
    node.addresses = list(addresses.own)
    node.api_addresses = list(addresses.api)
    node.public_keys = dict(public_keys)
    session.flush()
    return node


def bind(session: Session, node: models.Node, purpose: str, public_key: str) -> None:
    """Sign no other key than this one for a purpose of the locked node."""
    node.public_keys = {**node.public_keys, purpose: public_key}
    session.flush()


def signs(public_keys: dict[str, str]) -> bool:
    """Whether a node of these keys signs all that it asks for: nothing else is its word."""
    return SIGNS in public_keys


def let_report(session: Session, node: models.Node, signing_key: str) -> None:
    """Take reports of the node that are signed with this key, which is bound already."""
    if node.signing_key != signing_key:
        node.signing_key = signing_key
        session.flush()


def registered(
    session: Session, bay_uuid: str, after: int, limit: int
) -> Sequence[models.Node]:
    """Nodes of a bay that sign their reports, in the order in which they came.

    :param after: a node's number; 0 for the beginning.
    """
    return session.scalars(
        sa.select(models.Node)
        .where(TABLE.c.bay_uuid == bay_uuid, TABLE.c.signing_key.is_not(None))
        .where(TABLE.c.id > after)
        .order_by(TABLE.c.id)
        .limit(limit)
    ).all()


def addresses_of(node: models.Node) -> NodeAddresses:
    """What the cloud said when the node came."""
    return NodeAddresses(tuple(node.addresses), tuple(node.api_addresses))


def forget(session: Session, bay_uuid: str) -> None:
    """Forget every node of a bay, and what they were asked to do; none is fine."""
    session.execute(sa.delete(models.Directive).filter_by(bay_uuid=bay_uuid))
    session.execute(sa.delete(TABLE).where(TABLE.c.bay_uuid == bay_uuid))
