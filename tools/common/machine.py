"""Disk and memory that a tool needs before it installs or starts anything."""

import os
import pathlib
import shutil
from typing import Final

from tools.common.errors import ToolError

GIB: Final = 1024**3


def require_disk(directory: pathlib.Path, needed: float, advice: str = '') -> None:
    """Raise an error if less disk than that many GiB is free."""
    free = shutil.disk_usage(directory).free / GIB
    if free < needed:
        raise ToolError(
            f'{directory} has {free:.1f} GiB of disk free, {needed:.0f} GiB are needed{advice}'
        )


def require_memory(needed: float) -> None:
    """Raise an error if less memory than that many GiB is available."""
    available = available_memory() / GIB
    if available < needed:
        raise ToolError(f'{available:.1f} GiB of memory are available, {needed:.1f} GiB are needed')


def available_memory() -> int:
    """Memory that new processes can have, in bytes."""
    for line in pathlib.Path('/proc/meminfo').read_text().splitlines():
        if line.startswith('MemAvailable:'):
            return int(line.split()[1]) * 1024
    return os.sysconf('SC_AVPHYS_PAGES') * os.sysconf('SC_PAGE_SIZE')
