"""Tables. One class per table, columns in the words of the field.

Rows that outlive their bay (operations, steps, events, issued certificates)
name it by uuid without a foreign key. ``generation`` counts changes of a row
that users may change, for optimistic concurrency.
"""

import datetime
import uuid as uuid_module
from collections.abc import Mapping
from typing import Any, ClassVar, Final

import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.dialects import mysql
from sqlalchemy.orm import Mapped, mapped_column

from magnum.db.inheritance import copy_of
from magnum.db.types import UTCDateTime, utcnow
from magnum.domain.parameters import Stored

# Text that may exceed MariaDB's 64 KiB TEXT.
LongText = sa.Text().with_variant(mysql.MEDIUMTEXT(), 'mysql', 'mariadb')
# The same of bytes and BLOB.
LongBytes = sa.LargeBinary().with_variant(mysql.MEDIUMBLOB(), 'mysql', 'mariadb')
# A case-sensitive identifier on MariaDB too, where text compares without case.
Name = sa.String(255).with_variant(
    mysql.VARCHAR(255, charset='utf8mb4', collation='utf8mb4_bin'), 'mysql', 'mariadb'
)
BigInt = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')

#: Longer names of whom a certificate is issued to are cut.
ISSUED_TO_LENGTH: Final = 255


class Base(orm.DeclarativeBase):
    """Common ground: every table has a numeric key and its times."""

    # A table, not any selectable: none of the classes is mapped to a join.
    __table__: ClassVar[sa.Table]
    # MariaDB: rows are written in transactions and hold any script.
    __table_args__: Any = {'mysql_engine': 'InnoDB', 'mysql_charset': 'utf8mb4'}

    id: Mapped[int] = mapped_column(BigInt, primary_key=True, autoincrement=True)
    created_at: Mapped[datetime.datetime] = mapped_column(
        UTCDateTime, default=lambda: datetime.datetime.now(datetime.UTC)
    )
    updated_at: Mapped[datetime.datetime | None] = mapped_column(UTCDateTime, onupdate=utcnow())


def _options(*constraints: sa.schema.SchemaItem) -> tuple[Any, ...]:
    return (*constraints, Base.__table_args__)


def _uuid() -> str:
    return str(uuid_module.uuid4())


class Baymodel(Base):
    """A kind of bay (clients of today say cluster template)."""

    __tablename__ = 'baymodel'
    __table_args__ = _options(
        sa.Index('ix_baymodel_project_name', 'project_id', 'name'),
        sa.Index('ix_baymodel_project_created', 'project_id', 'created_at'),
        sa.Index('ix_baymodel_public', 'public', 'hidden'),
    )

    uuid: Mapped[str] = mapped_column(sa.String(36), default=_uuid, unique=True)
    project_id: Mapped[str | None] = mapped_column(sa.String(255))
    user_id: Mapped[str | None] = mapped_column(sa.String(255))
    name: Mapped[str] = mapped_column(Name)
    coe: Mapped[str] = mapped_column(sa.String(255))
    server_type: Mapped[str] = mapped_column(sa.String(255), default='vm')
    image_id: Mapped[str] = mapped_column(sa.String(255))
    cluster_distro: Mapped[str | None] = mapped_column(sa.String(255))
    driver: Mapped[str | None] = mapped_column(sa.String(255))
    flavor_id: Mapped[str | None] = mapped_column(sa.String(255))
    master_flavor_id: Mapped[str | None] = mapped_column(sa.String(255))
    keypair_id: Mapped[str | None] = mapped_column(sa.String(255))
    external_network_id: Mapped[str | None] = mapped_column(sa.String(255))
    fixed_network: Mapped[str | None] = mapped_column(sa.String(255))
    fixed_subnet: Mapped[str | None] = mapped_column(sa.String(255))
    network_driver: Mapped[str | None] = mapped_column(sa.String(255))
    volume_driver: Mapped[str | None] = mapped_column(sa.String(255))
    dns_nameserver: Mapped[str | None] = mapped_column(sa.String(255))
    apiserver_port: Mapped[int | None] = mapped_column(sa.Integer)
    docker_volume_size: Mapped[int | None] = mapped_column(sa.Integer)
    docker_storage_driver: Mapped[str | None] = mapped_column(sa.String(255))
    http_proxy: Mapped[str | None] = mapped_column(sa.String(255))
    https_proxy: Mapped[str | None] = mapped_column(sa.String(255))
    no_proxy: Mapped[str | None] = mapped_column(sa.String(255))
    insecure_registry: Mapped[str | None] = mapped_column(sa.String(255))
    labels: Mapped[dict[str, str]] = mapped_column(sa.JSON, default=dict)
    tags: Mapped[str | None] = mapped_column(sa.String(255))
    tls_disabled: Mapped[bool] = mapped_column(default=False)
    registry_enabled: Mapped[bool] = mapped_column(default=False)
    master_lb_enabled: Mapped[bool] = mapped_column(default=False)
    floating_ip_enabled: Mapped[bool] = mapped_column(default=True)
    public: Mapped[bool] = mapped_column(default=False)
    hidden: Mapped[bool] = mapped_column(default=False)
    generation: Mapped[int] = mapped_column(default=1)


