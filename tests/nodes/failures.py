"""What goes wrong on real nodes, of any COE, and how it ends."""

import contextlib
import json
import pathlib
import time
from collections.abc import Callable, Iterator
from typing import Final

from tests.functional import magnum_service
from tests.functional.conftest import wait_until
from tests.nodes import bays
from tests.nodes.bays import Bay
from tools.nodes.machine import Machine

#: Seconds for which the service is away.
AWAY: Final = 60.0
#: Seconds until a condition that a node reports shows in its bay's health.
PATIENCE: Final = 90.0
#: What Python runs at its start to be ten minutes late.
_LATE: Final = 'import time\nnow = time.time\ntime.time = lambda: now() - 600\n'
#: Where the agent and its scripts may write, but in memory.
_WRITTEN: Final = ('/var/lib/magnum-agent', '/tmp', '/var/tmp')
#: Lays a full file system with the same files over each folder.
_FILL: Final = '''set -e
for folder; do
    mkdir -p "/run/full$folder"
    mount -t tmpfs -o size=4m,mode=1777 tmpfs "/run/full$folder"
    cp -a "$folder/." "/run/full$folder"
    cat /dev/zero >"/run/full$folder/full" 2>/dev/null || true
    mount --bind "/run/full$folder" "$folder"
done'''
_DROP_IN: Final = '/run/systemd/system/magnum-agent.service.d/clock.conf'


def health(bay: Bay, status: str) -> str:
    """Wait until a bay's health is such; the reasons."""
    wait_until(lambda: bay.document()['health_status'] == status, PATIENCE, every=1)
    return json.dumps(bay.document()['health_status_reason'])


def booted(bay: Bay, name: str = '') -> Machine:
    """Its first machine with this in its name, when it has begun to boot."""

    def found() -> list[Machine]:
        return [each for each in bay.machines(name) if each.leader()]

    wait_until(lambda: bool(found()), every=0.2)
    return found()[0]


@contextlib.contextmanager
def outliving(
    made: Bay, magnum: magnum_service.Process, url: str
) -> Iterator[Bay]:
    """Context of a bay whose nodes find no service when they boot, and come up all the same."""
    booted(made)
    magnum.stop()
    time.sleep(AWAY)
    magnum.start()
    magnum_service.wait_for_api(magnum, url=url)
    made.complete('CREATE_COMPLETE')
    yield made
    made.delete()


@contextlib.contextmanager
def cut_off(machine: Machine, address: str, port: int) -> Iterator[None]:
    """Context in which a machine is refused at one port of another, and only there."""
    rule = ('OUTPUT', '--destination', address, '--protocol', 'tcp', '--dport', str(port),
            '--jump', 'REJECT')
    bays.output(machine, 'iptables', '--insert', *rule)
    try:
        yield
    finally:
        bays.output(machine, 'iptables', '--delete', *rule)


@contextlib.contextmanager
def full(machine: Machine, folder: str) -> Iterator[None]:
    """Context in which a file system is nearly full, and the agent finds no room at all.

    A machine's own root lies on this host's disk, which is not filled: where the agent and
    its scripts may write, there are small file systems without a free byte. The agent is
    started anew in it, as it would be after any fault.
    """
    file = f'{folder}/full'
    free = bays.output(machine, 'df', '--block-size=1M', '--output=avail', folder).split()[-1]
    bays.output(machine, 'fallocate', '--length', f'{int(free) - 100}M', file)
    bays.output(machine, 'sh', '-c', _FILL, 'sh', *_WRITTEN)
    try:
        _restart_agent(machine)
        yield
        assert bays.run(machine, 'sh', '-c', f'echo >{_WRITTEN[0]}/more').returncode != 0
    finally:
        for name in _WRITTEN:
            bays.output(machine, 'umount', '--lazy', name)
            bays.output(machine, 'umount', f'/run/full{name}')
        bays.output(machine, 'rm', file)


@contextlib.contextmanager
def late(machine: Machine) -> Iterator[None]:
    """Context in which the agent's clock is late: machines have the clock of this host."""
    _write(machine, '/run/late/sitecustomize.py', _LATE)
    _write(machine, _DROP_IN, '[Service]\nEnvironment=PYTHONPATH=/run/late\n')
    _restart_agent(machine)
    try:
        yield
    finally:
        bays.output(machine, 'rm', _DROP_IN)
        _restart_agent(machine)


def run_cloud_init_again(bay: Bay, machine: Machine, answers: Callable[[], bool]) -> None:
    """Boot a machine whose cloud-init remembers nothing; wait until it is done.

    :param answers: whether what runs on the machine is back.
    """
    bays.output(machine, 'cloud-init', 'clean', '--logs')
    bay.reboot(machine)
    wait_until(answers, every=1)
    wait_until(
        lambda: bays.run(machine, 'cloud-init', 'status').stdout.strip() == 'status: done'
    )


def cut_short(bay: Bay, machine: Machine, log: str) -> None:
    """Take the power away from a machine when it has begun to write a log, and give it back."""
    wait_until(lambda: bays.run(machine, 'test', '-s', log).returncode == 0, every=0.2)
    machine.power_off()
    bay.start(machine)


def _write(machine: Machine, path: str, text: str) -> None:
    bays.output(machine, 'mkdir', '--parents', str(pathlib.PurePath(path).parent))
    assert bays.run(machine, 'tee', path, text=text).returncode == 0


def _restart_agent(machine: Machine) -> None:
    bays.output(machine, 'systemctl', 'daemon-reload')
    bays.output(machine, 'systemctl', 'restart', 'magnum-agent')
