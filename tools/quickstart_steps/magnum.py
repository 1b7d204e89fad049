"""Magnum's processes and the node agent."""

import fcntl
import os
import pathlib
from collections.abc import Sequence

from tools.devcloud import processes, settings
from tools.devcloud.processes import Process
from tools.quickstart_steps import configuration, layout
from tools.quickstart_steps.configuration import CONDUCTORS
from tools.quickstart_steps.errors import QuickstartError
from tools.quickstart_steps.progress import clean_environment, run_logged

ALL_IN_ONE = 'magnum-all-in-one'
API = 'magnum-api'
CONDUCTOR_NAMES = {name: f'magnum-{name}' for name in CONDUCTORS}
MAGNUM_NAMES = (ALL_IN_ONE, API, *CONDUCTOR_NAMES.values())
NODE_AGENT = 'magnum-node-agent'


class _OurProcess(Process):
    """One whose log lies with ours; its pid file lies with the cloud's."""

    @property
    def log(self) -> pathlib.Path:
        return layout.LOG / f'{self.name}.log'


def _process(
    name: str, command: Sequence[str | os.PathLike[str]], port: int | None = None
) -> Process:
    return _OurProcess(
        name,
        command,
        {**clean_environment(), 'PYTHONWARNINGS': 'ignore', 'LC_ALL': 'C.UTF-8'},
        (port,) if port else (),
        (lambda: processes.answers_http(port)) if port else None,
    )


def _magnum(name: str, program: str, *files: pathlib.Path, port: int | None = None) -> Process:
    command: list[str | os.PathLike[str]] = [layout.VENV / 'bin' / program]
    for file in (layout.CONFIGURATION, *files):
        command += ['--config-file', file]
    return _process(name, command, port)


def _magnum_processes(real_backends: bool) -> list[Process]:
    if not real_backends:
        return [_magnum(ALL_IN_ONE, 'magnum-all-in-one', port=settings.MAGNUM_PORT)]
    return [
        *(
            _magnum(name, 'magnum-conductor', configuration.conductor_file(conductor))
            for conductor, name in CONDUCTOR_NAMES.items()
        ),
        _magnum(API, 'magnum-api', port=settings.MAGNUM_PORT),
    ]


def running() -> list[str]:
    """Names of the processes of Magnum that run."""
    return [name for name in MAGNUM_NAMES if processes.read_pid(settings.RUN / f'{name}.pid')]


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
        raise QuickstartError(
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
    command: list[str | os.PathLike[str]] = [layout.VENV / 'bin/python', layout.NODE_AGENT]
    return bool(_start([_process(NODE_AGENT, [*command, '--forever'])]))


def _start(wanted: Sequence[Process]) -> list[str]:
    layout.LOG.mkdir(parents=True, exist_ok=True)
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


def require_alive(real_backends: bool) -> None:
    """Raise an error if one of the processes has died."""
    for process in _magnum_processes(real_backends):
        if not process.pid():
            raise QuickstartError(
                f'{process.name} has died; the last lines of {process.log}:\n'
                + processes.tail(process.log)
            )


def stop() -> list[str]:
    """Stop all that was started here; return the names."""
    return processes.stop((*MAGNUM_NAMES, NODE_AGENT))


def describe() -> list[str]:
    """A line about each process that runs."""
    return [
        f'{name:20} pid {pid}'
        for name in (*MAGNUM_NAMES, NODE_AGENT)
        if (pid := processes.read_pid(settings.RUN / f'{name}.pid'))
    ]
