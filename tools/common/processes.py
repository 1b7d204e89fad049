"""Long-running processes: started, recognised and stopped; commands with a log."""

import contextlib
import dataclasses
import os
import pathlib
import signal
import subprocess
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from tools.common import network
from tools.common.errors import ToolError

STOP_PATIENCE = 20.0  # seconds between SIGTERM and SIGKILL

Command = Sequence[str | os.PathLike[str]]

#: Those that this process has started, by pid file; they outlive it.
_children: dict[pathlib.Path, subprocess.Popen[bytes]] = {}


@dataclasses.dataclass(frozen=True)
class Home:
    """Directories of the processes that one tool runs.

    :ivar logs: where their output goes.
    :ivar pids: where their process ids and start times are noted.
    :ivar directory: where they work.
    :ivar advice: what to do about a port that is taken.
    """

    logs: pathlib.Path
    pids: pathlib.Path
    directory: pathlib.Path
    advice: str = 'stop it'

    def log(self, name: str) -> pathlib.Path:
        """The file with the output of one."""
        return self.logs / f'{name}.log'

    def pid(self, name: str) -> int | None:
        """The id noted at the start, if that very process is still alive."""
        return read_pid(self.pid_file(name))

    def pid_file(self, name: str) -> pathlib.Path:
        """The file with the id of one."""
        return self.pids / f'{name}.pid'

    def require_free(self, port: int, name: str) -> None:
        """Raise an error that says who has a port, if it is taken."""
        network.require_free(port, name, self.advice)

    def stop(self, names: Iterable[str], patience: float = STOP_PATIENCE) -> list[str]:
        """Stop processes by name, all at once, and wait for their end.

        :returns: the names of those that ran.
        """
        files = {name: self.pid_file(name) for name in names}
        pids = {name: pid for name, path in files.items() if (pid := read_pid(path))}
        members = {member for pid in pids.values() for member in session_members(pid)}
        births = {member: started_at(member) for member in members}
        for pid in pids.values():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        wait_until(lambda: not any(read_pid(files[name]) for name in pids), patience)
        # Children that outlive their leader, and leaders that would not stop.
        left = {member for member, birth in births.items() if birth and started_at(member) == birth}
        for member in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(member, signal.SIGKILL)
        wait_until(
            lambda: not any(started_at(member) == births[member] for member in left), patience
        )
        for path in files.values():
            path.unlink(missing_ok=True)
            if child := _children.pop(path, None):
                child.wait()
        return list(pids)


@dataclasses.dataclass(frozen=True)
class Process:
    """One process, with those that it starts.

    :ivar home: where its log and its id are.
    :ivar name: names the log and the pid file.
    :ivar command: the program and its arguments.
    :ivar environment: the whole environment of the process.
    :ivar ports: the TCP ports on which it will listen.
    :ivar ready: tells whether it does its work already; None: needs no wait.
    """

    home: Home
    name: str
    command: Command
    environment: Mapping[str, str]
    ports: tuple[int, ...] = ()
    ready: Callable[[], bool] | None = None

    @property
    def log(self) -> pathlib.Path:
        """Where the output goes."""
        return self.home.log(self.name)

    def pid(self) -> int | None:
        """The id noted at the start, if that very process is still alive."""
        return self.home.pid(self.name)

    def start(self) -> bool:
        """Start the process unless it runs; say whether it was started."""
        if self.pid():
            return False
        for port in self.ports:
            self.home.require_free(port, self.name)
        for directory in (self.home.logs, self.home.pids):
            directory.mkdir(parents=True, exist_ok=True)
        pid_file = self.home.pid_file(self.name)
        if earlier := _children.pop(pid_file, None):
            earlier.wait()
        with open(self.log, 'ab') as log:
            child = subprocess.Popen(
                [os.fspath(part) for part in self.command],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                cwd=self.home.directory,
                env=dict(self.environment),
            )
        _children[pid_file] = child
        pid_file.write_text(f'{child.pid} {started_at(child.pid)}')
        return True


def inherited(*without: str) -> dict[str, str]:
    """Our environment, but for the variables that begin with one of these."""
    return {name: value for name, value in os.environ.items() if not name.startswith(without)}


def wait_until(condition: Callable[[], bool], limit: float) -> None:
    """Wait until a condition holds, or the time is over.

    :param limit: seconds.
    """
    end = time.monotonic() + limit
    while not condition() and time.monotonic() < end:
        time.sleep(0.1)


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


def wait_ready(
    processes: Iterable[Process], limit: float = 180, interval: float = 0.1
) -> None:
    """Wait until every process says that it is ready.

    :param limit: seconds.
    :param interval: seconds between two looks.
    :raises ToolError: one died, or the time is over.
    """
    waiting = {process.name: process for process in processes}
    end = time.monotonic() + limit
    while waiting:
        for name, process in list(waiting.items()):
            if not process.pid():
                raise ToolError(
                    f'{name} died at its start; the last lines of '
                    f'{process.log}:\n{tail(process.log)}'
                )
            if process.ready is None or process.ready():
                del waiting[name]
        if waiting and time.monotonic() > end:
            raise ToolError(
                'not ready after {:.0f} s: {}; see {}'.format(
                    limit,
                    ', '.join(sorted(waiting)),
                    ', '.join(str(process.log) for process in waiting.values()),
                )
            )
        time.sleep(interval if waiting else 0)


def tail(path: pathlib.Path, lines: int = 8) -> str:
    """The last lines of a log file, for messages."""
    try:
        return '\n'.join(path.read_text(errors='replace').splitlines()[-lines:])
    except OSError:
        return '(no log)'


def run_logged(
    command: Command,
    log: pathlib.Path,
    accept: Collection[int] = (0,),
    lines: int = 8,
    waiting: Callable[[float], None] | None = None,
    tick: float | None = None,
    **options: Any,
) -> None:
    """Run a command to its end, with its output added to a file.

    :param accept: the exit codes that mean success.
    :param lines: of the output, for the message of a failure.
    :param waiting: called with the seconds so far, every ``tick`` seconds.
    :param options: as :class:`subprocess.Popen` takes them.
    :raises ToolError: it failed; has the last lines of its output.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    words = [os.fspath(part) for part in command]
    began = time.monotonic()
    with (
        open(log, 'ab') as output,
        subprocess.Popen(
            words, stdout=output, stderr=output, stdin=subprocess.DEVNULL, **options
        ) as child,
    ):
        while True:
            try:
                code = child.wait(tick)
                break
            except subprocess.TimeoutExpired:
                if waiting:
                    waiting(time.monotonic() - began)
            except BaseException:
                child.kill()
                raise
    if code not in accept:
        program = ' '.join([pathlib.Path(words[0]).name, *words[1:]])
        raise ToolError(
            f'{program} failed ({code}); the last lines of {log}:\n{tail(log, lines)}'
        )
