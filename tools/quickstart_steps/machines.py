"""Real machines for the bays that can have them, and what the reader sees of one."""

import os
import shlex
import subprocess
import time
from collections.abc import Mapping, Sequence
from typing import Final

from tools.common.command import say
from tools.common.errors import ToolError
from tools.common.place import CHECKOUT
from tools.devcloud import node_agent_claim, settings
from tools.nodes import check, guest, machine, workload
from tools.quickstart_steps import client, layout
from tools.quickstart_steps.progress import environment_with, run_through

AUTO: Final = 'auto'
REAL: Final = 'real'
PLAYED: Final = 'played'
WAYS: Final = (AUTO, REAL, PLAYED)
#: Whose nodes are real. Kubernetes takes minutes to build, and Mesos is in no package.
COES: Final = ('swarm',)
#: Profiles of bindep.txt.
PROFILES: Final = ('nodes',)
_SERVICE: Final = 'web'
_PATIENCE: Final = 120.0  # seconds for a service to answer


def profiles(way: str) -> tuple[str, ...]:
    """Those of the system packages that are wanted."""
    return () if way == PLAYED or (way == AUTO and os.geteuid() != 0) else PROFILES


def decide(way: str) -> bool:
    """Whether machines will be real, and say so.

    :raises ToolError: they have to be, and cannot.
    """
    lines = [] if way == PLAYED else list(check.missing())
    if way == REAL and lines:
        raise ToolError('real machines cannot boot here:\n' + '\n'.join(lines))
    for line in lines:
        say(f'   no real machines: {line}')
    is_real = way != PLAYED and not lines
    if not is_real and not runs():
        # The agent plays again what machines of an earlier run had for themselves.
        (settings.STATE / node_agent_claim.FILE).unlink(missing_ok=True)
    return is_real


def start() -> bool:
    """Make the guest, and boot what Nova has from now on; False if that is done already."""
    if runs():
        return False
    options = [word for coe in COES for word in ('--coe', coe)]
    run_through(
        layout.VENV / 'bin/python', '-m', 'tools.nodes', 'up', *options,
        PYTHONPATH=os.fspath(CHECKOUT),
    )
    return True


def runs() -> bool:
    """Whether servers are followed."""
    return settings.PROCESSES.pid(settings.MACHINES_WATCH) is not None


def show_service(bay: str, addresses: Sequence[str]) -> None:
    """Run a service on every node of a Swarm bay with Docker's own client, and ask for it.

    :param addresses: of the workers.
    :raises ToolError: it does not answer.
    """
    for each in machine.saved():
        if each.facts.name.startswith(f'{bay}-'):
            workload.bring(each)
    client.openstack('bay', 'config', bay, '--dir', str(layout.DOCKER))
    environment = _environment()
    if _SERVICE not in _docker(environment, 'service', 'ls', '--format', '{{.Name}}').split():
        words = workload.service(_SERVICE)
        print(f'    $ docker {shlex.join(words)}')
        _docker(environment, *words)
    for address in addresses:
        print(f'    $ curl http://{address}\n    {_answer(address)}')


def _answer(address: str) -> str:
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        answer = workload.answer(address)
        if answer is not None:
            return answer
        time.sleep(0.5)
    raise ToolError(f'the service does not answer at http://{address}')


def _environment() -> dict[str, str]:
    """What the bay's configuration tells Docker's client."""
    pairs = (
        word.partition('=')
        for word in shlex.split((layout.DOCKER / 'environment').read_text(), comments=True)
    )
    return environment_with({
        **{name: value for name, equals, value in pairs if equals},
        'DOCKER_CERT_PATH': str(layout.DOCKER),
    })


def _docker(environment: Mapping[str, str], *words: str) -> str:
    done = subprocess.run(
        [guest.program('docker'), *words], env=dict(environment), capture_output=True, text=True,
        timeout=_PATIENCE,
    )
    if done.returncode:
        raise ToolError(f'docker {shlex.join(words)}: {done.stderr.strip()}')
    return done.stdout
