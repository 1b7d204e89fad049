"""What is checked before anything is installed or started."""

import os
import pathlib
import shutil

from tools.devcloud import backends, processes, services, settings
from tools.quickstart_steps import layout, magnum
from tools.quickstart_steps.errors import QuickstartError

GIB = 1024**3
# In GiB, measured and rounded up.
DISK_FOR_ENVIRONMENTS = 3.0  # system packages, too, if they lie on the same disk
DISK_FOR_STATE = 1.0
MEMORY_FOR_CLOUD = 3.5
MEMORY_FOR_MAGNUM = 0.5


def check() -> None:
    """Raise an error that says what is short, and how much is needed."""
    require_directory(settings.ROOT)
    _check_disk()
    _check_memory()
    _check_ports()


def require_directory(directory: pathlib.Path) -> None:
    """Make a directory; an error if we may not, or may not write there."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise QuickstartError(f'{directory} cannot be made: {error.strerror}') from error
    if not os.access(directory, os.W_OK):
        raise QuickstartError(f'{directory} belongs to another user; use a checkout of your own')


def _check_disk() -> None:
    needed = DISK_FOR_STATE
    if not (settings.VENV.exists() and layout.VENV.exists()):
        needed += DISK_FOR_ENVIRONMENTS
    free = shutil.disk_usage(layout.ROOT).free / GIB
    if free < needed:
        raise QuickstartError(
            f'{layout.ROOT} has {free:.1f} GiB of disk free, {needed:.0f} GiB are needed'
        )


def _check_memory() -> None:
    needed = 0.0
    if not services.running():
        needed += MEMORY_FOR_CLOUD
    if not magnum.running():
        needed += MEMORY_FOR_MAGNUM
    available = _available_memory() / GIB
    if available < needed:
        raise QuickstartError(
            f'{available:.1f} GiB of memory are available, {needed:.1f} GiB are needed'
        )


def _available_memory() -> int:
    for line in pathlib.Path('/proc/meminfo').read_text().splitlines():
        if line.startswith('MemAvailable:'):
            return int(line.split()[1]) * 1024
    return os.sysconf('SC_AVPHYS_PAGES') * os.sysconf('SC_PAGE_SIZE')


def _check_ports() -> None:
    """See that ports of what does not run yet are free."""
    if not magnum.running():
        processes.require_free(settings.MAGNUM_PORT, 'Magnum')
    for name in backends.CLOUD_NAMES:
        if not backends.running(name):
            processes.require_free(backends.PORTS[name], name)
    for name, process in services.all_processes().items():
        if not process.pid():
            for port in process.ports:
                processes.require_free(port, name)
