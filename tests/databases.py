"""The database that tests run on: SQLite, or the one that the environment names."""

import os
import pathlib

from magnum.db import models
from magnum.db.engine import Database

#: A database to use instead of SQLite: its tables are emptied.
VARIABLE = 'MAGNUM_TEST_DATABASE'
NAME = 'magnum_tests'


def is_remote() -> bool:
    """Whether it is a server, with connections that may break."""
    return VARIABLE in os.environ


def url(directory: pathlib.Path) -> str:
    """Where this test's rows go: parallel workers each have a database."""
    named = os.environ.get(VARIABLE)
    if named is None:
        return f'sqlite:///{directory}/magnum.sqlite'
    worker = os.environ.get('PYTEST_XDIST_WORKER')
    return named.replace(NAME, f'{NAME}_{worker}') if worker else named


def empty(database: Database) -> None:
    """Make the tables where there are none, and empty them."""
    models.Base.metadata.create_all(database.engine)
    with database.writing() as session:
        for table in reversed(models.Base.metadata.sorted_tables):
            session.execute(table.delete())