class Bay(Base):
    """A bay (clients of today say cluster)."""

    __tablename__ = 'bay'
    __table_args__ = _options(
        sa.Index('ix_bay_project_name', 'project_id', 'name'),
        sa.Index('ix_bay_project_status', 'project_id', 'status'),
        sa.Index('ix_bay_project_created', 'project_id', 'created_at'),
    )

    uuid: Mapped[str] = mapped_column(sa.String(36), default=_uuid, unique=True)
    project_id: Mapped[str | None] = mapped_column(sa.String(255))
    user_id: Mapped[str | None] = mapped_column(sa.String(255))
    name: Mapped[str] = mapped_column(Name)
    # The foreign key, not a check, keeps a baymodel in use from going away.
    baymodel_id: Mapped[str] = mapped_column(
        sa.String(36), sa.ForeignKey('baymodel.uuid', ondelete='RESTRICT'), index=True
    )
    driver: Mapped[str | None] = mapped_column(sa.String(255))
    keypair: Mapped[str | None] = mapped_column(sa.String(255))
    ssh_public_key: Mapped[str | None] = mapped_column(sa.Text)
    flavor_id: Mapped[str | None] = mapped_column(sa.String(255), info=copy_of(worker='flavor_id'))
    master_flavor_id: Mapped[str | None] = mapped_column(
        sa.String(255), info=copy_of(master='master_flavor_id')
    )
    docker_volume_size: Mapped[int | None] = mapped_column(
        sa.Integer, info=copy_of('docker_volume_size')
    )
    labels: Mapped[dict[str, str]] = mapped_column(sa.JSON, default=dict)
    # Labels that the operator's options stood for when the bay was made; null: none.
    presets: Mapped[dict[str, str] | None] = mapped_column(sa.JSON(none_as_null=True))
    fixed_network: Mapped[str | None] = mapped_column(sa.String(255), info=copy_of('fixed_network'))
    fixed_subnet: Mapped[str | None] = mapped_column(sa.String(255), info=copy_of('fixed_subnet'))
    floating_ip_enabled: Mapped[bool] = mapped_column(
        default=True, info=copy_of('floating_ip_enabled')
    )
    master_lb_enabled: Mapped[bool] = mapped_column(
        default=False, info=copy_of('master_lb_enabled')
    )
    # Attributes of the baymodel that the bay was made with and upgrades leave; null: none.
    kept: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON(none_as_null=True))
    create_timeout: Mapped[int | None] = mapped_column(sa.Integer)  # minutes
    discovery_url: Mapped[str | None] = mapped_column(sa.String(255))
    stack_id: Mapped[str | None] = mapped_column(sa.String(255))
    template_version: Mapped[str | None] = mapped_column(sa.String(255))
    #: What the cluster knows outlives the servers of its masters; null: not known.
    is_lasting: Mapped[bool | None] = mapped_column(sa.Boolean)
    api_address: Mapped[str | None] = mapped_column(sa.String(255))
    coe_version: Mapped[str | None] = mapped_column(sa.String(255))
    container_version: Mapped[str | None] = mapped_column(sa.String(255))
    status: Mapped[str] = mapped_column(sa.String(20))
    status_reason: Mapped[str | None] = mapped_column(sa.Text)
    health_status: Mapped[str | None] = mapped_column(sa.String(20))
    health_status_reason: Mapped[dict[str, str]] = mapped_column(sa.JSON, default=dict)
    # What its nodes' reports come to, by name; null: none of them reports.
    conditions: Mapped[dict[str, dict[str, str]] | None] = mapped_column(
        sa.JSON(none_as_null=True)
    )
    generation: Mapped[int] = mapped_column(default=1)


