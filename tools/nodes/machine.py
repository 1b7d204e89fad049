"""One machine: its disk, its life as a process of systemd-nspawn."""

import contextlib
import dataclasses
import json
import os
import pathlib
import shutil
import signal
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from tools.common import processes
from tools.common.errors import ToolError
from tools.nodes import cgroups, layout

#: What systemd-nspawn ends with when the machine wants to be started again.
REBOOT: Final = 133
#: Folders that need a file system of their own, as an overlay cannot be on another.
_DISKS: Final = ('docker', 'containerd', 'kubelet')
_SCRIPT: Final = layout.SOURCE / 'machine.sh'
_PATH: Final = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'


@dataclasses.dataclass(frozen=True)
class Facts:
    """What of a machine is noted on its disk.

    :ivar coe: of the bay.
    :ivar ports: of this machine's loopback that it uses.
    :ivar volumes: ids of the volumes that the node waits for.
    :ivar mount: where the node mounts the one for containers; empty without.
    :ivar image: that its server has.
    """

    id: str
    name: str
    address: str
    network: str
    port: str
    coe: str
    ports: tuple[int, ...]
    volumes: tuple[str, ...]
    user_data_bytes: int
    mount: str = ''
    image: str = 'debian-12'


class Machine:
    """A machine on this host, running or not."""

    def __init__(self, facts: Facts):
        self.facts = facts
        self.folder = layout.machine(facts.id)
        self.process: subprocess.Popen[bytes] | None = None

    def __str__(self) -> str:
        return self.facts.name

    @property
    def upper(self) -> pathlib.Path:
        """The machine's own part of its root."""
        return self.folder / 'upper'

    @property
    def console(self) -> pathlib.Path:
        """What the machine's console shows."""
        return self.folder / 'console.log'

    def create(self) -> None:
        """Make an empty disk."""
        for name in ('upper', 'work', 'root', *_DISKS):
            (self.folder / name).mkdir(parents=True, exist_ok=True)

    def save(self) -> None:
        """Note that the disk is whole; only then is it a machine's."""
        (self.folder / 'machine.json').write_text(json.dumps(dataclasses.asdict(self.facts)))

    def boot(
        self, namespace: str, root: pathlib.Path, devices: Iterable[pathlib.Path] = ()
    ) -> None:
        """Start the machine in its network namespace.

        :param root: of the guest.
        :param devices: of this host that the machine has, too.
        """
        with open(self.console, 'ab') as log:
            self.process = subprocess.Popen(
                [
                    'ip', 'netns', 'exec', namespace, 'bash', _SCRIPT, namespace, self.folder,
                    root, cgroups.kind(self.facts.coe),
                    *self._binds(),
                    *map(str, devices),
                ],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True,
            )
        pid = self.process.pid
        (self.folder / 'pid').write_text(f'{pid} {processes.started_at(pid)}')

    def pid(self) -> int | None:
        """That of systemd-nspawn, while it runs."""
        return processes.read_pid(self.folder / 'pid')

    def leader(self) -> int | None:
        """Process 1 of the machine, as this host sees it."""
        pid = self.pid()
        if pid is None:
            return None
        with contextlib.suppress(OSError):
            children = pathlib.Path(f'/proc/{pid}/task/{pid}/children').read_text().split()
            return int(children[0]) if children else None
        return None

    def shut_down(self, patience: float) -> None:
        """Stop the machine in order, or not when it takes longer than ``patience`` seconds."""
        pid = self.pid()
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
            self._await_end(patience)
        self.power_off()

    def power_off(self) -> None:
        """End the machine as a loss of power would."""
        for pid in (self.leader(), self.pid()):
            if pid is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        self._await_end(10)

    def exit_code(self) -> int:
        """What the machine has ended with."""
        return self.process.wait() if self.process else 0

    def clean_up(self, namespace: str) -> None:
        """Remove what a machine that has ended leaves on this host."""
        if self.process is not None:
            self.process.wait()
            self.process = None
        (self.folder / 'pid').unlink(missing_ok=True)
        cgroups.remove(namespace)

    def wipe(self) -> None:
        """Make the disk an empty one."""
        self.remove()
        self.create()

    def remove(self) -> None:
        """Remove the disk."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def command(self, words: Sequence[str]) -> list[str]:
        """What runs a command in the machine.

        :raises ToolError: it does not run.
        """
        leader = self.leader()
        if leader is None:
            raise ToolError(f'{self} does not run')
        return [
            'nsenter', f'--target={leader}', '--mount', '--uts', '--ipc', '--net', '--pid',
            '--cgroup', '--root', '--wd', '--', 'env', '-i', f'PATH={_PATH}', 'HOME=/root',
            'LANG=C.UTF-8', 'TERM=dumb', *words,
        ]

    def _binds(self) -> Iterator[str]:
        for name in _DISKS:
            place = f'/var/lib/{name}'
            # The node mounts its volume only where nothing is mounted yet.
            if self.facts.mount != place:
                yield f'{self.folder / name}:{place}'

    def _await_end(self, limit: float) -> None:
        processes.wait_until(lambda: self.pid() is None, limit)


def saved() -> Iterator[Machine]:
    """All machines that have a disk."""
    for file in sorted(layout.MACHINES.glob('*/machine.json')):
        noted = json.loads(file.read_text())
        # By another state of this checkout, as well.
        names = {one.name for one in dataclasses.fields(Facts)}
        known = {name: value for name, value in noted.items() if name in names}
        lists = {name: tuple(noted.get(name, ())) for name in ('ports', 'volumes')}
        yield Machine(Facts(**{**known, **lists}))
