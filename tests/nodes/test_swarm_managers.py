"""A Swarm bay of three managers and two workers: losses that it outlives."""

import time
from collections.abc import Iterator

import pytest

from tests.functional.conftest import wait_until
from tests.functional.people import Person
from tests.nodes import bays
from tests.nodes.bays import Bay
from tests.nodes.docker import Docker
from tools.nodes.machine import Machine

_NODES = ('node', 'ls', '--format', '{{.Hostname}} {{.Status}} {{.ManagerStatus}}')


@pytest.fixture(scope='module')
def bay(alice: Person) -> Iterator[Bay]:
    with bays.completed(alice, 'nodes-managers', 'swarm', master_count=3, node_count=2) as made:
        yield made


def is_whole(bay: Bay, client: Docker) -> bool:
    """Whether a manager sees all nodes, all ready, and who leads."""
    done = client.run(*_NODES)
    rows = [row.split() for row in done.stdout.decode().splitlines()]
    return (
        sorted(row[0] for row in rows) == sorted(each.facts.name for each in bay.machines())
        and sorted(row[1:] for row in rows) == [
            ['Ready'], ['Ready'], ['Ready', 'Leader'], ['Ready', 'Reachable'],
            ['Ready', 'Reachable'],
        ]
    )


def leader(bay: Bay, client: Docker) -> Machine:
    (name,) = (
        row.split()[0] for row in client(*_NODES).splitlines() if row.endswith('Leader')
    )
    return next(each for each in bay.machines() if each.facts.name == name)


def test_five_nodes_are_one_swarm(bay: Bay, client: Docker) -> None:
    assert is_whole(bay, client)


def test_another_manager_leads_while_the_leader_is_off(bay: Bay, client: Docker) -> None:
    led = leader(bay, client)
    other = next(each for each in bay.machines('master') if each.facts.id != led.facts.id)
    beside = client.at(bays.address(other))
    bay.act(led, 'os-stop')
    wait_until(lambda: led.pid() is None)
    began = time.monotonic()
    wait_until(lambda: beside.run(*_NODES).stdout.count(b'Leader') == 1, seconds=60, every=0.2)
    assert leader(bay, beside).facts.id != led.facts.id
    assert time.monotonic() - began < 60
    bay.start(led)
    wait_until(lambda: is_whole(bay, beside))


def test_all_nodes_come_back_from_a_reboot_of_all_at_once(bay: Bay, client: Docker) -> None:
    before = {each.facts.id: each.leader() for each in bay.machines()}
    for each in bay.machines():
        bay.act(each, 'reboot', {'type': 'HARD'})
    wait_until(lambda: all(
        each.leader() not in (None, before[each.facts.id]) for each in bay.machines()
    ))
    wait_until(lambda: is_whole(bay, client))
