"""Fixtures of the tests that need more than a conversation."""

import pathlib
import warnings
from collections.abc import Iterator

import pytest

with warnings.catch_warnings():
    # WebOb imports the module cgi, which warns; the fault is not ours.
    warnings.simplefilter('ignore', DeprecationWarning)
    import webtest

from magnum.drivers.registry import Registry
from tests import databases
from tests.api.fixtures.service import Service

#: SQLite has no connection that breaks.
collect_ignore = [] if databases.is_remote() else ['test_lost_commits.py']


@pytest.fixture
def service(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> Iterator[Service]:
    is_whole = request.node.get_closest_marker('installed_drivers') is not None
    running = Service(tmp_path, Registry.from_entry_points() if is_whole else None)
    yield running
    running.stop()


@pytest.fixture
def client(service: Service) -> webtest.TestApp:
    return webtest.TestApp(service.application)
