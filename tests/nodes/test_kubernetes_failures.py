"""What a user is told when real Kubernetes nodes cannot do their work, and what they outlive."""

import pathlib
import re
from collections.abc import Iterator

import pytest

from tests.functional import magnum_service
from tests.functional.people import Person
from tests.nodes import bays, failures, kubernetes
from tests.nodes.bays import Bay
from tests.nodes.failures import health
from tests.nodes.kubectl import Kubectl
from tools.nodes.cloud import Cloud
from tools.nodes.kubernetes.labels import bay_labels
from tools.nodes.machine import Machine

KEPT = '/var/lib/containerd'


def create(
    person: Person, name: str, programs: pathlib.Path, downloads: str, **more: object
) -> Bay:
    """Ask for a bay of one master and one worker."""
    labels = {**bay_labels(programs, downloads), **more}
    return bays.create(
        person, name, 'kubernetes', insecure_registry=downloads, labels=labels, node_count=1,
        docker_volume_size=3,
    )


def test_a_step_that_fails_is_named_with_its_node(
    magnum: magnum_service.Process, alice: Person, programs: pathlib.Path, downloads: str
) -> None:
    """An option that the kubelet does not know."""
    bay = create(
        alice, 'nodes-failing', programs, downloads, kubelet_options='--no-such-option=1'
    )
    failed = bay.complete('CREATE_FAILED')
    assert re.search(r'nodes-failing-[a-z0-9]+-(master|node)-0', failed['status_reason'])
    assert '70-kubelet' in failed['status_reason']
    assert 'unknown flag: --no-such-option' in failed['status_reason']
    bay.delete()


def test_a_worker_that_is_never_heard_of_fails_the_bay(
    magnum: magnum_service.Process, url: str, alice: Person, programs: pathlib.Path,
    downloads: str,
) -> None:
    with magnum_service.restarted(magnum, '[drivers]\nnode_boot_timeout = 240\n', url):
        bay = create(alice, 'nodes-unheard', programs, downloads)
        machine = failures.booted(bay, 'node')
        Cloud().switch(machine.facts.port, False)
        failed = bay.complete('CREATE_FAILED')
    assert machine.facts.name in failed['status_reason']
    assert 'never registered' in failed['status_reason']
    bay.delete()


# What nodes outlive ------------------------------------------------------------------
@pytest.fixture(scope='module')
def bay(
    magnum: magnum_service.Process, url: str, alice: Person, programs: pathlib.Path,
    downloads: str,
) -> Iterator[Bay]:
    """Of nodes that find no service when they boot."""
    made = create(alice, 'nodes-outliving', programs, downloads)
    with failures.outliving(made, magnum, url):
        yield made


@pytest.fixture(scope='module')
def client(bay: Bay, client_of_web: Kubectl) -> Kubectl:
    return client_of_web


@pytest.fixture(scope='module')
def worker(bay: Bay) -> Machine:
    (found,) = bay.machines('node')
    return found


def test_the_service_is_away_while_nodes_boot(bay: Bay, client: Kubectl) -> None:
    health(bay, 'HEALTHY')
    kubernetes.all_answer(bay, client, 1)


def test_a_full_disk_is_told_of(bay: Bay, master: Machine) -> None:
    """Of the master: a worker's kubelet would take its pods away for minutes."""
    with failures.full(master, KEPT):
        told = health(bay, 'UNHEALTHY')
    assert f'{KEPT}: ' in told
    assert master.facts.name in told
    health(bay, 'HEALTHY')


def test_a_clock_that_is_off_is_told_of(bay: Bay, worker: Machine) -> None:
    with failures.late(worker):
        told = re.search(r'the clock is more than (\d+) min late', health(bay, 'UNHEALTHY'))
    assert told is not None
    assert int(told[1]) in (9, 10)
    health(bay, 'HEALTHY')


def test_a_worker_that_is_cut_off_from_the_api_is_told_of(
    bay: Bay, master: Machine, worker: Machine
) -> None:
    """Its master is well, and it reports; nobody else would know."""
    with failures.cut_off(worker, master.facts.address, 6443):
        told = health(bay, 'UNHEALTHY')
    assert '"APIReachable": "0 of 1 workers reach it' in told
    health(bay, 'HEALTHY')


@pytest.mark.parametrize('role', ['node', 'master'])
def test_cloud_init_runs_again(bay: Bay, client: Kubectl, role: str) -> None:
    """As after a change of the server's metadata: the node is the one that it was."""

    def identities() -> dict[str, str]:
        return {
            node['metadata']['name']: node['metadata']['uid']
            for node in client.json('get', 'nodes')['items']
        }

    def answers() -> bool:
        done = client.run('get', '--raw=/readyz', '--request-timeout=5s')
        return done.returncode == 0 and set(client.nodes().values()) == {'True'}

    before = identities()
    (machine,) = bay.machines(role)
    failures.run_cloud_init_again(bay, machine, answers)
    kubernetes.ready(client, 2)
    assert identities() == before
    kubernetes.all_answer(bay, client, 1)
    health(bay, 'HEALTHY')
    assert bay.document()['status'] == 'CREATE_COMPLETE'
