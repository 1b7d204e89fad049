"""Whether what a bay's cluster knows outlives the servers of its masters."""

import sqlalchemy as sa
from alembic import op

revision = '0018'
down_revision = '0017'


def upgrade() -> None:
    """Add what an older release can run without: of bays that there are it is not known."""
    op.add_column('bay', sa.Column('is_lasting', sa.Boolean(), nullable=True))
