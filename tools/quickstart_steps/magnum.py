"""Magnum's processes and the node agent."""

import dataclasses
import fcntl
import pathlib
from collections.abc import Sequence

from tools.common import network, processes
from tools.common.errors import ToolError
from tools.common.processes import Process
from tools.devcloud import settings
from tools.quickstart_steps import configuration, downloads, layout
from tools.quickstart_steps.configuration import CONDUCTORS
from tools.quickstart_steps.progress import environment_with, run_logged

ALL_IN_ONE = 'magnum-all-in-one'
API = 'magnum-api'
CONDUCTOR_NAMES = {name: f'magnum-{name}' for name in CONDUCTORS}
MAGNUM_NAMES = (ALL_IN_ONE, API, *CONDUCTOR_NAMES.values())
NODE_AGENT = 'magnum-node-agent'


def _environment() -> dict[str, str]:
    return environment_with({'LC_ALL': 'C.UTF-8'})


def _magnum(name: str, program: str, *files: pathlib.Path) -> Process:
    command: list[str | pathlib.Path] = [layout.VENV / 'bin' / program]
    for file in (layout.CONFIGURATION, *files):
        command += ['--config-file', file]
    return Process(layout.PROCESSES, name, command, _environment())


def _serving(process: Process) -> Process:
    """The same, which is ready when it answers at Magnum's port."""
    return dataclasses.replace(
        process,
        ports=(settings.MAGNUM_PORT,),
        ready=lambda: network.answers_http(settings.MAGNUM_PORT),
    )


def _magnum_processes(real_backends: bool) -> list[Process]:
    if not real_backends:
        return [_serving(_magnum(ALL_IN_ONE, 'magnum-all-in-one'))]
    return [
        *(
            _magnum(name, 'magnum-conductor', configuration.conductor_file(conductor))
            for conductor, name in CONDUCTOR_NAMES.items()
        ),
        _serving(_magnum(API, 'magnum-api')),
    ]


def running() -> list[str]:
    """Names of the processes of Magnum that run."""
    return [name for name in MAGNUM_NAMES if layout.PROCESSES.pid(name)]


def is_whole() -> bool:
    """Whether Magnum runs, in one way or the other, and a node agent."""
    names = set(running())
    return _node_agent_runs() and any(
        names == {process.name for process in _magnum_processes(real_backends)}
        for real_backends in (False, True)
    )


def require_mode(real_backends: bool) -> None:
    """Raise an error if Magnum runs already, in the other way."""
    wanted = {process.name for process in _magnum_processes(real_backends)}
    others = [name for name in running() if name not in wanted]
    if others:
        raise ToolError(
            '{} runs, started {} --real-backends; "{} down" stops it'.format(
                others[0],
                'without' if real_backends else 'with',
                layout.shown(layout.LAUNCHER),
            )
        )


def start(real_backends: bool) -> list[str]:
    """Start what of Magnum does not run; return the names."""
    if real_backends and not running():
        program = layout.VENV / 'bin/magnum-db-manage'
        run_logged(
            [program, '--config-file', layout.CONFIGURATION, 'upgrade'],
            layout.LOG / 'magnum-db-manage.log',
        )
    return _start(_magnum_processes(real_backends))


def start_node_agent() -> bool:
    """Start the agent that plays nodes, unless one runs, ours or another's."""
    if _node_agent_runs():
        return False
    command = (layout.VENV / 'bin/python', layout.NODE_AGENT, '--forever')
    agent = Process(
        layout.PROCESSES, NODE_AGENT, command, _environment(), ready=_node_agent_runs
    )
    return bool(_start([agent]))


def _start(wanted: Sequence[Process]) -> list[str]:
    started = [process for process in wanted if process.start()]
    processes.wait_ready(started)
    return [process.name for process in started]


def _node_agent_runs() -> bool:
    """Whether somebody holds the lock that a running agent has."""
    try:
        with open(settings.STATE / 'node-agent/pid') as pid_file:
            fcntl.flock(pid_file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def require_alive(real_backends: bool, has_downloads: bool = False) -> None:
    """Raise an error if one of the processes that bays need has died.

    :param has_downloads: whether nodes download from here.
    """
    if has_downloads:
        downloads.require_alive()
    for process in _magnum_processes(real_backends):
        if not process.pid():
            raise ToolError(
                f'{process.name} has died; the last lines of {process.log}:\n'
                + processes.tail(process.log)
            )
    if not _node_agent_runs():
        raise ToolError('the node agent has died; a second run starts it again')


def stop() -> list[str]:
    """Stop all that was started here; return the names."""
    return layout.PROCESSES.stop(
        (settings.MACHINES_WATCH, downloads.NAME, *MAGNUM_NAMES, NODE_AGENT)
    )


def describe() -> list[str]:
    """A line about each process that runs."""
    return [
        f'{name:20} pid {pid}'
        for name in (*MAGNUM_NAMES, NODE_AGENT, settings.MACHINES_WATCH, downloads.NAME)
        if (pid := layout.PROCESSES.pid(name))
    ]
