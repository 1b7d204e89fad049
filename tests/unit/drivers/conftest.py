"""A node whose agent the tests run, and the service that it talks to."""

import pathlib
from collections.abc import Iterator

import pytest

from magnum.drivers.common.node.agent.node import Node
from tests.unit.drivers import agents
from tests.unit.drivers.agents import Service


@pytest.fixture
def service() -> Iterator[Service]:
    with agents.serve() as made:
        yield made


@pytest.fixture
def node(tmp_path: pathlib.Path, service: Service, monkeypatch: pytest.MonkeyPatch) -> Node:
    """One that has registered."""
    return agents.registered(tmp_path, service, monkeypatch)
