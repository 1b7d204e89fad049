"""What nodes report of themselves, what it comes to for their bay, and directives."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

from magnum.db.types import UTCDateTime

revision = '0009'
down_revision = '0008'

BIG_INT = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
NAME = sa.String(length=255).with_variant(
    mysql.VARCHAR(length=255, charset='utf8mb4', collation='utf8mb4_bin'), 'mysql', 'mariadb'
)
OF_NODES = (
    ('signing_key', sa.String(length=255)),
    ('state', sa.String(length=20)),
    ('step', sa.String(length=64)),
    ('position', sa.Integer()),
    ('steps', sa.Integer()),
    ('lines', sa.JSON()),
    ('conditions', sa.JSON()),
    ('versions', sa.JSON()),
    ('trusts', sa.String(length=64)),
    ('sequence', sa.BigInteger()),
    ('said', sa.String(length=64)),
    ('heard_at', UTCDateTime()),
    ('noted', sa.JSON()),
)


def upgrade() -> None:
    """Add what an older release can run without: its nodes report nothing."""
    for name, kind in OF_NODES:
        op.add_column('node', sa.Column(name, kind, nullable=True))
    for name in ('is_silent', 'is_changed'):
        op.add_column(
            'node', sa.Column(name, sa.Boolean(), nullable=False, server_default=sa.false())
        )
    op.create_index('ix_node_changed', 'node', ['is_changed', 'bay_uuid'])
    op.create_index('ix_node_heard', 'node', ['is_silent', 'heard_at'])
    op.add_column('bay', sa.Column('conditions', sa.JSON(), nullable=True))
    op.create_table(
        'directive',
        sa.Column('uuid', sa.String(length=36), nullable=False),
        sa.Column('bay_uuid', sa.String(length=36), nullable=False),
        sa.Column('operation_uuid', sa.String(length=36), nullable=False),
        sa.Column('role', sa.String(length=32), nullable=False),
        sa.Column('node', NAME, nullable=False),
        sa.Column('verb', sa.String(length=32), nullable=False),
        sa.Column('parameters', sa.JSON(), nullable=False),
        sa.Column('outcome', sa.String(length=20), nullable=True),
        sa.Column('lines', sa.JSON(), nullable=True),
        sa.Column('id', BIG_INT, autoincrement=True, nullable=False),
        sa.Column('created_at', UTCDateTime(), nullable=False),
        sa.Column('updated_at', UTCDateTime(), nullable=True),
        sa.PrimaryKeyConstraint('id'),
        sa.UniqueConstraint('uuid'),
        mysql_charset='utf8mb4',
        mysql_engine='InnoDB',
    )
    op.create_index('ix_directive_node', 'directive', ['bay_uuid', 'role', 'node'])
    op.create_index('ix_directive_operation', 'directive', ['operation_uuid'])
