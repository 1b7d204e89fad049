"""What a user is told when real nodes cannot do their work, and what nodes outlive."""

import json
import pathlib
import re
import time
from collections.abc import Iterator
from typing import Final

import pytest

from tests.functional import magnum_service
from tests.functional.conftest import wait_until
from tests.functional.people import Person
from tests.nodes import bays, docker
from tests.nodes.bays import Bay
from tools.nodes import workload
from tools.nodes.cloud import Cloud
from tools.nodes.machine import Machine

#: Seconds for which the service is away.
AWAY: Final = 60.0
#: Seconds until a condition that a node reports shows in its bay's health.
PATIENCE: Final = 90.0
#: What Python runs at its start to be ten minutes late.
_LATE: Final = 'import time\nnow = time.time\ntime.time = lambda: now() - 600\n'
_DROP_IN: Final = '/run/systemd/system/magnum-agent.service.d/clock.conf'


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
        machine = _booted(bay)
        Cloud().switch(machine.facts.port, False)
        failed = bay.complete('CREATE_FAILED')
    assert machine.facts.name in failed['status_reason']
    assert 'never registered' in failed['status_reason']
    bay.delete()


def _booted(bay: Bay) -> Machine:
    """Its only machine, when it has begun to boot."""
    wait_until(lambda: any(each.leader() for each in bay.machines()), every=0.2)
    (machine,) = bay.machines()
    return machine


# What nodes outlive ------------------------------------------------------------------
@pytest.fixture(scope='module')
def bay(magnum: magnum_service.Process, url: str, alice: Person) -> Iterator[Bay]:
    """Of one manager, that finds no service when it boots."""
    made = bays.create(alice, 'nodes-outliving', 'swarm', node_count=0, docker_volume_size=3)
    _booted(made)
    magnum.stop()
    time.sleep(AWAY)
    magnum.start()
    magnum_service.wait_for_api(magnum, url=url)
    made.complete('CREATE_COMPLETE')
    yield made
    made.delete()


@pytest.fixture(scope='module')
def manager(bay: Bay) -> Machine:
    (found,) = bay.machines()
    return found


def health(bay: Bay, status: str) -> str:
    """Wait until a bay's health is such; the reasons."""
    wait_until(lambda: bay.document()['health_status'] == status, PATIENCE, every=1)
    return json.dumps(bay.document()['health_status_reason'])


def test_the_service_is_away_while_a_node_boots(bay: Bay) -> None:
    health(bay, 'HEALTHY')


def test_a_full_disk_is_told_of(bay: Bay, manager: Machine) -> None:
    free = int(bays.output(
        manager, 'df', '--block-size=1M', '--output=avail', '/var/lib/docker'
    ).split()[-1])
    file = '/var/lib/docker/full'
    bays.output(manager, 'fallocate', '--length', f'{free - 100}M', file)
    assert '/var/lib/docker: ' in health(bay, 'UNHEALTHY')
    bays.output(manager, 'rm', file)
    health(bay, 'HEALTHY')


def test_a_clock_that_is_off_is_told_of(bay: Bay, manager: Machine) -> None:
    """The agent's: machines have the clock of this host."""
    _write(manager, '/run/late/sitecustomize.py', _LATE)
    _write(manager, _DROP_IN, '[Service]\nEnvironment=PYTHONPATH=/run/late\n')
    _restart_agent(manager)
    told = re.search(r'the clock is (\d+) s late', health(bay, 'UNHEALTHY'))
    # It is measured against an answer of the service, in whole seconds.
    assert told is not None
    assert abs(int(told[1]) - 600) < 10
    bays.output(manager, 'rm', _DROP_IN)
    _restart_agent(manager)
    health(bay, 'HEALTHY')


def _write(machine: Machine, path: str, text: str) -> None:
    bays.output(machine, 'mkdir', '--parents', str(pathlib.PurePath(path).parent))
    assert bays.run(machine, 'tee', path, text=text).returncode == 0


def _restart_agent(machine: Machine) -> None:
    bays.output(machine, 'systemctl', 'daemon-reload')
    bays.output(machine, 'systemctl', 'restart', 'magnum-agent')


def test_cloud_init_runs_again(bay: Bay, manager: Machine, tmp_path: pathlib.Path) -> None:
    """As after a change of the server's metadata: the node is the one that it was."""
    client = docker.configured(bay.person, bay.uuid, tmp_path / 'files')
    workload.bring(manager)
    client(*workload.service('web'))
    identity = ('info', '--format', '{{.Swarm.NodeID}}')
    before = client(*identity)
    bays.output(manager, 'cloud-init', 'clean', '--logs')
    bay.reboot(manager)

    def answers() -> bool:
        done = bays.run(
            manager, 'curl', '--silent', '--max-time', '4', f'http://127.0.0.1:{workload.PORT}/'
        )
        return done.stdout.strip() == manager.facts.name

    wait_until(answers, every=1)
    wait_until(
        lambda: bays.run(manager, 'cloud-init', 'status').stdout.strip() == 'status: done'
    )
    assert client(*identity) == before
    health(bay, 'HEALTHY')
    assert bay.document()['status'] == 'CREATE_COMPLETE'
