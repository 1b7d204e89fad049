"""Schema versions, by alembic."""

import pathlib

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from magnum.db.engine import Database

_FOLDER = pathlib.Path(__file__).parent / 'migrations'


def config() -> Config:
    """Where the migrations are."""
    config = Config()
    config.set_main_option('script_location', str(_FOLDER))
    return config


def upgrade(database: Database, revision: str = 'head') -> None:
    """Bring the schema to ``revision``."""
    alembic = config()
    with database.engine.begin() as connection:
        alembic.attributes['connection'] = connection
        command.upgrade(alembic, revision)


def stamp(database: Database, revision: str) -> None:
    """Say that the schema is at ``revision`` without changing it."""
    alembic = config()
    with database.engine.begin() as connection:
        alembic.attributes['connection'] = connection
        command.stamp(alembic, revision)


def version(database: Database) -> str | None:
    """The schema's revision, None for an empty database."""
    with database.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def newest() -> str | None:
    """The revision that this release works with."""
    return ScriptDirectory.from_config(config()).get_current_head()


def is_known(revision: str | None) -> bool:
    """Whether this release has the migrations up to ``revision``; a later one may not be."""
    known = ScriptDirectory.from_config(config()).walk_revisions()
    return revision is None or any(script.revision == revision for script in known)


def revision(database: Database, message: str, autogenerate: bool) -> None:
    """Write a new migration; for developers."""
    alembic = config()
    with database.engine.begin() as connection:
        alembic.attributes['connection'] = connection
        command.revision(alembic, message=message, autogenerate=autogenerate)
