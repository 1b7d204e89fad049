"""Fixtures of the tests that need more than a conversation."""

import pathlib
import warnings
from collections.abc import Iterator

import pytest

with warnings.catch_warnings():
    # WebOb imports the module cgi, which warns; the fault is not ours.
    warnings.simplefilter('ignore', DeprecationWarning)
    import webtest

from tests.api.fixtures.service import Service

_HERE = pathlib.Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # openstacksdk warns of what openstacksdk itself does.
    ignored = pytest.mark.filterwarnings('ignore::openstack.warnings.RemovedInSDK50Warning')
    for item in items:
        if _HERE in item.path.parents:
            item.add_marker(ignored)


@pytest.fixture
def service(tmp_path: pathlib.Path) -> Iterator[Service]:
    running = Service(tmp_path)
    yield running
    running.stop()


@pytest.fixture
def client(service: Service) -> webtest.TestApp:
    return webtest.TestApp(service.application)
