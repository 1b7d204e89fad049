"""No key pairs of the service's own: they were made for every bay, and nobody used them."""

import sqlalchemy as sa
from alembic import op

revision = '0007'
down_revision = '0006'


def upgrade() -> None:
    """Remove what an older release makes again and does not need."""
    pairs = sa.table('key_pair', sa.column('purpose'))
    op.execute(sa.delete(pairs).where(pairs.c.purpose == 'service'))
