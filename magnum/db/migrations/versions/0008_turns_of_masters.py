"""What masters were given in a rotation of the authority, one of them at a time."""

import sqlalchemy as sa
from alembic import op

revision = '0008'
down_revision = '0007'


def upgrade() -> None:
    """Add what an older release can run without."""
    op.add_column(
        'node_trust',
        sa.Column('offered', sa.String(length=64), nullable=False, server_default=''),
    )
