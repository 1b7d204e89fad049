"""What is checked before anything is started or installed."""

import shutil

from tools.common import machine
from tools.common.errors import ToolError
from tools.devcloud import backends, environments, services, settings

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
            raise ToolError(
                f'not installed: {program}; run {settings.CHECKOUT / "tools/system-packages"} first'
            )
    environments.python()


def check_machine() -> None:
    """The part of the check that needs nothing installed: disk, memory and ports."""
    needed = DISK_FOR_STATE
    if not settings.VENV.exists():
        needed += DISK_FOR_ENVIRONMENT
    settings.ROOT.mkdir(parents=True, exist_ok=True)
    machine.require_disk(settings.ROOT, needed, '; free some, or set MAGNUM_DEVCLOUD_DIR')
    check_ports()
    if not services.running():
        machine.require_memory(MEMORY)


def check_ports() -> None:
    """Raise an error if a port of what does not run yet is taken."""
    for name in backends.CLOUD_NAMES:
        if not backends.running(name):
            settings.PROCESSES.require_free(backends.PORTS[name], name)
    for name, process in services.all_processes().items():
        if not process.pid():
            for port in process.ports:
                settings.PROCESSES.require_free(port, name)
