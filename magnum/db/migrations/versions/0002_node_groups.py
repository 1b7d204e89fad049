"""Further node groups, operations that are tried again, idempotency keys."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

from magnum.db.types import UTCDateTime

revision = '0002'
down_revision = '0001'

BIG_INT = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
LONG_TEXT = sa.Text().with_variant(mysql.MEDIUMTEXT(), 'mysql', 'mariadb')
NAME = sa.String(255).with_variant(
    mysql.VARCHAR(255, charset='utf8mb4', collation='utf8mb4_bin'), 'mysql', 'mariadb'
)


def upgrade() -> None:
    """Add what an older release can run without."""
    op.add_column('nodegroup', sa.Column('template_version', sa.String(length=255), nullable=True))
    op.add_column(
        'nodegroup', sa.Column('revision', sa.Integer(), nullable=False, server_default='0')
    )
    op.add_column('operation', sa.Column('retries', sa.String(length=36), nullable=True))
    op.create_table(
        'idempotency_key',
        sa.Column('owner', sa.String(length=64), nullable=False),
        sa.Column('key', NAME, nullable=False),
        sa.Column('request', sa.String(length=64), nullable=False),
        sa.Column('status', sa.Integer(), nullable=False),
        sa.Column('headers', sa.JSON(), nullable=False),
        sa.Column('document', LONG_TEXT, nullable=False),
        sa.Column('id', BIG_INT, autoincrement=True, nullable=False),
        sa.Column('created_at', UTCDateTime(), nullable=False),
        sa.Column('updated_at', UTCDateTime(), nullable=True),
        sa.PrimaryKeyConstraint('id'),
        sa.UniqueConstraint('owner', 'key', name='uq_idempotency_key_owner'),
        mysql_charset='utf8mb4',
        mysql_engine='InnoDB',
    )
    op.create_index('ix_idempotency_key_created', 'idempotency_key', ['created_at'])