class Nodegroup(Base):
    """Equal nodes of a bay; owns their count, flavor and image."""

    __tablename__ = 'nodegroup'
    __table_args__ = _options(
        sa.UniqueConstraint('bay_uuid', 'name', name='uq_nodegroup_bay_name'),
    )

    uuid: Mapped[str] = mapped_column(sa.String(36), default=_uuid, unique=True)
    bay_uuid: Mapped[str] = mapped_column(
        sa.String(36), sa.ForeignKey('bay.uuid', ondelete='CASCADE')
    )
    project_id: Mapped[str | None] = mapped_column(sa.String(255))
    name: Mapped[str] = mapped_column(Name)
    role: Mapped[str] = mapped_column(sa.String(255))
    is_default: Mapped[bool] = mapped_column(default=False)
    image_id: Mapped[str | None] = mapped_column(sa.String(255), info=copy_of('image_id'))
    flavor_id: Mapped[str | None] = mapped_column(
        sa.String(255), info=copy_of(master='master_flavor_id', worker='flavor_id')
    )
    docker_volume_size: Mapped[int | None] = mapped_column(
        sa.Integer, info=copy_of('docker_volume_size')
    )
    labels: Mapped[dict[str, str]] = mapped_column(sa.JSON, default=dict)
    node_labels: Mapped[dict[str, str]] = mapped_column(sa.JSON, default=dict)
    node_taints: Mapped[list[dict[str, str]]] = mapped_column(sa.JSON, default=list)
    node_count: Mapped[int] = mapped_column(default=1)
    min_node_count: Mapped[int] = mapped_column(default=0)
    max_node_count: Mapped[int | None] = mapped_column(sa.Integer)
    node_addresses: Mapped[list[str]] = mapped_column(sa.JSON, default=list)
    stack_id: Mapped[str | None] = mapped_column(sa.String(255))
    template_version: Mapped[str | None] = mapped_column(sa.String(255))
    # What a baymodel had that the group followed last, where that is not the bay's.
    followed: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON(none_as_null=True))
    # Rises when the nodes are to be replaced.
    revision: Mapped[int] = mapped_column(default=0, server_default='0')
    status: Mapped[str | None] = mapped_column(sa.String(20))
    status_reason: Mapped[str | None] = mapped_column(sa.Text)
    version: Mapped[str | None] = mapped_column(sa.String(20))
    generation: Mapped[int] = mapped_column(default=1)


