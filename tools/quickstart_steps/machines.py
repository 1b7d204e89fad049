"""Real machines for the bays that can have them."""

import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from typing import Final

from tools.common.command import say
from tools.common.errors import ToolError
from tools.common.place import CHECKOUT
from tools.devcloud import node_agent_claim, settings
from tools.nodes import check
from tools.nodes.kubernetes import recipe
from tools.quickstart_steps import bays, downloads, layout
from tools.quickstart_steps.progress import environment_with, run_through

AUTO: Final = 'auto'
REAL: Final = 'real'
PLAYED: Final = 'played'
WAYS: Final = (AUTO, REAL, PLAYED)
SWARM: Final = 'swarm'
KUBERNETES: Final = 'kubernetes'
#: Profiles of bindep.txt.
PROFILES: Final = ('nodes',)
_BUILD: Final = 'python3 -m tools.nodes.kubernetes build'


def profiles(way: str) -> tuple[str, ...]:
    """Those of the system packages that are wanted."""
    return () if way == PLAYED or (way == AUTO and os.geteuid() != 0) else PROFILES


def is_built() -> bool:
    """Whether there are programs of Kubernetes for the machines: making them takes minutes."""
    return recipe.place().exists()


def possible(way: str) -> tuple[str, ...]:
    """COEs whose nodes are real where machines can boot: Mesos is in no package."""
    if way == PLAYED:
        return ()
    return (SWARM, *([KUBERNETES] if is_built() else []))


def decide(way: str) -> tuple[str, ...]:
    """COEs whose nodes will be real machines, and say so.

    :raises ToolError: they have to be, and cannot.
    """
    lines = [] if way == PLAYED else list(check.missing())
    if way == REAL and lines:
        raise ToolError('real machines cannot boot here:\n' + '\n'.join(lines))
    for line in lines:
        say(f'   no real machines: {line}')
    real = () if lines else possible(way)
    if KUBERNETES in real and runs() and not _are_booted(KUBERNETES):
        # What boots them was started before their programs were built.
        say(
            '   nodes of Kubernetes are played yet: its programs were built since this was '
            f'started. After "{layout.shown(layout.LAUNCHER)} down" another run boots those '
            'of new bays'
        )
        return tuple(coe for coe in real if coe != KUBERNETES)
    if real and KUBERNETES not in real:
        say(f'   nodes of Kubernetes are played: its programs are not built ("{_BUILD}")')
    if not real and not runs():
        # The agent plays again what machines of an earlier run had for themselves.
        (settings.STATE / node_agent_claim.FILE).unlink(missing_ok=True)
    return real


def _are_booted(coe: str) -> bool:
    """Whether what boots machines now does so with nodes of a COE."""
    claims = node_agent_claim.read(settings.STATE / node_agent_claim.FILE)
    return any(re.fullmatch(claim.get('MAGNUM_COE', '.*'), coe) for claim in claims)


def labels(real: Sequence[str]) -> Mapping[str, Mapping[str, str]]:
    """Labels of baymodels whose nodes are real machines, by COE.

    :raises ToolError: they cannot be told.
    """
    if KUBERNETES not in real:
        return {}
    done = subprocess.run(
        [layout.VENV / 'bin/python', '-m', 'tools.nodes', 'labels', downloads.ADDRESS],
        env=environment_with({'PYTHONPATH': os.fspath(CHECKOUT)}), capture_output=True, text=True,
    )
    if done.returncode:
        raise ToolError(f'no labels of the Kubernetes bay: {done.stderr.strip()}')
    pairs = dict(line.split('=', 1) for line in done.stdout.splitlines())
    return {KUBERNETES: {**pairs, **bays.OPEN_TO_US}}


def start(real: Sequence[str]) -> bool:
    """Make the guest, and boot what Nova has from now on; False if that is done already."""
    if KUBERNETES in real:
        downloads.start()
    if runs():
        return False
    options = [word for coe in real for word in ('--coe', coe)]
    run_through(
        layout.VENV / 'bin/python', '-m', 'tools.nodes', 'up', *options,
        PYTHONPATH=os.fspath(CHECKOUT),
    )
    return True


def runs() -> bool:
    """Whether servers are followed."""
    return settings.PROCESSES.pid(settings.MACHINES_WATCH) is not None
