"""A Swarm bay that heals itself: the network of a worker is cut, and the worker replaced."""

import pathlib
import time
from collections.abc import Iterator

import pytest

from tests.functional import magnum_service
from tests.functional.conftest import wait_until
from tests.functional.people import Person
from tests.nodes import bays, docker
from tests.nodes.bays import Bay
from tools.nodes.cloud import Cloud

_NODES = '[nodes]\nsilent_after = 45\nheal_after = 20\n'


@pytest.fixture(scope='module')
def healing(magnum: magnum_service.Process, url: str) -> Iterator[None]:
    """The service does not wait for long."""
    with magnum_service.restarted(magnum, _NODES, url):
        yield


@pytest.fixture(scope='module')
def bay(healing: None, alice: Person) -> Iterator[Bay]:
    with bays.completed(
        alice, 'nodes-healed', 'swarm', node_count=2, labels={'auto_healing_enabled': 'true'}
    ) as made:
        yield made


def test_a_worker_that_is_cut_off_is_replaced(bay: Bay, tmp_path: pathlib.Path) -> None:
    client = docker.configured(bay.person, bay.uuid, tmp_path / 'files')
    lost, stays = bay.machines('node')
    servers = {each.facts.id for each in bay.machines()}
    Cloud().switch(lost.facts.port, False)

    wait_until(lambda: 'bay.node.silent' in bay.events(), 120)
    assert lost.facts.name in bay.events()['bay.node.silent']
    wait_until(lambda: 'bay.node.replaced' in bay.events(), 90)
    assert lost.facts.name in bay.events()['bay.node.replaced']
    bay.complete('UPDATE_COMPLETE')

    now = {each.facts.id for each in bay.machines()}
    assert servers - now == {lost.facts.id}
    assert stays.facts.id in now
    rows = client('node', 'ls', '--format', '{{.Hostname}} {{.Status}}').splitlines()
    assert sorted(rows) == sorted(f'{each.facts.name} Ready' for each in bay.machines())
    operation = bay.person.get(f'/operations/{bay.operations()[-1]}')
    assert (operation['verb'], operation['requester']['user_id']) == ('resize', None)


def test_it_is_left_alone_afterwards(bay: Bay) -> None:
    before = bay.operations()
    time.sleep(90)
    assert bay.operations() == before
    assert bay.document()['health_status'] == 'HEALTHY'
