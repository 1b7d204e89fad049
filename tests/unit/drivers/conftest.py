"""What tests of this folder share: a node, the service of its agent, and masters."""

import pathlib
from collections.abc import Iterator

import pytest

from magnum.drivers.common.node.agent.node import Node
from tests.unit.drivers import agents
from tests.unit.drivers.agents import Service
from tests.unit.drivers.masters import Cluster, Master


@pytest.fixture
def service() -> Iterator[Service]:
    with agents.serve() as made:
        yield made


@pytest.fixture
def node(tmp_path: pathlib.Path, service: Service, monkeypatch: pytest.MonkeyPatch) -> Node:
    """One that has registered."""
    return agents.registered(tmp_path, service, monkeypatch)


@pytest.fixture
def cluster(tmp_path: pathlib.Path) -> Cluster:
    return Cluster(tmp_path)


@pytest.fixture
def master(cluster: Cluster) -> Master:
    return Master(cluster)
