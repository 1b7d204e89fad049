"""Application credentials of bays, for one of their purposes each."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

from magnum.db.types import UTCDateTime

revision = '0017'
down_revision = '0016'

BIG_INT = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
LONG_TEXT = sa.Text().with_variant(mysql.MEDIUMTEXT(), 'mysql', 'mariadb')


def upgrade() -> None:
    """Add what an older release can run without: its bays have one for all purposes."""
    op.create_table(
        'purpose_credential',
        sa.Column('bay_uuid', sa.String(length=36), nullable=False),
        sa.Column('generation', sa.Integer(), nullable=False),
        sa.Column('purpose', sa.String(length=64), nullable=False),
        sa.Column('name', sa.String(length=255), nullable=False),
        sa.Column('sealed_secret', LONG_TEXT, nullable=False),
        sa.Column('credential_id', sa.String(length=255), nullable=True),
        sa.Column('id', BIG_INT, autoincrement=True, nullable=False),
        sa.Column('created_at', UTCDateTime(), nullable=False),
        sa.Column('updated_at', UTCDateTime(), nullable=True),
        sa.PrimaryKeyConstraint('id'),
        sa.UniqueConstraint(
            'bay_uuid', 'generation', 'purpose', name='uq_purpose_credential_purpose'
        ),
        mysql_charset='utf8mb4',
        mysql_engine='InnoDB',
    )
