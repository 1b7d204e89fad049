"""Lock files that prove which conductors of this host have died.

Each process holds the lock of a file of its own under ``state_path``. The
kernel releases it when the process ends, however it ends. So whoever gets the
lock of another's file knows that its process is dead: nothing can write or ask
under its leases any more, and they need not be waited for, except where what
it has asked for last may make a second stack.

The proof holds within one running kernel only, so a file names the boot that
it was made in; one of another boot or another machine proves nothing, and its
leases run out by themselves. Where no file can be made, leases run out, too.
"""

import contextlib
import fcntl
import os
import pathlib
from collections.abc import Callable
from typing import Final

from oslo_log import log as logging

LOG = logging.getLogger(__name__)

_BOOT_ID: Final = pathlib.Path('/proc/sys/kernel/random/boot_id')


class Presence:
    """The lock file of one process, and what those of others prove."""

    def __init__(self, state_path: str, worker: str):
        """Set up.

        :param worker: name of this process as its claims have it.
        """
        self._folder = pathlib.Path(state_path) / 'conductors'
        self._worker = worker
        self._path = self._folder / f'{worker.rpartition("/")[2]}.lock'
        self._file: int | None = None
        self._boot = _boot_id()

    def begin(self) -> None:
        """Take the lock, which the kernel releases when this process ends."""
        if self._boot is None:
            return
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
            fcntl.flock(self._file, fcntl.LOCK_EX)
            os.write(self._file, f'{self._boot}\n{self._worker}'.encode())
        except OSError as error:
            LOG.warning(
                'No lock file can be made; after a kill, operations wait for the end of their '
                'leases: %s', error,
            )

    def end(self) -> None:
        """Remove the lock file: this process has handed its work over."""
        if self._file is not None:
            self._path.unlink(missing_ok=True)
            os.close(self._file)
            self._file = None

    def bury(self, lapse: Callable[[str], None]) -> None:
        """End the leases of processes that are proven dead.

        :param lapse: called with each one's worker name; its file stays when it fails.
        """
        if self._file is None:
            return
        for path in self._folder.glob('*.lock'):
            if path != self._path:
                # A lock that somebody has, and a file that another removed first.
                with contextlib.suppress(OSError):
                    self._look_at(path, lapse)

    def _look_at(self, path: pathlib.Path, lapse: Callable[[str], None]) -> None:
        with open(path, 'rb') as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            boot, _, worker = file.read().decode(errors='replace').partition('\n')
            if not worker:
                return      # it is about to take its lock
            if boot == self._boot:
                LOG.info('Conductor %s of this host has died: its work is taken over', worker)
                lapse(worker)
            path.unlink()


def _boot_id() -> str | None:
    """Which start of which machine this is; None where the system does not say."""
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return None
