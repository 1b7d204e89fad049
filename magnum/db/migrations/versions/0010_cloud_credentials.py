"""Application credentials of bays, for their masters."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

from magnum.db.types import UTCDateTime

revision = '0010'
down_revision = '0009'

BIG_INT = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
LONG_TEXT = sa.Text().with_variant(mysql.MEDIUMTEXT(), 'mysql', 'mariadb')


def upgrade() -> None:
    """Add what an older release can run without: its bays have none."""
    op.create_table(
        'cloud_credential',
        sa.Column('bay_uuid', sa.String(length=36), nullable=False),
        sa.Column('generation', sa.Integer(), nullable=False),
        sa.Column('name', sa.String(length=255), nullable=False),
        sa.Column('sealed_secret', LONG_TEXT, nullable=False),
        sa.Column('credential_id', sa.String(length=255), nullable=True),
        sa.Column('access', sa.JSON(), nullable=True),
        sa.Column('id', BIG_INT, autoincrement=True, nullable=False),
        sa.Column('created_at', UTCDateTime(), nullable=False),
        sa.Column('updated_at', UTCDateTime(), nullable=True),
        sa.PrimaryKeyConstraint('id'),
        sa.UniqueConstraint('bay_uuid', 'generation', name='uq_cloud_credential_generation'),
        mysql_charset='utf8mb4',
        mysql_engine='InnoDB',
    )