class Operation(Base):
    """Work promised to a user. The row is the truth; messages are hints.

    ``active_for`` is the uuid of what the operation has taken while it is
    active, a node group or the whole bay, and null before and afterwards: its
    uniqueness is what keeps a node group, or a bay, from having two.
    ``fence`` rises with every claim; a worker's writes carry it.
    """

    __tablename__ = 'operation'
    __table_args__ = _options(
        sa.Index('ix_operation_bay', 'bay_uuid', 'id'),
        sa.Index('ix_operation_active', 'bay_uuid', 'active_for'),
        sa.Index('ix_operation_claim', 'state', 'not_before'),
        sa.Index('ix_operation_lease', 'state', 'lease_expires_at'),
    )

    uuid: Mapped[str] = mapped_column(sa.String(36), default=_uuid, unique=True)
    bay_uuid: Mapped[str] = mapped_column(sa.String(36))
    bay_name: Mapped[str] = mapped_column(Name)
    project_id: Mapped[str | None] = mapped_column(sa.String(255), index=True)
    verb: Mapped[str] = mapped_column(sa.String(20))
    phase: Mapped[str] = mapped_column(sa.String(20))
    state: Mapped[str] = mapped_column(sa.String(20))
    active_for: Mapped[str | None] = mapped_column(sa.String(36), unique=True)
    # Read and written by magnum.domain.parameters.
    parameters: Mapped[Stored] = mapped_column(sa.JSON, default=dict)
    # Who asked; the roles bound what the bay's identity may be given.
    user_id: Mapped[str | None] = mapped_column(sa.String(255))
    requester_project_id: Mapped[str | None] = mapped_column(sa.String(255))
    roles: Mapped[list[str]] = mapped_column(sa.JSON, default=list)
    request_id: Mapped[str | None] = mapped_column(sa.String(64))
    # Claim
    fence: Mapped[int] = mapped_column(default=0)
    worker: Mapped[str | None] = mapped_column(sa.String(255))
    lease_expires_at: Mapped[datetime.datetime | None] = mapped_column(UTCDateTime)
    not_before: Mapped[datetime.datetime | None] = mapped_column(UTCDateTime)
    attempts: Mapped[int] = mapped_column(default=0)
    cancel_requested: Mapped[bool] = mapped_column(default=False)
    preempts: Mapped[str | None] = mapped_column(sa.String(36))
    # The failed operation that this one tries again.
    retries: Mapped[str | None] = mapped_column(sa.String(36))
    # What Heat was asked: the stack, the action, and its time stamp before.
    stack_id: Mapped[str | None] = mapped_column(sa.String(255))
    stack_action: Mapped[str | None] = mapped_column(sa.String(20))
    stack_updated_before: Mapped[str | None] = mapped_column(sa.String(40))
    deadline: Mapped[datetime.datetime] = mapped_column(UTCDateTime, index=True)
    # Why it failed, or what it last met: code, reason, resource, owner, retryable.
    error: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON(none_as_null=True))
    # A failure that its worker did not meet: the worker ends the operation with it.
    found_failure: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON(none_as_null=True))
    started_at: Mapped[datetime.datetime | None] = mapped_column(UTCDateTime)
    finished_at: Mapped[datetime.datetime | None] = mapped_column(UTCDateTime)


class OperationStep(Base):
    """One step of an operation: what the API shows and what a resume reads."""

    __tablename__ = 'operation_step'
    __table_args__ = _options(
        sa.UniqueConstraint('operation_uuid', 'name', name='uq_operation_step_name'),
    )

    operation_uuid: Mapped[str] = mapped_column(
        sa.String(36), sa.ForeignKey('operation.uuid', ondelete='CASCADE')
    )
    name: Mapped[str] = mapped_column(sa.String(64))
    position: Mapped[int] = mapped_column(sa.Integer)
    state: Mapped[str] = mapped_column(sa.String(20))
    attempts: Mapped[int] = mapped_column(default=0)
    reason: Mapped[str | None] = mapped_column(sa.Text)
    started_at: Mapped[datetime.datetime | None] = mapped_column(UTCDateTime)
    finished_at: Mapped[datetime.datetime | None] = mapped_column(UTCDateTime)


class LedgerEntry(Base):
    """An external thing of a bay, written down before it is made.

    Delete reads these and nothing else. There is no foreign key to the bay:
    an entry must survive whatever happens to the bay's row.
    """

    __tablename__ = 'ledger_entry'
    __table_args__ = _options(
        sa.UniqueConstraint('bay_uuid', 'kind', 'name', name='uq_ledger_entry_thing'),
    )

    bay_uuid: Mapped[str] = mapped_column(sa.String(36))
    project_id: Mapped[str | None] = mapped_column(sa.String(255))
    kind: Mapped[str] = mapped_column(sa.String(64))
    name: Mapped[str] = mapped_column(Name)
    external_id: Mapped[str | None] = mapped_column(sa.String(255))


class Event(Base):
    """One line of a bay's timeline."""

    __tablename__ = 'event'
    __table_args__ = _options(sa.Index('ix_event_bay', 'bay_uuid', 'id'))

    bay_uuid: Mapped[str] = mapped_column(sa.String(36))
    project_id: Mapped[str | None] = mapped_column(sa.String(255))
    operation_uuid: Mapped[str | None] = mapped_column(sa.String(36))
    request_id: Mapped[str | None] = mapped_column(sa.String(64))
    kind: Mapped[str] = mapped_column(sa.String(64))
    message: Mapped[str] = mapped_column(sa.Text)


