"""What bays keep of their first baymodel in upgrades."""

import sqlalchemy as sa
from alembic import op

revision = '0011'
down_revision = '0010'


def upgrade() -> None:
    """Add what an older release can run without: bays have kept nothing yet."""
    op.add_column('bay', sa.Column('kept', sa.JSON(), nullable=True))
