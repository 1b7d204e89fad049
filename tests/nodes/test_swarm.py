"""A Swarm bay of one manager and one worker on real machines, from nothing on."""

import pathlib
from collections.abc import Iterator

import pytest

from tests.functional.people import Person
from tests.nodes import bays, docker
from tests.nodes.bays import Bay
from tests.nodes.docker import Docker
from tools.nodes.machine import Machine

_NODES = ('node', 'ls', '--format', '{{.Hostname}} {{.Status}} {{.ManagerStatus}}')


@pytest.fixture(scope='module')
def bay(alice: Person) -> Iterator[Bay]:
    made = bays.create(alice, 'nodes-swarm', 'swarm', node_count=1)
    yield made
    made.delete()


@pytest.fixture(scope='module')
def client(bay: Bay, tmp_path_factory: pytest.TempPathFactory) -> Docker:
    return docker.configured(bay.person, bay.uuid, tmp_path_factory.mktemp('docker') / 'files')


def names(machines: list[Machine]) -> set[str]:
    return {each.facts.name for each in machines}


def test_the_bay_is_complete_when_its_swarm_is(bay: Bay, client: Docker) -> None:
    rows = [row.split() for row in client(*_NODES).splitlines()]
    assert {row[0] for row in rows} == names(bay.machines())
    assert sorted(row[1:] for row in rows) == [['Ready'], ['Ready', 'Leader']]


def test_none_gets_in_without_a_certificate(client: Docker) -> None:
    with pytest.raises(docker.Refused, match=r'bad certificate|certificate required'):
        docker.handshake(client.host, client.folder / 'ca.pem', None)


def test_none_gets_in_with_a_foreign_certificate(client: Docker, tmp_path: pathlib.Path) -> None:
    foreign = docker.self_signed(tmp_path, 'alice')
    with pytest.raises(docker.Refused, match=r'bad certificate|unknown ca'):
        docker.handshake(client.host, client.folder / 'ca.pem', foreign)
    # The bay's own gets in by the same means.
    docker.handshake(client.host, client.folder / 'ca.pem', client.folder)
