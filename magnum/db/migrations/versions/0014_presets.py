"""Labels that options of the operator's stood for when bays were made."""

import sqlalchemy as sa
from alembic import op

revision = '0014'
down_revision = '0013'


def upgrade() -> None:
    """Add what an older release can run without: it has no such options."""
    op.add_column('bay', sa.Column('presets', sa.JSON(), nullable=True))
