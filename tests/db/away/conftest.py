"""A gateway between the service and its database, where that is a server."""

import pathlib
from collections.abc import Iterator

import pytest

from tests import databases
from tests.fakes.gateway import Gateway
from tests.operations.conftest import world as world

#: SQLite is never away.
collect_ignore = [] if databases.is_remote() else [
    'test_first_connection.py', 'test_requests.py', 'test_workers.py',
]


@pytest.fixture
def gateway(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    """All that comes later in the test goes through it."""
    gateway, url = Gateway.to_database(databases.url(tmp_path))
    monkeypatch.delenv('PYTEST_XDIST_WORKER', raising=False)    # the URL has it already
    monkeypatch.setenv(databases.VARIABLE, url)
    yield gateway
    gateway.close()
