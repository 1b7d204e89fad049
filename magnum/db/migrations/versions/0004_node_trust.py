"""Which nodes follow the authorities of their bay, and how far they came."""

import sqlalchemy as sa
from alembic import op

from magnum.db.types import UTCDateTime

revision = '0004'
down_revision = '0003'

BIG_INT = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    """Add what an older release can run without."""
    op.add_column(
        'issued_certificate', sa.Column('public_key', sa.String(length=64), nullable=True)
    )
    op.create_index(
        'ix_issued_certificate_to', 'issued_certificate', ['bay_uuid', 'issued_to']
    )
    op.create_table(
        'node_trust',
        sa.Column('bay_uuid', sa.String(length=36), nullable=False),
        sa.Column('node', sa.String(length=255), nullable=False),
        sa.Column('bundle', sa.String(length=64), nullable=False),
        sa.Column('id', BIG_INT, autoincrement=True, nullable=False),
        sa.Column('created_at', UTCDateTime(), nullable=False),
        sa.Column('updated_at', UTCDateTime(), nullable=True),
        sa.PrimaryKeyConstraint('id'),
        sa.UniqueConstraint('bay_uuid', 'node', name='uq_node_trust_node'),
        mysql_charset='utf8mb4',
        mysql_engine='InnoDB',
    )
