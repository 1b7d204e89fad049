"""The database that tests run on: SQLite, or the one that the environment names."""

import os
import pathlib

from magnum.db import models
from magnum.db.engine import Database

#: A database to use instead of SQLite: its tables are emptied.
VARIABLE = 'MAGNUM_TEST_DATABASE'


def url(directory: pathlib.Path) -> str:
    """Where this test's rows go."""
    return os.environ.get(VARIABLE) or f'sqlite:///{directory}/magnum.sqlite'


def empty(database: Database) -> None:
    """Make the tables where there are none, and empty them."""
    models.Base.metadata.create_all(database.engine)
    with database.writing() as session:
        for table in reversed(models.Base.metadata.sorted_tables):
            session.execute(table.delete())
