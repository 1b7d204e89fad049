"""Which tests there are on which database, and the database."""

import pathlib
from collections.abc import Iterator

import pytest

from magnum.db.engine import Database
from tests import databases

#: SQLite has no connection that breaks; others are asked for rows as they are.
collect_ignore = [
    *([] if databases.is_remote() else ['test_commits.py', 'test_connections.py']),
    *([] if databases.is_mariadb() else ['test_mariadb.py', 'test_selections.py']),
]


@pytest.fixture
def database(tmp_path: pathlib.Path) -> Iterator[Database]:
    made = databases.connect(databases.url(tmp_path))
    databases.empty(made)
    yield made
    made.close()
