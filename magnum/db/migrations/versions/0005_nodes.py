"""Nodes by role and name, with their keys; failures that were found elsewhere."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

from magnum.db.types import UTCDateTime

revision = '0005'
down_revision = '0004'

BIG_INT = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
NAME = sa.String(length=255).with_variant(
    mysql.VARCHAR(length=255, charset='utf8mb4', collation='utf8mb4_bin'), 'mysql', 'mariadb'
)


def upgrade() -> None:
    """Add what an older release can run without.

    Nodes of living bays get their row when they ask for something the next
    time, from the certificates on record: the cloud is not asked here.
    """
    op.create_table(
        'node',
        sa.Column('bay_uuid', sa.String(length=36), nullable=False),
        sa.Column('role', sa.String(length=32), nullable=False),
        sa.Column('name', NAME, nullable=False),
        sa.Column('operation_uuid', sa.String(length=36), nullable=True),
        sa.Column('server_id', sa.String(length=255), nullable=False),
        sa.Column('addresses', sa.JSON(), nullable=False),
        sa.Column('api_addresses', sa.JSON(), nullable=False),
        sa.Column('public_keys', sa.JSON(), nullable=False),
        sa.Column('id', BIG_INT, autoincrement=True, nullable=False),
        sa.Column('created_at', UTCDateTime(), nullable=False),
        sa.Column('updated_at', UTCDateTime(), nullable=True),
        sa.PrimaryKeyConstraint('id'),
        sa.UniqueConstraint('bay_uuid', 'role', 'name', name='uq_node_name'),
        mysql_charset='utf8mb4',
        mysql_engine='InnoDB',
    )
    op.add_column('operation', sa.Column('found_failure', sa.JSON(), nullable=True))
    op.add_column(
        'node_trust',
        sa.Column('role', sa.String(length=32), nullable=False, server_default='worker'),
    )
    with op.batch_alter_table('node_trust') as table:
        table.drop_constraint('uq_node_trust_node', type_='unique')
        table.create_unique_constraint('uq_node_trust_node', ['bay_uuid', 'role', 'node'])
    _set_roles()


def _set_roles() -> None:
    """Masters, of bays in a rotation: by the certificates that they hold."""
    trust = sa.table(
        'node_trust', sa.column('id'), sa.column('bay_uuid'), sa.column('node'), sa.column('role')
    )
    issued = sa.table('issued_certificate', sa.column('bay_uuid'), sa.column('issued_to'))
    connection = op.get_bind()
    for row in connection.execute(sa.select(trust)).all():
        as_master = sa.select(issued.c.issued_to).where(
            issued.c.bay_uuid == row.bay_uuid, issued.c.issued_to.like(f'master/{row.node}/%')
        )
        if connection.execute(as_master.limit(1)).first() is not None:
            connection.execute(
                sa.update(trust).where(trust.c.id == row.id).values(role='master')
            )
