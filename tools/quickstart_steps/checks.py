"""What is checked before anything is installed or started."""

import os
import pathlib

from tools.common import machine
from tools.common.errors import ToolError
from tools.devcloud import preflight, services, settings
from tools.quickstart_steps import layout, magnum

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
        raise ToolError(f'{directory} cannot be made: {error.strerror}') from error
    if not os.access(directory, os.W_OK):
        raise ToolError(f'{directory} belongs to another user; use a checkout of your own')


def _check_disk() -> None:
    needed = DISK_FOR_STATE
    if not (settings.VENV.exists() and layout.VENV.exists()):
        needed += DISK_FOR_ENVIRONMENTS
    machine.require_disk(layout.ROOT, needed)


def _check_memory() -> None:
    needed = 0.0
    if not services.running():
        needed += MEMORY_FOR_CLOUD
    if not magnum.running():
        needed += MEMORY_FOR_MAGNUM
    machine.require_memory(needed)


def _check_ports() -> None:
    """See that ports of what does not run yet are free."""
    if not magnum.running():
        layout.PROCESSES.require_free(settings.MAGNUM_PORT, 'Magnum')
    preflight.check_ports()
