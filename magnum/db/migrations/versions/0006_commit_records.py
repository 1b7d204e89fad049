"""Which transactions were committed, for as long as their answer may be missed."""

import sqlalchemy as sa
from alembic import op

revision = '0006'
down_revision = '0005'


def upgrade() -> None:
    """Add what an older release can run without."""
    op.create_table(
        'commit_record',
        sa.Column('key', sa.String(length=32), nullable=False),
        sa.Column('is_committed', sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint('key'),
        mysql_charset='utf8mb4',
        mysql_engine='InnoDB',
    )
