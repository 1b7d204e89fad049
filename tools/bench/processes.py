"""Services under test: starting them, and what they cost in CPU time and memory."""

import contextlib
import os
import pathlib
import time
from collections.abc import Callable, Iterator, Mapping

from tools.bench import load, settings
from tools.bench.contenders import Contender
from tools.common import processes
from tools.common.errors import ToolError
from tools.common.processes import Command, Process

_TICKS_PER_SECOND = os.sysconf('SC_CLK_TCK')
_GRACE = 15  # seconds that a process gets to end
_START_LIMIT = 60
_LOOK = 0.01  # seconds between two looks whether a service has started


class Service:
    """A process that runs, with all that it has started."""

    def __init__(self, process: Process, pid: int):
        self.process = process
        self.pid = pid

    def cpu_seconds(self) -> float:
        """CPU time used so far."""
        ticks = 0
        for pid in processes.session_members(self.pid):
            if fields := processes.stat_fields(pid):
                ticks += int(fields[11]) + int(fields[12])
        return ticks / _TICKS_PER_SECOND

    def largest_resident_mib(self) -> float:
        """Resident memory of the largest process, MiB."""
        sizes = [0]
        for pid in processes.session_members(self.pid):
            with contextlib.suppress(OSError):
                for line in pathlib.Path(f'/proc/{pid}/status').read_text().splitlines():
                    if line.startswith('VmRSS:'):
                        sizes.append(int(line.split()[1]))
        return max(sizes) / 1024


@contextlib.contextmanager
def running(
    name: str,
    command: Command,
    variables: Mapping[str, str],
    ready: Callable[[], bool] | None = None,
    port: int | None = None,
) -> Iterator[Service]:
    """A process that is ready; stopped in the end.

    :param variables: of its environment, beside ours.
    """
    home = settings.PROCESSES
    home.stop([name], _GRACE)  # what an interrupted run has left
    process = Process(
        home, name, command, {**os.environ, **variables}, () if port is None else (port,), ready
    )
    try:
        process.start()
        processes.wait_ready([process], _START_LIMIT, _LOOK)
        pid = process.pid()
        if pid is None:
            raise ToolError(f'{name} has ended: {process.log}')
        yield Service(process, pid)
    finally:
        home.stop([name], _GRACE)


@contextlib.contextmanager
def api(contender: Contender) -> Iterator[tuple[Service, float]]:
    """A running API; (the service, seconds from its start to its first answer)."""
    began = time.monotonic()
    with running(
        f'{contender.name}-api', contender.api_command(), contender.process_environment(),
        lambda: _answers(contender), contender.port,
    ) as service:
        yield service, time.monotonic() - began


@contextlib.contextmanager
def conductor(contender: Contender, settle: float = 6.0) -> Iterator[Service]:
    """A running conductor that had some seconds to begin."""
    with running(
        f'{contender.name}-conductor', contender.conductor_command(),
        contender.process_environment(),
    ) as service:
        time.sleep(settle)
        if service.process.pid() is None:
            raise ToolError(f'the conductor of {contender.name} ended: {service.process.log}')
        yield service


def _answers(contender: Contender) -> bool:
    try:
        return load.request(contender, 'GET', '/').status == 200
    except OSError:
        return False
