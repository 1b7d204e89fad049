"""What a user is told when real nodes cannot do their work, and what nodes outlive."""

import pathlib
import re
from collections.abc import Iterator

import pytest

from tests.functional import magnum_service
from tests.functional.conftest import wait_until
from tests.functional.people import Person
from tests.nodes import bays, docker, failures
from tests.nodes.bays import Bay
from tests.nodes.failures import health
from tools.nodes import workload
from tools.nodes.cloud import Cloud
from tools.nodes.machine import Machine


def test_a_step_that_fails_is_named_with_its_node(alice: Person) -> None:
    """Docker does not start with a registry whose name is invalid."""
    bay = bays.create(
        alice, 'nodes-failing', 'swarm', node_count=0, insecure_registry='-registry.example'
    )
    failed = bay.complete('CREATE_FAILED')
    (master,) = bay.machines('master')
    assert master.facts.name in failed['status_reason']
    assert '40-docker' in failed['status_reason']
    bay.delete()


def test_a_node_that_is_never_heard_of_fails_the_bay(
    magnum: magnum_service.Process, url: str, alice: Person
) -> None:
    with magnum_service.restarted(magnum, '[drivers]\nnode_boot_timeout = 60\n', url):
        bay = bays.create(alice, 'nodes-unheard', 'swarm', node_count=0)
        machine = failures.booted(bay)
        Cloud().switch(machine.facts.port, False)
        failed = bay.complete('CREATE_FAILED')
    assert machine.facts.name in failed['status_reason']
    assert 'never registered' in failed['status_reason']
    bay.delete()


def test_a_boot_that_is_cut_short_goes_on(alice: Person) -> None:
    """The power goes while Docker is installed or started; a built node is left alone."""
    log = '/var/log/magnum/40-docker.log'
    bay = bays.create(alice, 'nodes-cut-short', 'swarm', node_count=0)
    machine = failures.booted(bay)
    failures.cut_short(bay, machine, log)
    bay.complete('CREATE_COMPLETE')
    health(bay, 'HEALTHY')
    before = bays.output(machine, 'cat', log)
    assert before.count('--- attempt') == 2
    bay.reboot(machine)
    wait_until(
        lambda: bays.run(machine, 'cloud-init', 'status').stdout.strip() == 'status: done'
    )
    assert bays.output(machine, 'cat', log) == before
    health(bay, 'HEALTHY')
    bay.delete()


# What nodes outlive ------------------------------------------------------------------
@pytest.fixture(scope='module')
def bay(magnum: magnum_service.Process, url: str, alice: Person) -> Iterator[Bay]:
    """Of one manager, that finds no service when it boots."""
    made = bays.create(alice, 'nodes-outliving', 'swarm', node_count=0, docker_volume_size=3)
    with failures.outliving(made, magnum, url):
        yield made


@pytest.fixture(scope='module')
def manager(bay: Bay) -> Machine:
    (found,) = bay.machines()
    return found


def test_the_service_is_away_while_a_node_boots(bay: Bay) -> None:
    health(bay, 'HEALTHY')


def test_a_full_disk_is_told_of(bay: Bay, manager: Machine) -> None:
    with failures.full(manager, '/var/lib/docker'):
        assert '/var/lib/docker: ' in health(bay, 'UNHEALTHY')
    health(bay, 'HEALTHY')


def test_a_clock_that_is_off_is_told_of(bay: Bay, manager: Machine) -> None:
    with failures.late(manager):
        told = re.search(r'the clock is more than (\d+) min late', health(bay, 'UNHEALTHY'))
    # It is measured against an answer of the service, in whole seconds.
    assert told is not None
    assert int(told[1]) in (9, 10)
    health(bay, 'HEALTHY')


def test_cloud_init_runs_again(bay: Bay, manager: Machine, tmp_path: pathlib.Path) -> None:
    """As after a change of the server's metadata: the node is the one that it was."""
    client = docker.configured(bay.person, bay.uuid, tmp_path / 'files')
    workload.bring(manager)
    client(*workload.service('web'))
    identity = ('info', '--format', '{{.Swarm.NodeID}}')
    before = client(*identity)

    def answers() -> bool:
        done = bays.run(
            manager, 'curl', '--silent', '--max-time', '4', f'http://127.0.0.1:{workload.PORT}/'
        )
        return done.stdout.strip() == manager.facts.name

    failures.run_cloud_init_again(bay, manager, answers)
    assert client(*identity) == before
    health(bay, 'HEALTHY')
    assert bay.document()['status'] == 'CREATE_COMPLETE'
