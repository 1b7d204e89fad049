"""Several active operations of one bay, each of a node group of its own."""

from alembic import op

revision = '0012'
down_revision = '0011'


def upgrade() -> None:
    """Add what finds the active operations of a bay.

    Those of an older release have taken the whole bay, and keep it to their end.
    """
    op.create_index('ix_operation_active', 'operation', ['bay_uuid', 'active_for'])
