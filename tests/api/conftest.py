"""Fixtures of the tests that need more than a conversation."""

import pathlib
import warnings
from collections.abc import Iterator

import pytest

with warnings.catch_warnings():
    # WebOb imports the module cgi, which warns; the fault is not ours.
    warnings.simplefilter('ignore', DeprecationWarning)
    import webtest

from tests import databases
from tests.api.fixtures.service import Service

#: SQLite has no connection that breaks.
collect_ignore = [] if databases.is_remote() else ['test_lost_commits.py']


@pytest.fixture
def service(tmp_path: pathlib.Path) -> Iterator[Service]:
    running = Service(tmp_path)
    yield running
    running.stop()


@pytest.fixture
def client(service: Service) -> webtest.TestApp:
    return webtest.TestApp(service.application)
