"""A Swarm bay of three managers and two workers: losses that it outlives."""

import time
from collections.abc import Iterator

import pytest

from tests.functional.conftest import wait_until
from tests.functional.people import Person
from tests.nodes import bays
from tests.nodes.bays import Bay
from tests.nodes.docker import Docker
from tests.nodes.watch import Watch
from tools.devcloud import settings
from tools.nodes import workload
from tools.nodes.machine import Machine

#: Seconds for which a worker's container may not answer, on a busy machine.
LONGEST = 5.0
_NODES = ('node', 'ls', '--format', '{{.Hostname}} {{.Status}} {{.ManagerStatus}}')


@pytest.fixture(scope='module')
def bay(alice: Person) -> Iterator[Bay]:
    with bays.completed(
        alice, 'nodes-managers', 'swarm', master_count=3, node_count=2,
        labels={'node_ports_allowed_cidrs': f'{settings.EXTERNAL_ADDRESSES[1]}/32'},
    ) as made:
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


def test_managers_are_replaced_while_the_workers_serve(bay: Bay, client: Docker) -> None:
    """Each in turn, the leader among them; their addresses stay."""
    managers, workers = bay.machines('master'), bay.machines('node')
    addresses = [bays.address(each) for each in managers]
    for each in workers:
        workload.bring(each)
    client(*workload.service('web', '--constraint', 'node.role==worker'))

    def are_served() -> bool:
        return all(workload.answer(bays.address(each)) == each.facts.name for each in workers)

    wait_until(are_served)
    with Watch(are_served) as watch:
        bay.renew_masters()
        bay.complete('UPDATE_COMPLETE')
    print(f'longest without an answer of all workers: {watch.longest:.1f} s')
    now = bay.machines('master')
    assert not bays.ids(managers) & bays.ids(now)
    assert [bays.address(each) for each in now] == addresses
    assert bays.ids(bay.machines('node')) == bays.ids(workers)
    assert is_whole(bay, client)
    assert watch.longest < LONGEST
