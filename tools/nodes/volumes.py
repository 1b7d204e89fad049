"""Volumes of Cinder as loop devices, where a node looks for them."""

import contextlib
import os
import pathlib
import stat
from typing import Final

from tools.common.errors import ToolError
from tools.nodes import layout
from tools.nodes.programs import run

#: Nova's disks carry so much of the volume's id as serial.
_SERIAL: Final = 20


def device(volume_id: str, gigabytes: int) -> pathlib.Path:
    """The loop device of a volume, made when there is none yet.

    The file takes only what was written to it.
    """
    file = _file(volume_id)
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        with open(file, 'xb') as image:
            image.truncate(gigabytes << 30)
    return _attached(file) or pathlib.Path(run('losetup', '--find', '--show', file).strip())


def show(leader: int, volume_id: str, gigabytes: int) -> None:
    """Give a running machine the device and the name by which its steps look for it.

    :param leader: process 1 of the machine.
    """
    devices = pathlib.Path(f'/proc/{leader}/root/dev')
    names = devices / 'disk/by-id'
    name = names / f'virtio-{volume_id[:_SERIAL]}'
    if name.is_symlink():
        return
    loop = device(volume_id, gigabytes)
    with contextlib.suppress(FileExistsError):
        os.mknod(devices / loop.name, stat.S_IFBLK | 0o660, loop.stat().st_rdev)
    names.mkdir(parents=True, exist_ok=True)
    name.symlink_to(f'../../{loop.name}')


def remove(volume_id: str) -> None:
    """Remove a volume and what is in it."""
    file = _file(volume_id)
    _detach(file)
    file.unlink(missing_ok=True)


def detach_all() -> None:
    """Detach all loop devices, and keep the volumes."""
    for file in layout.VOLUMES.glob('*.img'):
        _detach(file)


def _file(volume_id: str) -> pathlib.Path:
    return layout.VOLUMES / f'{volume_id}.img'


def _attached(file: pathlib.Path) -> pathlib.Path | None:
    lines = run('losetup', '--noheadings', '--output', 'NAME', '--associated', file).split()
    return pathlib.Path(lines[0]) if lines else None


def _detach(file: pathlib.Path) -> None:
    if file.exists() and (loop := _attached(file)):
        with contextlib.suppress(ToolError):
            run('losetup', '--detach', loop)
