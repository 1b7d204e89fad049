"""Files that nodes fetch."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

from magnum.db.types import UTCDateTime

revision = '0013'
down_revision = '0012'

BIG_INT = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
LONG_BYTES = sa.LargeBinary().with_variant(mysql.MEDIUMBLOB(), 'mysql', 'mariadb')


def upgrade() -> None:
    """Add what an older release can run without: user data of its nodes has all files."""
    op.create_table(
        'node_archive',
        sa.Column('digest', sa.String(length=64), nullable=False),
        sa.Column('content', LONG_BYTES, nullable=False),
        sa.Column('id', BIG_INT, autoincrement=True, nullable=False),
        sa.Column('created_at', UTCDateTime(), nullable=False),
        sa.Column('updated_at', UTCDateTime(), nullable=True),
        sa.PrimaryKeyConstraint('id'),
        sa.UniqueConstraint('digest', name='uq_node_archive_digest'),
        mysql_charset='utf8mb4',
        mysql_engine='InnoDB',
    )
