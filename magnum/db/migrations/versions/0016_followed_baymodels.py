"""What node groups have of baymodels that their bays had before."""

import sqlalchemy as sa
from alembic import op

revision = '0016'
down_revision = '0015'


def upgrade() -> None:
    """Add what an older release can run without: it leaves it as it is."""
    op.add_column('nodegroup', sa.Column('followed', sa.JSON(), nullable=True))