class KeyPair(Base):
    """A key pair that the service holds for a bay; the key is sealed.

    One that is no pair, but a key alone, has no certificate.
    """

    __tablename__ = 'key_pair'
    __table_args__ = _options(
        sa.UniqueConstraint('bay_uuid', 'purpose', name='uq_key_pair_purpose'),
    )

    bay_uuid: Mapped[str] = mapped_column(sa.String(36))
    purpose: Mapped[str] = mapped_column(sa.String(32))
    certificate: Mapped[str] = mapped_column(LongText)
    sealed_private_key: Mapped[str] = mapped_column(LongText)


class IssuedCertificate(Base):
    """A certificate signed for a user or a node.

    ``public_key`` is the SHA-256 of a node's, by which it is known again.
    """

    __tablename__ = 'issued_certificate'
    __table_args__ = _options(
        sa.Index('ix_issued_certificate_bay', 'bay_uuid', 'id'),
        sa.Index('ix_issued_certificate_to', 'bay_uuid', 'issued_to'),
    )

    bay_uuid: Mapped[str] = mapped_column(sa.String(36))
    serial: Mapped[str] = mapped_column(sa.String(64))
    subject: Mapped[str] = mapped_column(sa.Text)
    fingerprint: Mapped[str] = mapped_column(sa.String(64))
    not_before: Mapped[datetime.datetime] = mapped_column(UTCDateTime)
    not_after: Mapped[datetime.datetime] = mapped_column(UTCDateTime)
    issued_to: Mapped[str] = mapped_column(sa.String(ISSUED_TO_LENGTH))
    public_key: Mapped[str | None] = mapped_column(sa.String(64))


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
    __table_args__ = _options(
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
    __table_args__ = _options(
        sa.Index('ix_directive_node', 'bay_uuid', 'role', 'node'),
        sa.Index('ix_directive_operation', 'operation_uuid'),
    )

    uuid: Mapped[str] = mapped_column(sa.String(36), default=_uuid, unique=True)
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
    __table_args__ = _options(
        sa.UniqueConstraint('bay_uuid', 'role', 'node', name='uq_node_trust_node'),
    )

    bay_uuid: Mapped[str] = mapped_column(sa.String(36))
    role: Mapped[str] = mapped_column(sa.String(32), server_default='worker')
    node: Mapped[str] = mapped_column(sa.String(255))
    bundle: Mapped[str] = mapped_column(sa.String(64), default='')
    offered: Mapped[str] = mapped_column(sa.String(64), default='', server_default='')


class BayIdentity(Base):
    """The Keystone user that owns a bay's stack; the password is sealed."""

    __tablename__ = 'bay_identity'
    __table_args__ = _options()

    bay_uuid: Mapped[str] = mapped_column(sa.String(36), unique=True)
    project_id: Mapped[str | None] = mapped_column(sa.String(255))
    username: Mapped[str] = mapped_column(sa.String(255))
    user_id: Mapped[str | None] = mapped_column(sa.String(255))
    sealed_password: Mapped[str] = mapped_column(LongText)


class CloudCredential(Base):
    """An application credential of a bay's Keystone user, for the bay's masters.

    There is one, but for the time of a rotation. ``name`` is Keystone's, and
    so is ``credential_id`` when it has been made; the secret is sealed.
    ``access`` is what masters need beside it (see
    :class:`magnum.clients.application_credentials.Access`), and null until the
    credential was seen working: before that no master gets it. ``checked_at`` is
    when a conductor last took it up to see whether Keystone still accepts it.
    """

    __tablename__ = 'cloud_credential'
    __table_args__ = _options(
        sa.UniqueConstraint('bay_uuid', 'generation', name='uq_cloud_credential_generation'),
    )

    bay_uuid: Mapped[str] = mapped_column(sa.String(36))
    generation: Mapped[int] = mapped_column(sa.Integer)
    name: Mapped[str] = mapped_column(sa.String(255))
    sealed_secret: Mapped[str] = mapped_column(LongText)
    credential_id: Mapped[str | None] = mapped_column(sa.String(255))
    access: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON(none_as_null=True))
    checked_at: Mapped[datetime.datetime | None] = mapped_column(UTCDateTime)


