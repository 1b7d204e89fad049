"""A Swarm bay that heals itself: a worker that is cut off, and a manager without power."""

import pathlib
import time
from collections.abc import Iterator

import pytest

from tests.functional.conftest import wait_until
from tests.functional.people import Person
from tests.nodes import bays, docker
from tests.nodes.bays import Bay
from tools.nodes.cloud import Cloud


@pytest.fixture(scope='module')
def bay(healing: None, alice: Person) -> Iterator[Bay]:
    with bays.completed(
        alice, 'nodes-healed', 'swarm', master_count=3, node_count=2,
        labels={'auto_healing_enabled': 'true'},
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


def test_a_manager_that_loses_its_power_is_replaced(bay: Bay, tmp_path: pathlib.Path) -> None:
    """It alone; its address stays, and the swarm has no manager that is down."""
    managers, workers = bay.machines('master'), bay.machines('node')
    lost, *others = managers
    client = docker.configured(bay.person, bay.uuid, tmp_path / 'files').at(
        bays.address(others[0])
    )
    lost.power_off()

    began = time.monotonic()
    wait_until(lambda: lost.facts.name in bay.events()['bay.node.replaced'], 240)
    bay.complete('UPDATE_COMPLETE')
    print(f'replaced {time.monotonic() - began:.0f} s after it lost its power')

    now = bay.machines('master')
    assert bays.ids(managers) - bays.ids(now) == {lost.facts.id}
    assert bays.ids(others) < bays.ids(now)
    assert [bays.address(each) for each in now] == [bays.address(each) for each in managers]
    assert bays.ids(bay.machines('node')) == bays.ids(workers)
    rows = client('node', 'ls', '--format', '{{.Hostname}} {{.Status}} {{.ManagerStatus}}')
    states = sorted(row.split()[1:] for row in rows.splitlines())
    assert states == [
        ['Ready'], ['Ready'], ['Ready', 'Leader'], ['Ready', 'Reachable'], ['Ready', 'Reachable'],
    ]
    operation = bay.person.get(f'/operations/{bay.operations()[-1]}')
    assert (operation['verb'], operation['requester']['user_id']) == ('upgrade', None)


def test_it_is_left_alone_afterwards(bay: Bay) -> None:
    before = bay.operations()
    time.sleep(90)
    assert bay.operations() == before
    assert bay.document()['health_status'] == 'HEALTHY'
