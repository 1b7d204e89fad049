"""When the application credentials of bays were last checked."""

import sqlalchemy as sa
from alembic import op

from magnum.db.types import UTCDateTime

revision = '0015'
down_revision = '0014'


def upgrade() -> None:
    """Add what an older release can run without: it checks none."""
    op.add_column('cloud_credential', sa.Column('checked_at', UTCDateTime(), nullable=True))
