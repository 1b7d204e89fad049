"""Alembic's entry: the connection comes from the caller, never from a file."""

from alembic import context

from magnum.db import models

connection = context.config.attributes['connection']
context.configure(
    connection=connection,
    target_metadata=models.Base.metadata,
    compare_type=True,
    render_as_batch=connection.dialect.name == 'sqlite',
)
with context.begin_transaction():
    context.run_migrations()
