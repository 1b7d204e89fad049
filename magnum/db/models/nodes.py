"""Tables of nodes: what they were given, report, and are told."""

import datetime
from collections.abc import Mapping
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from magnum.db.models.base import Base, LongBytes, Name, new_uuid, options
from magnum.db.types import UTCDateTime


class Node(Base):
    """A node that was given certificates: one life of a server.

    ``public_keys`` has, by purpose, the SHA-256 of the key that was shown
    first; no other is signed, and nothing is taken of a node that signs which it
    has not signed (``nodes.SIGNS``). ``addresses`` are those that Nova had of the
    server, ``api_addresses`` those of the API on nodes that serve it. The row
    is that of the last server of this name; ``operation_uuid`` built it, and
    is null for a node that an earlier release gave its certificates to.

    From ``signing_key`` on, columns are of nodes that report, and null or
    false for others. ``said`` is a hash of the last report that was written,
    ``sequence`` its number, ``heard_at`` when the node was heard of, coarsely.
    ``is_changed`` asks a conductor to look at the row, ``noted`` is what it saw
    of it when it last did.
    """

    __tablename__ = 'node'
    __table_args__ = options(
        sa.UniqueConstraint('bay_uuid', 'role', 'name', name='uq_node_name'),
        sa.Index('ix_node_changed', 'is_changed', 'bay_uuid'),
        sa.Index('ix_node_heard', 'is_silent', 'heard_at'),
    )

    bay_uuid: Mapped[str] = mapped_column(sa.String(36))
    role: Mapped[str] = mapped_column(sa.String(32))
    name: Mapped[str] = mapped_column(Name)
    operation_uuid: Mapped[str | None] = mapped_column(sa.String(36))
    server_id: Mapped[str] = mapped_column(sa.String(255))
    addresses: Mapped[list[str]] = mapped_column(sa.JSON, default=list)
    api_addresses: Mapped[list[str]] = mapped_column(sa.JSON, default=list)
    public_keys: Mapped[dict[str, str]] = mapped_column(sa.JSON, default=dict)
    # base64 of the SubjectPublicKeyInfo; good while public_keys has its hash.
    signing_key: Mapped[str | None] = mapped_column(sa.String(255))
    state: Mapped[str | None] = mapped_column(sa.String(20))
    step: Mapped[str | None] = mapped_column(sa.String(64))
    position: Mapped[int | None] = mapped_column(sa.Integer)
    steps: Mapped[int | None] = mapped_column(sa.Integer)
    lines: Mapped[list[str] | None] = mapped_column(sa.JSON(none_as_null=True))
    conditions: Mapped[dict[str, dict[str, str]] | None] = mapped_column(
        sa.JSON(none_as_null=True)
    )
    versions: Mapped[dict[str, str] | None] = mapped_column(sa.JSON(none_as_null=True))
    trusts: Mapped[str | None] = mapped_column(sa.String(64))
    sequence: Mapped[int | None] = mapped_column(sa.BigInteger)
    said: Mapped[str | None] = mapped_column(sa.String(64))
    heard_at: Mapped[datetime.datetime | None] = mapped_column(UTCDateTime)
    is_silent: Mapped[bool] = mapped_column(default=False, server_default=sa.false())
    is_changed: Mapped[bool] = mapped_column(default=False, server_default=sa.false())
    noted: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON(none_as_null=True))


#: Columns of a node that has reported nothing.
NOTHING_REPORTED: Final[Mapping[str, Any]] = {
    **dict.fromkeys(
        ('signing_key', 'state', 'step', 'position', 'steps', 'lines', 'conditions', 'versions',
         'trusts', 'sequence', 'said', 'heard_at', 'noted')
    ),
    'is_silent': False,
    'is_changed': False,
}


class Directive(Base):
    """Something that an operation asks a node to do; ``lines`` are the node's last words."""

    __tablename__ = 'directive'
    __table_args__ = options(
        sa.Index('ix_directive_node', 'bay_uuid', 'role', 'node'),
        sa.Index('ix_directive_operation', 'operation_uuid'),
    )

    uuid: Mapped[str] = mapped_column(sa.String(36), default=new_uuid, unique=True)
    bay_uuid: Mapped[str] = mapped_column(sa.String(36))
    operation_uuid: Mapped[str] = mapped_column(sa.String(36))
    role: Mapped[str] = mapped_column(sa.String(32))
    node: Mapped[str] = mapped_column(Name)
    verb: Mapped[str] = mapped_column(sa.String(32))
    parameters: Mapped[dict[str, Any]] = mapped_column(sa.JSON, default=dict)
    # None until the node has said it, or nobody waits for it any more.
    outcome: Mapped[str | None] = mapped_column(sa.String(20))
    lines: Mapped[list[str] | None] = mapped_column(sa.JSON(none_as_null=True))


class NodeTrust(Base):
    """A node that is to follow the authorities of its bay, and how far it came.

    ``bundle`` is the SHA-256 of the authorities that the node said it trusts,
    empty as long as it has said nothing; ``offered`` that of those that it was
    given when its turn had come.
    """

    __tablename__ = 'node_trust'
    __table_args__ = options(
        sa.UniqueConstraint('bay_uuid', 'role', 'node', name='uq_node_trust_node'),
    )

    bay_uuid: Mapped[str] = mapped_column(sa.String(36))
    role: Mapped[str] = mapped_column(sa.String(32), server_default='worker')
    node: Mapped[str] = mapped_column(sa.String(255))
    bundle: Mapped[str] = mapped_column(sa.String(64), default='')
    offered: Mapped[str] = mapped_column(sa.String(64), default='', server_default='')


class BootstrapToken(Base):
    """What lets the nodes of one role ask for their certificates.

    The token itself is nowhere: it is computed from ``salt`` and the
    operator's key, and what is shown is compared by its HMAC. ``armed`` holds
    only while an operation builds nodes.
    """

    __tablename__ = 'bootstrap_token'
    __table_args__ = options(
        sa.UniqueConstraint('operation_uuid', 'role', name='uq_bootstrap_token_role'),
        sa.Index('ix_bootstrap_token_bay', 'bay_uuid'),
    )

    bay_uuid: Mapped[str] = mapped_column(sa.String(36))
    operation_uuid: Mapped[str] = mapped_column(sa.String(36))
    role: Mapped[str] = mapped_column(sa.String(32))
    salt: Mapped[str] = mapped_column(sa.String(64))
    token_hash: Mapped[str] = mapped_column(sa.String(64))
    armed: Mapped[bool] = mapped_column(default=True)


class NodeArchive(Base):
    """Files that nodes fetch by their digest.

    They stay: a stack makes servers with the user data that it was made with. Each
    release has one for each driver and role.
    """

    __tablename__ = 'node_archive'
    __table_args__ = options(sa.UniqueConstraint('digest', name='uq_node_archive_digest'))

    digest: Mapped[str] = mapped_column(sa.String(64))
    content: Mapped[bytes] = mapped_column(LongBytes)