class PurposeCredential(Base):
    """An application credential for one of the purposes for which a bay uses the cloud.

    It is of a generation of :class:`CloudCredential`, which is for all purposes
    without a row here: where masters are of an earlier release, for all there are.
    That one is seen working after all of these; before that no master gets any.
    """

    __tablename__ = 'purpose_credential'
    __table_args__ = _options(
        sa.UniqueConstraint(
            'bay_uuid', 'generation', 'purpose', name='uq_purpose_credential_purpose'
        ),
    )

    bay_uuid: Mapped[str] = mapped_column(sa.String(36))
    generation: Mapped[int] = mapped_column(sa.Integer)
    purpose: Mapped[str] = mapped_column(sa.String(64))
    name: Mapped[str] = mapped_column(sa.String(255))
    sealed_secret: Mapped[str] = mapped_column(LongText)
    credential_id: Mapped[str | None] = mapped_column(sa.String(255))


class BootstrapToken(Base):
    """What lets the nodes of one role ask for their certificates.

    The token itself is nowhere: it is computed from ``salt`` and the
    operator's key, and what is shown is compared by its HMAC. ``armed`` holds
    only while an operation builds nodes.
    """

    __tablename__ = 'bootstrap_token'
    __table_args__ = _options(
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
    __table_args__ = _options(sa.UniqueConstraint('digest', name='uq_node_archive_digest'))

    digest: Mapped[str] = mapped_column(sa.String(64))
    content: Mapped[bytes] = mapped_column(LongBytes)


class Quota(Base):
    """How many of a resource a project may have."""

    __tablename__ = 'quota'
    __table_args__ = _options(
        sa.UniqueConstraint('project_id', 'resource', name='uq_quota_resource'),
    )

    project_id: Mapped[str] = mapped_column(sa.String(255))
    resource: Mapped[str] = mapped_column(sa.String(64))
    # Null: the operator's default holds; the row is there to be locked.
    hard_limit: Mapped[int | None] = mapped_column(sa.Integer)


class IdempotencyKey(Base):
    """A caller's name for one request, and how that request was answered.

    Written in the transaction that does what the request asks for, so that
    the key and the deed are there together or not at all.
    """

    __tablename__ = 'idempotency_key'
    __table_args__ = _options(
        sa.UniqueConstraint('owner', 'key', name='uq_idempotency_key_owner'),
        sa.Index('ix_idempotency_key_created', 'created_at'),
    )

    # A hash of the caller's project and user.
    owner: Mapped[str] = mapped_column(sa.String(64))
    key: Mapped[str] = mapped_column(Name)
    # A hash of the route, what its path names, query, version and body.
    request: Mapped[str] = mapped_column(sa.String(64))
    status: Mapped[int] = mapped_column(sa.Integer)
    headers: Mapped[dict[str, str]] = mapped_column(sa.JSON, default=dict)
    document: Mapped[str] = mapped_column(LongText)


class ConductorService(Base):
    """A conductor process and when it was last seen."""

    __tablename__ = 'conductor_service'
    __table_args__ = _options(
        sa.UniqueConstraint('host', 'binary', name='uq_conductor_service_host'),
    )

    host: Mapped[str] = mapped_column(sa.String(255))
    binary: Mapped[str] = mapped_column(sa.String(255))
    report_count: Mapped[int] = mapped_column(default=0)
    last_seen_up: Mapped[datetime.datetime | None] = mapped_column(UTCDateTime)
    disabled: Mapped[bool] = mapped_column(default=False)
    disabled_reason: Mapped[str | None] = mapped_column(sa.String(255))


#: Which transactions were committed: see :mod:`magnum.db.commits`. Keys begin
#: with their time, so that the table needs no other index.
COMMIT_RECORD = sa.Table(
    'commit_record',
    Base.metadata,
    sa.Column('key', sa.String(32), primary_key=True),
    # False: it was asked for and not there.
    sa.Column('is_committed', sa.Boolean, nullable=False),
    **Base.__table_args__,
)
