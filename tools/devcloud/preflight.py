"""What is checked before anything is started or installed."""

import os
import pathlib
import shutil

from tools.devcloud import backends, environments, processes, services, settings
from tools.devcloud.errors import DevcloudError

GIB = 1024**3
# Measured: see the README.
DISK_FOR_ENVIRONMENT = 2.0  # GiB, while pip unpacks
DISK_FOR_STATE = 1.0
MEMORY = 3.0


def check() -> None:
    """Raise an error if the cloud cannot start here, and say what is short."""
    check_machine()
    backends.require_programs(backends.CLOUD_NAMES)
    for program in ('openssl', 'gcc'):
        if not shutil.which(program):
            raise DevcloudError(
                f'not installed: {program}; run {settings.CHECKOUT / "tools/system-packages"} first'
            )
    environments.python()


def check_machine() -> None:
    """The part of the check that needs nothing installed: disk, memory and ports."""
    _check_disk()
    for name in backends.CLOUD_NAMES:
        if not backends.running(name):
            processes.require_free(backends.PORTS[name], name)
    if services.running():
        return
    _check_memory()
    for name, process in services.all_processes().items():
        for port in process.ports:
            processes.require_free(port, name)


def _check_disk() -> None:
    needed = DISK_FOR_STATE
    if not settings.VENV.exists():
        needed += DISK_FOR_ENVIRONMENT
    settings.ROOT.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(settings.ROOT).free / GIB
    if free < needed:
        raise DevcloudError(
            f'{settings.ROOT} has {free:.1f} GiB free, the cloud needs '
            f'{needed:.0f}; free some, or set MAGNUM_DEVCLOUD_DIR'
        )


def _check_memory() -> None:
    available = os.sysconf('SC_AVPHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / GIB
    for line in pathlib.Path('/proc/meminfo').read_text().splitlines():
        if line.startswith('MemAvailable:'):
            available = int(line.split()[1]) * 1024 / GIB
    if available < MEMORY:
        raise DevcloudError(
            f'{available:.1f} GiB of memory are available, the cloud needs {MEMORY:.0f}'
        )
