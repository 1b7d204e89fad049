"""Whose project a request of an operation came from: an administrator's is another one."""

import sqlalchemy as sa
from alembic import op

revision = '0003'
down_revision = '0002'


def upgrade() -> None:
    """Add what an older release can run without."""
    op.add_column(
        'operation', sa.Column('requester_project_id', sa.String(length=255), nullable=True)
    )
