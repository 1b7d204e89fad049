"""Start, recognise and stop long-running processes."""

import contextlib
import dataclasses
import os
import pathlib
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from tools.devcloud import settings
from tools.devcloud.errors import DevcloudError

STOP_PATIENCE = 20.0  # seconds between SIGTERM and SIGKILL


@dataclasses.dataclass(frozen=True)
class Process:
    """One process (group) of the cloud.

    :ivar name: names the pid file and the log file.
    :ivar command: the program and its arguments.
    :ivar environment: the whole environment of the process.
    :ivar ports: the TCP ports on which it will listen.
    :ivar ready: tells whether it does its work already; None: needs no wait.
    """

    name: str
    command: Sequence[str | os.PathLike[str]]
    environment: Mapping[str, str]
    ports: tuple[int, ...] = ()
    ready: Callable[[], bool] | None = None

    @property
    def log(self) -> pathlib.Path:
        """Where the output goes."""
        return settings.LOG / f'{self.name}.log'

    @property
    def pid_file(self) -> pathlib.Path:
        """Where the process id and its start time are noted."""
        return settings.RUN / f'{self.name}.pid'

    def pid(self) -> int | None:
        """The id noted at the start, if that very process is still alive."""
        return read_pid(self.pid_file)

    def start(self) -> bool:
        """Start the process unless it runs; say whether it was started."""
        if self.pid():
            return False
        for port in self.ports:
            require_free(port, self.name)
        for directory in (settings.LOG, settings.RUN):
            directory.mkdir(parents=True, exist_ok=True)
        with open(self.log, 'ab') as log:
            child = subprocess.Popen(
                [os.fspath(part) for part in self.command],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                cwd=settings.STATE,
                env=dict(self.environment),
            )
        self.pid_file.write_text(f'{child.pid} {started_at(child.pid)}')
        return True


def stat_fields(pid: int) -> list[str] | None:
    """Fields 3 and later of ``/proc/<pid>/stat``; None for no live process."""
    try:
        text = pathlib.Path(f'/proc/{pid}/stat').read_text()
    except OSError:
        return None
    fields = text.rpartition(')')[2].split()
    return None if fields[0] == 'Z' else fields


def started_at(pid: int) -> int | None:
    """When the process started, in clock ticks since boot.

    With the id it identifies a process for good: ids are used again.
    """
    fields = stat_fields(pid)
    return int(fields[19]) if fields else None


def read_pid(pid_file: pathlib.Path) -> int | None:
    """The process id of a pid file, None when that process is gone."""
    try:
        pid, began = map(int, pid_file.read_text().split())
    except (OSError, ValueError):
        return None
    return pid if started_at(pid) == began else None


def session_members(leader: int) -> Iterator[int]:
    """All live processes of the session that a started process leads."""
    for path in pathlib.Path('/proc').glob('[0-9]*'):
        fields = stat_fields(int(path.name))
        if fields and int(fields[3]) == leader:
            yield int(path.name)


def stop(names: Iterable[str], patience: float = STOP_PATIENCE) -> list[str]:
    """Stop processes by name, all at once, and wait for their end.

    :returns: the names of those that ran.
    """
    files = {name: settings.RUN / f'{name}.pid' for name in names}
    pids = {name: pid for name, path in files.items() if (pid := read_pid(path))}
    members = {member for pid in pids.values() for member in session_members(pid)}
    births = {member: started_at(member) for member in members}
    for pid in pids.values():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    end = time.monotonic() + patience
    while any(read_pid(files[name]) for name in pids) and time.monotonic() < end:
        time.sleep(0.1)
    # Children that outlive their leader, and leaders that would not stop.
    for member, birth in births.items():
        if birth is not None and started_at(member) == birth:
            with contextlib.suppress(ProcessLookupError):
                os.kill(member, signal.SIGKILL)
    for path in files.values():
        path.unlink(missing_ok=True)
    return list(pids)


def wait_ready(processes: Iterable[Process], limit: float = 180) -> None:
    """Wait until every process says that it is ready.

    :param limit: seconds.
    :raises DevcloudError: one died, or the time is over.
    """
    waiting = {process.name: process for process in processes}
    end = time.monotonic() + limit
    while waiting:
        for name, process in list(waiting.items()):
            if not process.pid():
                raise DevcloudError(
                    f'{name} died at its start; the last lines of '
                    f'{process.log}:\n{tail(process.log)}'
                )
            if process.ready is None or process.ready():
                del waiting[name]
        if waiting and time.monotonic() > end:
            raise DevcloudError(
                'not ready after {:.0f} s: {}; see {}'.format(
                    limit, ', '.join(sorted(waiting)), settings.LOG
                )
            )
        time.sleep(0.1 if waiting else 0)


def tail(path: pathlib.Path, lines: int = 8) -> str:
    """The last lines of a log file, for messages."""
    try:
        return '\n'.join(path.read_text(errors='replace').splitlines()[-lines:])
    except OSError:
        return '(no log)'


# ------------------------------------------------------------------- readiness


def listening(port: int) -> bool:
    """Whether something accepts connections on the port."""
    with socket.socket() as sock:
        sock.settimeout(1)
        return sock.connect_ex((settings.IP, port)) == 0


def answers_http(port: int) -> bool:
    """Whether an HTTP service answers at all.

    uWSGI listens long before its application is loaded, so ask.
    """
    try:
        with urllib.request.urlopen(f'http://{settings.IP}:{port}/', timeout=2):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


# ----------------------------------------------------------------------- ports


def require_free(port: int, service: str) -> None:
    """Raise an error that says who has the port, if it is taken."""
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((settings.IP, port))
        except OSError as error:
            holder = port_holder(port) or 'a process of another user'
            raise DevcloudError(
                f'port {port}, which {service} needs, is taken by {holder}; '
                'stop it, or let "devcloud reset" forget this cloud and its ports'
            ) from error


def port_holder(port: int) -> str | None:
    """Which process listens on a TCP port, as far as we may see."""
    inodes = set()
    for table in ('/proc/net/tcp', '/proc/net/tcp6'):
        try:
            rows = pathlib.Path(table).read_text().splitlines()[1:]
        except OSError:
            continue
        for row in rows:
            fields = row.split()
            listens = fields[3] == '0A'
            if listens and int(fields[1].rpartition(':')[2], 16) == port:
                inodes.add(f'socket:[{fields[9]}]')
    if not inodes:
        return None
    for process in pathlib.Path('/proc').glob('[0-9]*'):
        try:
            if any(os.readlink(fd) in inodes for fd in (process / 'fd').iterdir()):
                command = (process / 'cmdline').read_bytes().replace(b'\0', b' ')
                return f'process {process.name} ({command.decode()[:80].strip()})'
        except OSError:
            continue
    return None
