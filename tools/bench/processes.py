"""Services under test: starting them, and what they cost in CPU time and memory."""

import contextlib
import os
import pathlib
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence

from tools.bench import load, settings
from tools.bench.contenders import Contender

_TICKS_PER_SECOND = os.sysconf('SC_CLK_TCK')
_GRACE = 15  # seconds that a process gets to end
_START_LIMIT = 60


class Service:
    """A process that was started, with all its descendants."""

    def __init__(self, name: str, command: Sequence[str], variables: Mapping[str, str]):
        settings.LOGS.mkdir(parents=True, exist_ok=True)
        self.log = settings.LOGS / f'{name}.log'
        with open(self.log, 'ab') as output:
            self._process = subprocess.Popen(
                command, env={**os.environ, **variables}, cwd=settings.ROOT,
                stdout=output, stderr=output, start_new_session=True,
            )
        self.pid = self._process.pid

    @property
    def has_ended(self) -> bool:
        """Whether it ended by itself."""
        return self._process.poll() is not None

    def cpu_seconds(self) -> float:
        """CPU time used so far."""
        ticks = 0
        for pid in _tree(self.pid):
            with contextlib.suppress(OSError):
                fields = _stat(pid)
                ticks += int(fields[11]) + int(fields[12])
        return ticks / _TICKS_PER_SECOND

    def largest_resident_mib(self) -> float:
        """Resident memory of the largest process, MiB."""
        sizes = [0]
        for pid in _tree(self.pid):
            with contextlib.suppress(OSError):
                for line in pathlib.Path(f'/proc/{pid}/status').read_text().splitlines():
                    if line.startswith('VmRSS:'):
                        sizes.append(int(line.split()[1]))
        return max(sizes) / 1024

    def stop(self) -> None:
        """End it in good order, and what is left of it by force."""
        pids = _tree(self.pid)
        self._process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_GRACE)
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait()


@contextlib.contextmanager
def api(contender: Contender) -> Iterator[tuple[Service, float]]:
    """A running API; (the service, seconds from its start to its first answer)."""
    with socket.socket() as probe:
        if probe.connect_ex((settings.HOST, contender.port)) == 0:
            raise RuntimeError(f'port {contender.port} is taken')
    began = time.monotonic()
    service = Service(
        f'{contender.name}-api', contender.api_command(), contender.process_environment()
    )
    try:
        while not _answers(contender):
            if service.has_ended or time.monotonic() - began > _START_LIMIT:
                raise RuntimeError(f'the API of {contender.name} did not start: {service.log}')
            time.sleep(0.01)
        yield service, time.monotonic() - began
    finally:
        service.stop()


@contextlib.contextmanager
def conductor(contender: Contender, settle: float = 6.0) -> Iterator[Service]:
    """A running conductor that had some seconds to begin."""
    service = Service(
        f'{contender.name}-conductor', contender.conductor_command(),
        contender.process_environment(),
    )
    try:
        time.sleep(settle)
        if service.has_ended:
            raise RuntimeError(f'the conductor of {contender.name} ended: {service.log}')
        yield service
    finally:
        service.stop()


def _answers(contender: Contender) -> bool:
    try:
        return load.request(contender, 'GET', '/').status == 200
    except OSError:
        return False


def _stat(pid: int) -> list[str]:
    """Fields of /proc/<pid>/stat behind the program's name."""
    return pathlib.Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()


def _tree(root: int) -> list[int]:
    """A process and all its descendants."""
    children: dict[int, list[int]] = {}
    for entry in os.listdir('/proc'):
        if entry.isdigit():
            with contextlib.suppress(OSError):
                children.setdefault(int(_stat(int(entry))[1]), []).append(int(entry))
    found = [root]
    for pid in found:
        found += children.get(pid, [])
    return found
