"""A Swarm bay of one manager that comes to have three, and one again."""

from collections.abc import Iterator
from typing import Final

import pytest

from tests.functional.conftest import wait_until
from tests.functional.people import Person
from tests.nodes import bays
from tests.nodes.bays import Bay
from tests.nodes.docker import Docker
from tests.nodes.watch import Watch
from tools.devcloud import settings
from tools.nodes import workload

#: Seconds for which a worker's container may not answer, on a busy machine.
LONGEST: Final = 5.0
_MANAGERS: Final = (
    'node', 'ls', '--filter', 'role=manager', '--format', '{{.Hostname}} {{.ManagerStatus}}',
)


@pytest.fixture(scope='module')
def bay(alice: Person) -> Iterator[Bay]:
    with bays.completed(
        alice, 'nodes-count', 'swarm', master_count=1, node_count=1,
        labels={'node_ports_allowed_cidrs': f'{settings.EXTERNAL_ADDRESSES[1]}/32'},
    ) as made:
        yield made


def managers(bay: Bay, client: Docker) -> list[str]:
    """What the managers are, if they are those of the bay; one that only joins cannot say."""
    rows = sorted(row.split() for row in client.run(*_MANAGERS).stdout.decode().splitlines())
    if [row[0] for row in rows] != [each.facts.name for each in bay.machines('master')]:
        return []
    return sorted(row[-1] for row in rows)


def test_one_becomes_three_and_one_again(bay: Bay, client: Docker) -> None:
    """What runs on the worker is answered throughout."""
    first, workers = bay.machines('master'), bay.machines('node')
    for each in workers:
        workload.bring(each)
    client(*workload.service('web', '--constraint', 'node.role==worker'))

    def is_served() -> bool:
        return all(workload.answer(bays.address(each)) == each.facts.name for each in workers)

    wait_until(is_served)
    with Watch(is_served) as watch:
        bay.resize_masters(3)
        assert bays.ids(first) < bays.ids(bay.machines('master'))
        assert managers(bay, client) == ['Leader', 'Reachable', 'Reachable']
        # One of those that go leads.
        beside = client.at(bays.address(bay.machines('master')[2]))
        name = first[0].facts.name
        beside('node', 'demote', name)
        wait_until(lambda: beside.run('node', 'promote', name).returncode == 0)
        wait_until(lambda: managers(bay, client) == ['Leader', 'Reachable', 'Reachable'])
        bay.resize_masters(1)
    print(f'longest without an answer of the worker: {watch.longest:.1f} s')
    assert bays.ids(bay.machines('master')) == bays.ids(first)
    assert bays.ids(bay.machines('node')) == bays.ids(workers)
    assert managers(bay, client) == ['Leader']
    assert len(client('node', 'ls', '--quiet').split()) == 2
    assert watch.longest < LONGEST
