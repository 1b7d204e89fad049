"""Migrations of the schema, by alembic."""
