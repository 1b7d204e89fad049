"""A Kubernetes bay with a single master, whose etcd has a volume: it outlives that master."""

import pathlib
import time
from collections.abc import Iterator
from typing import Final

import pytest

from tests.functional.conftest import wait_until
from tests.functional.people import Person
from tests.nodes import bays, kubernetes
from tests.nodes.bays import Bay
from tests.nodes.kubectl import Kubectl
from tests.nodes.watch import Watch
from tools.nodes.kubernetes.labels import bay_labels
from tools.nodes.machine import Machine
from tools.nodes.workload import answer

LABELS: Final = {'etcd_volume_size': '1', 'auto_healing_enabled': 'true'}
SNAPSHOTS: Final = '/var/lib/magnum-etcd/snapshots'
#: Seconds for which the workload may not answer: it needs no master.
LONGEST_OF_WORKLOAD: Final = 5.0


@pytest.fixture(scope='module')
def bay(
    healing: None, alice: Person, programs: pathlib.Path, downloads: str
) -> Iterator[Bay]:
    made = kubernetes.create(alice, 'nodes-only', programs, downloads, LABELS, node_count=1)
    yield made
    made.delete()


@pytest.fixture(scope='module')
def client(client_of_web: Kubectl) -> Kubectl:
    client_of_web('create', 'secret', 'generic', 'kept', '--from-literal=a=b')
    return client_of_web


def snapshots(master: Machine) -> list[str]:
    return bays.run(master, 'ls', SNAPSHOTS).stdout.split()


def check_cluster(bay: Bay, client: Kubectl, containers: set[str]) -> None:
    """All that there was is there, and works."""
    kubernetes.ready(client, 2)
    assert client('get', 'secret', 'kept', '--output', 'jsonpath={.data.a}') == 'Yg=='
    assert kubernetes.containers(client) == containers
    client('create', 'configmap', f'later-{time.monotonic_ns()}')
    kubernetes.all_answer(bay, client, 1)
    wait_until(lambda: bay.document()['health_status'] == 'HEALTHY', 120)


def test_an_upgrade_replaces_it(
    bay: Bay, client: Kubectl, programs: pathlib.Path, downloads: str
) -> None:
    """By one of another flavor, with all that etcd had; what runs on workers goes on."""
    (before,), (worker,) = bay.machines('master'), bay.machines('node')
    containers = kubernetes.containers(client)

    def is_answered() -> bool:
        return client.run('get', '--raw=/readyz', '--request-timeout=3s').returncode == 0

    def is_replaced() -> bool:
        return bays.ids([before]).isdisjoint(bays.ids(bay.machines('master')))

    def works() -> bool:
        return answer(bays.address(worker), kubernetes.NODE_PORT) is not None

    with Watch(is_answered) as api:
        with Watch(works) as workload:
            bay.upgrade(
                {**bay_labels(programs, downloads), **LABELS}, master_flavor_id='m1.medium'
            )
            wait_until(is_replaced, 300, every=1)
            wait_until(is_answered, 300, every=1)
        told = bay.events()['bay.upgrade.saved']
        bay.complete('UPDATE_COMPLETE')
    print(f'longest without an answer: API {api.longest:.1f} s, workload {workload.longest:.1f} s')

    (now,) = bay.machines('master')
    assert now.facts.address == before.facts.address
    assert workload.longest < LONGEST_OF_WORKLOAD
    (kept,) = snapshots(now)
    assert told.endswith(f'what etcd has is kept in {SNAPSHOTS}/{kept}')
    # Workers follow, as in any upgrade.
    wait_until(lambda: kubernetes.containers(client) not in (set(), containers), 180, every=1)
    check_cluster(bay, client, kubernetes.containers(client))


def test_one_that_loses_its_power_is_replaced(bay: Bay, client: Kubectl) -> None:
    """By healing; it saves nothing any more, and its volume has all."""
    (lost,), workers = bay.machines('master'), bay.machines('node')
    containers = kubernetes.containers(client)
    client('create', 'configmap', 'last', '--from-literal=a=b')
    lost.power_off()
    began = time.monotonic()
    wait_until(lambda: lost.facts.name in bay.events().get('bay.node.replaced', ''), 240)
    bay.complete('UPDATE_COMPLETE')
    print(f'replaced {time.monotonic() - began:.0f} s after it lost its power')
    (now,) = bay.machines('master')
    assert now.facts.id != lost.facts.id
    assert bays.ids(bay.machines('node')) == bays.ids(workers)
    assert client('get', 'configmap', 'last', '--output', 'jsonpath={.data.a}') == 'b'
    check_cluster(bay, client, containers)
