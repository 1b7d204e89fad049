"""The first schema."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

from magnum.db.types import UTCDateTime

revision = '0001'
down_revision = None

# The columns' types as they were when this was written, on every database.
BIG_INT = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
LONG_TEXT = sa.Text().with_variant(mysql.MEDIUMTEXT(), 'mysql', 'mariadb')
NAME = sa.String(255).with_variant(
    mysql.VARCHAR(255, charset='utf8mb4', collation='utf8mb4_bin'), 'mysql', 'mariadb'
)


def upgrade() -> None:
    """Make every table."""
    op.create_table(
        'bay_identity',
        sa.Column('bay_uuid', sa.String(length=36), nullable=False),
        sa.Column('project_id', sa.String(length=255), nullable=True),
        sa.Column('username', sa.String(length=255), nullable=False),
        sa.Column('user_id', sa.String(length=255), nullable=True),
        sa.Column('sealed_password', LONG_TEXT, nullable=False),
        sa.Column('id', BIG_INT, autoincrement=True, nullable=False),
        sa.Column('created_at', UTCDateTime(), nullable=False),
        sa.Column('updated_at', UTCDateTime(), nullable=True),
        sa.PrimaryKeyConstraint('id'),
        sa.UniqueConstraint('bay_uuid'),
        mysql_charset='utf8mb4',
        mysql_engine='InnoDB',
    )
    op.create_table(
        'baymodel',
        sa.Column('uuid', sa.String(length=36), nullable=False),
        sa.Column('project_id', sa.String(length=255), nullable=True),
        sa.Column('user_id', sa.String(length=255), nullable=True),
        sa.Column('name', NAME, nullable=False),
        sa.Column('coe', sa.String(length=255), nullable=False),
        sa.Column('server_type', sa.String(length=255), nullable=False),
        sa.Column('image_id', sa.String(length=255), nullable=False),
        sa.Column('cluster_distro', sa.String(length=255), nullable=True),
        sa.Column('driver', sa.String(length=255), nullable=True),
        sa.Column('flavor_id', sa.String(length=255), nullable=True),
        sa.Column('master_flavor_id', sa.String(length=255), nullable=True),
        sa.Column('keypair_id', sa.String(length=255), nullable=True),
        sa.Column('external_network_id', sa.String(length=255), nullable=True),
        sa.Column('fixed_network', sa.String(length=255), nullable=True),
        sa.Column('fixed_subnet', sa.String(length=255), nullable=True),
        sa.Column('network_driver', sa.String(length=255), nullable=True),
        sa.Column('volume_driver', sa.String(length=255), nullable=True),
        sa.Column('dns_nameserver', sa.String(length=255), nullable=True),
        sa.Column('apiserver_port', sa.Integer(), nullable=True),
        sa.Column('docker_volume_size', sa.Integer(), nullable=True),
        sa.Column('docker_storage_driver', sa.String(length=255), nullable=True),
        sa.Column('http_proxy', sa.String(length=255), nullable=True),
        sa.Column('https_proxy', sa.String(length=255), nullable=True),
        sa.Column('no_proxy', sa.String(length=255), nullable=True),
        sa.Column('insecure_registry', sa.String(length=255), nullable=True),
        sa.Column('labels', sa.JSON(), nullable=False),
        sa.Column('tags', sa.String(length=255), nullable=True),
        sa.Column('tls_disabled', sa.Boolean(), nullable=False),
        sa.Column('registry_enabled', sa.Boolean(), nullable=False),
        sa.Column('master_lb_enabled', sa.Boolean(), nullable=False),
        sa.Column('floating_ip_enabled', sa.Boolean(), nullable=False),
        sa.Column('public', sa.Boolean(), nullable=False),
        sa.Column('hidden', sa.Boolean(), nullable=False),
        sa.Column('generation', sa.Integer(), nullable=False),
        sa.Column('id', BIG_INT, autoincrement=True, nullable=False),
        sa.Column('created_at', UTCDateTime(), nullable=False),
        sa.Column('updated_at', UTCDateTime(), nullable=True),
        sa.PrimaryKeyConstraint('id'),
        sa.UniqueConstraint('uuid'),
        mysql_charset='utf8mb4',
        mysql_engine='InnoDB',
    )
    with op.batch_alter_table('baymodel', schema=None) as batch_op:
        batch_op.create_index(
            'ix_baymodel_project_created', ['project_id', 'created_at'], unique=False
        )
        batch_op.create_index('ix_baymodel_project_name', ['project_id', 'name'], unique=False)
        batch_op.create_index('ix_baymodel_public', ['public', 'hidden'], unique=False)

    op.create_table(
        'bootstrap_token',
        sa.Column('bay_uuid', sa.String(length=36), nullable=False),
        sa.Column('operation_uuid', sa.String(length=36), nullable=False),
        sa.Column('role', sa.String(length=32), nullable=False),
        sa.Column('salt', sa.String(length=64), nullable=False),
        sa.Column('token_hash', sa.String(length=64), nullable=False),
        sa.Column('armed', sa.Boolean(), nullable=False),
        sa.Column('id', BIG_INT, autoincrement=True, nullable=False),
        sa.Column('created_at', UTCDateTime(), nullable=False),
        sa.Column('updated_at', UTCDateTime(), nullable=True),
        sa.PrimaryKeyConstraint('id'),
        sa.UniqueConstraint('operation_uuid', 'role', name='uq_bootstrap_token_role'),
        mysql_charset='utf8mb4',
        mysql_engine='InnoDB',
    )
    with op.batch_alter_table('bootstrap_token', schema=None) as batch_op:
        batch_op.create_index('ix_bootstrap_token_bay', ['bay_uuid'], unique=False)

    op.create_table(
        'conductor_service',
        sa.Column('host', sa.String(length=255), nullable=False),
        sa.Column('binary', sa.String(length=255), nullable=False),
        sa.Column('report_count', sa.Integer(), nullable=False),
        sa.Column('last_seen_up', UTCDateTime(), nullable=True),
        sa.Column('disabled', sa.Boolean(), nullable=False),
        sa.Column('disabled_reason', sa.String(length=255), nullable=True),
        sa.Column('id', BIG_INT, autoincrement=True, nullable=False),
        sa.Column('created_at', UTCDateTime(), nullable=False),
        sa.Column('updated_at', UTCDateTime(), nullable=True),
        sa.PrimaryKeyConstraint('id'),
        sa.UniqueConstraint('host', 'binary', name='uq_conductor_service_host'),
        mysql_charset='utf8mb4',
        mysql_engine='InnoDB',
    )
    op.create_table(
        'event',
        sa.Column('bay_uuid', sa.String(length=36), nullable=False),
        sa.Column('project_id', sa.String(length=255), nullable=True),
        sa.Column('operation_uuid', sa.String(length=36), nullable=True),
        sa.Column('request_id', sa.String(length=64), nullable=True),
        sa.Column('kind', sa.String(length=64), nullable=False),
        sa.Column('message', sa.Text(), nullable=False),
        sa.Column('id', BIG_INT, autoincrement=True, nullable=False),
        sa.Column('created_at', UTCDateTime(), nullable=False),
        sa.Column('updated_at', UTCDateTime(), nullable=True),
        sa.PrimaryKeyConstraint('id'),
        mysql_charset='utf8mb4',
        mysql_engine='InnoDB',
    )
    with op.batch_alter_table('event', schema=None) as batch_op:
        batch_op.create_index('ix_event_bay', ['bay_uuid', 'id'], unique=False)

    op.create_table(
        'issued_certificate',
        sa.Column('bay_uuid', sa.String(length=36), nullable=False),
        sa.Column('serial', sa.String(length=64), nullable=False),
        sa.Column('subject', sa.Text(), nullable=False),
        sa.Column('fingerprint', sa.String(length=64), nullable=False),
        sa.Column('not_before', UTCDateTime(), nullable=False),
        sa.Column('not_after', UTCDateTime(), nullable=False),
        sa.Column('issued_to', sa.String(length=255), nullable=False),
        sa.Column('id', BIG_INT, autoincrement=True, nullable=False),
        sa.Column('created_at', UTCDateTime(), nullable=False),
        sa.Column('updated_at', UTCDateTime(), nullable=True),
        sa.PrimaryKeyConstraint('id'),
        mysql_charset='utf8mb4',
        mysql_engine='InnoDB',
    )
    with op.batch_alter_table('issued_certificate', schema=None) as batch_op:
        batch_op.create_index('ix_issued_certificate_bay', ['bay_uuid', 'id'], unique=False)

    op.create_table(
        'key_pair',
        sa.Column('bay_uuid', sa.String(length=36), nullable=False),
        sa.Column('purpose', sa.String(length=32), nullable=False),
        sa.Column('certificate', LONG_TEXT, nullable=False),
        sa.Column('sealed_private_key', LONG_TEXT, nullable=False),
        sa.Column('id', BIG_INT, autoincrement=True, nullable=False),
        sa.Column('created_at', UTCDateTime(), nullable=False),
        sa.Column('updated_at', UTCDateTime(), nullable=True),
        sa.PrimaryKeyConstraint('id'),
        sa.UniqueConstraint('bay_uuid', 'purpose', name='uq_key_pair_purpose'),
        mysql_charset='utf8mb4',
        mysql_engine='InnoDB',
    )
    op.create_table(
        'ledger_entry',
        sa.Column('bay_uuid', sa.String(length=36), nullable=False),
        sa.Column('project_id', sa.String(length=255), nullable=True),
        sa.Column('kind', sa.String(length=64), nullable=False),
        sa.Column('name', NAME, nullable=False),
        sa.Column('external_id', sa.String(length=255), nullable=True),
        sa.Column('id', BIG_INT, autoincrement=True, nullable=False),
        sa.Column('created_at', UTCDateTime(), nullable=False),
        sa.Column('updated_at', UTCDateTime(), nullable=True),
        sa.PrimaryKeyConstraint('id'),
        sa.UniqueConstraint('bay_uuid', 'kind', 'name', name='uq_ledger_entry_thing'),
        mysql_charset='utf8mb4',
        mysql_engine='InnoDB',
    )
    op.create_table(
        'operation',
        sa.Column('uuid', sa.String(length=36), nullable=False),
        sa.Column('bay_uuid', sa.String(length=36), nullable=False),
        sa.Column('bay_name', NAME, nullable=False),
        sa.Column('project_id', sa.String(length=255), nullable=True),
        sa.Column('verb', sa.String(length=20), nullable=False),
        sa.Column('phase', sa.String(length=20), nullable=False),
        sa.Column('state', sa.String(length=20), nullable=False),
        sa.Column('active_for', sa.String(length=36), nullable=True),
        sa.Column('parameters', sa.JSON(), nullable=False),
        sa.Column('user_id', sa.String(length=255), nullable=True),
        sa.Column('roles', sa.JSON(), nullable=False),
        sa.Column('request_id', sa.String(length=64), nullable=True),
        sa.Column('fence', sa.Integer(), nullable=False),
        sa.Column('worker', sa.String(length=255), nullable=True),
        sa.Column('lease_expires_at', UTCDateTime(), nullable=True),
        sa.Column('not_before', UTCDateTime(), nullable=True),
        sa.Column('attempts', sa.Integer(), nullable=False),
        sa.Column('cancel_requested', sa.Boolean(), nullable=False),
        sa.Column('preempts', sa.String(length=36), nullable=True),
        sa.Column('stack_id', sa.String(length=255), nullable=True),
        sa.Column('stack_action', sa.String(length=20), nullable=True),
        sa.Column('stack_updated_before', sa.String(length=40), nullable=True),
        sa.Column('deadline', UTCDateTime(), nullable=False),
        sa.Column('error', sa.JSON(none_as_null=True), nullable=True),
        sa.Column('started_at', UTCDateTime(), nullable=True),
        sa.Column('finished_at', UTCDateTime(), nullable=True),
        sa.Column('id', BIG_INT, autoincrement=True, nullable=False),
        sa.Column('created_at', UTCDateTime(), nullable=False),
        sa.Column('updated_at', UTCDateTime(), nullable=True),
        sa.PrimaryKeyConstraint('id'),
        sa.UniqueConstraint('active_for'),
        sa.UniqueConstraint('uuid'),
        mysql_charset='utf8mb4',
        mysql_engine='InnoDB',
    )
    with op.batch_alter_table('operation', schema=None) as batch_op:
        batch_op.create_index('ix_operation_bay', ['bay_uuid', 'id'], unique=False)
        batch_op.create_index('ix_operation_claim', ['state', 'not_before'], unique=False)
        batch_op.create_index(batch_op.f('ix_operation_deadline'), ['deadline'], unique=False)
        batch_op.create_index('ix_operation_lease', ['state', 'lease_expires_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_operation_project_id'), ['project_id'], unique=False)

    op.create_table(
        'quota',
        sa.Column('project_id', sa.String(length=255), nullable=False),
        sa.Column('resource', sa.String(length=64), nullable=False),
        sa.Column('hard_limit', sa.Integer(), nullable=True),
        sa.Column('id', BIG_INT, autoincrement=True, nullable=False),
        sa.Column('created_at', UTCDateTime(), nullable=False),
        sa.Column('updated_at', UTCDateTime(), nullable=True),
        sa.PrimaryKeyConstraint('id'),
        sa.UniqueConstraint('project_id', 'resource', name='uq_quota_resource'),
        mysql_charset='utf8mb4',
        mysql_engine='InnoDB',
    )
    op.create_table(
        'bay',
        sa.Column('uuid', sa.String(length=36), nullable=False),
        sa.Column('project_id', sa.String(length=255), nullable=True),
        sa.Column('user_id', sa.String(length=255), nullable=True),
        sa.Column('name', NAME, nullable=False),
        sa.Column('baymodel_id', sa.String(length=36), nullable=False),
        sa.Column('driver', sa.String(length=255), nullable=True),
        sa.Column('keypair', sa.String(length=255), nullable=True),
        sa.Column('ssh_public_key', sa.Text(), nullable=True),
        sa.Column('flavor_id', sa.String(length=255), nullable=True),
        sa.Column('master_flavor_id', sa.String(length=255), nullable=True),
        sa.Column('docker_volume_size', sa.Integer(), nullable=True),
        sa.Column('labels', sa.JSON(), nullable=False),
        sa.Column('fixed_network', sa.String(length=255), nullable=True),
        sa.Column('fixed_subnet', sa.String(length=255), nullable=True),
        sa.Column('floating_ip_enabled', sa.Boolean(), nullable=False),
        sa.Column('master_lb_enabled', sa.Boolean(), nullable=False),
        sa.Column('create_timeout', sa.Integer(), nullable=True),
        sa.Column('discovery_url', sa.String(length=255), nullable=True),
        sa.Column('stack_id', sa.String(length=255), nullable=True),
        sa.Column('template_version', sa.String(length=255), nullable=True),
        sa.Column('api_address', sa.String(length=255), nullable=True),
        sa.Column('coe_version', sa.String(length=255), nullable=True),
        sa.Column('container_version', sa.String(length=255), nullable=True),
        sa.Column('status', sa.String(length=20), nullable=False),
        sa.Column('status_reason', sa.Text(), nullable=True),
        sa.Column('health_status', sa.String(length=20), nullable=True),
        sa.Column('health_status_reason', sa.JSON(), nullable=False),
        sa.Column('generation', sa.Integer(), nullable=False),
        sa.Column('id', BIG_INT, autoincrement=True, nullable=False),
        sa.Column('created_at', UTCDateTime(), nullable=False),
        sa.Column('updated_at', UTCDateTime(), nullable=True),
        sa.ForeignKeyConstraint(['baymodel_id'], ['baymodel.uuid'], ondelete='RESTRICT'),
        sa.PrimaryKeyConstraint('id'),
        sa.UniqueConstraint('uuid'),
        mysql_charset='utf8mb4',
        mysql_engine='InnoDB',
    )
    with op.batch_alter_table('bay', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_bay_baymodel_id'), ['baymodel_id'], unique=False)
        batch_op.create_index('ix_bay_project_created', ['project_id', 'created_at'], unique=False)
        batch_op.create_index('ix_bay_project_name', ['project_id', 'name'], unique=False)
        batch_op.create_index('ix_bay_project_status', ['project_id', 'status'], unique=False)

    op.create_table(
        'operation_step',
        sa.Column('operation_uuid', sa.String(length=36), nullable=False),
        sa.Column('name', sa.String(length=64), nullable=False),
        sa.Column('position', sa.Integer(), nullable=False),
        sa.Column('state', sa.String(length=20), nullable=False),
        sa.Column('attempts', sa.Integer(), nullable=False),
        sa.Column('reason', sa.Text(), nullable=True),
        sa.Column('started_at', UTCDateTime(), nullable=True),
        sa.Column('finished_at', UTCDateTime(), nullable=True),
        sa.Column('id', BIG_INT, autoincrement=True, nullable=False),
        sa.Column('created_at', UTCDateTime(), nullable=False),
        sa.Column('updated_at', UTCDateTime(), nullable=True),
        sa.ForeignKeyConstraint(['operation_uuid'], ['operation.uuid'], ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('id'),
        sa.UniqueConstraint('operation_uuid', 'name', name='uq_operation_step_name'),
        mysql_charset='utf8mb4',
        mysql_engine='InnoDB',
    )
    op.create_table(
        'nodegroup',
        sa.Column('uuid', sa.String(length=36), nullable=False),
        sa.Column('bay_uuid', sa.String(length=36), nullable=False),
        sa.Column('project_id', sa.String(length=255), nullable=True),
        sa.Column('name', NAME, nullable=False),
        sa.Column('role', sa.String(length=255), nullable=False),
        sa.Column('is_default', sa.Boolean(), nullable=False),
        sa.Column('image_id', sa.String(length=255), nullable=True),
        sa.Column('flavor_id', sa.String(length=255), nullable=True),
        sa.Column('docker_volume_size', sa.Integer(), nullable=True),
        sa.Column('labels', sa.JSON(), nullable=False),
        sa.Column('node_labels', sa.JSON(), nullable=False),
        sa.Column('node_taints', sa.JSON(), nullable=False),
        sa.Column('node_count', sa.Integer(), nullable=False),
        sa.Column('min_node_count', sa.Integer(), nullable=False),
        sa.Column('max_node_count', sa.Integer(), nullable=True),
        sa.Column('node_addresses', sa.JSON(), nullable=False),
        sa.Column('stack_id', sa.String(length=255), nullable=True),
        sa.Column('status', sa.String(length=20), nullable=True),
        sa.Column('status_reason', sa.Text(), nullable=True),
        sa.Column('version', sa.String(length=20), nullable=True),
        sa.Column('generation', sa.Integer(), nullable=False),
        sa.Column('id', BIG_INT, autoincrement=True, nullable=False),
        sa.Column('created_at', UTCDateTime(), nullable=False),
        sa.Column('updated_at', UTCDateTime(), nullable=True),
        sa.ForeignKeyConstraint(['bay_uuid'], ['bay.uuid'], ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('id'),
        sa.UniqueConstraint('bay_uuid', 'name', name='uq_nodegroup_bay_name'),
        sa.UniqueConstraint('uuid'),
        mysql_charset='utf8mb4',
        mysql_engine='InnoDB',
    )
