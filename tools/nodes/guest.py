"""The guest: one root of Debian from which all machines boot.

It is what ``tools/image --format root`` makes, with no package beside, and a few files
(folder ``guest_files``) that a machine in a container of this kind needs and a virtual
one does not.
"""

import contextlib
import fcntl
import functools
import hashlib
import pathlib
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from typing import Final

from tools.common.command import say
from tools.common.errors import ToolError
from tools.common.place import CHECKOUT
from tools.node_image import build, recipe
from tools.nodes import layout, programs

SUITE: Final = 'bookworm'
COES: Final = ('swarm', 'kubernetes')
_FILES: Final = layout.SOURCE / 'guest_files'
_UNITS: Final = ('nodes-kernel.service', 'nodes-volumes.service')


@functools.cache
def root() -> pathlib.Path:
    """Where the root is, made or not."""
    return layout.ROOTS / f'{SUITE}-{_digest()}'


def is_made() -> bool:
    """Whether the root is there."""
    return root().is_dir()


def ensure() -> pathlib.Path:
    """Make the root unless it is there; two at once make it once.

    :raises ToolError: it could not be made.
    """
    if is_made():
        return root()
    layout.ROOTS.mkdir(parents=True, exist_ok=True)
    with _lock():
        if not is_made():
            say(f'making the guest, {SUITE}: about 90 s on an idle machine')
            _make()
            _remove_others()
    return root()


def program(name: str) -> pathlib.Path:
    """A program of the guest that runs on this machine, too, such as ``docker``.

    :raises ToolError: the guest has none of that name.
    """
    for folder in ('usr/bin', 'usr/sbin'):
        path = root() / folder / name
        if path.exists():
            return path
    raise ToolError(f'the guest has no {name}')


def _make() -> None:
    with tempfile.TemporaryDirectory(dir=layout.ROOTS, prefix='.') as work:
        coes = [word for coe in COES for word in ('--coe', coe)]
        done = subprocess.run(
            [
                CHECKOUT / 'tools/image', '--format', 'root', '--suite', SUITE, *coes,
                '--mirror', layout.MIRROR, work,
            ],
            # Where the root is at last is all that goes to standard output.
            stdout=subprocess.DEVNULL,
        )
        if done.returncode:
            raise ToolError(f'the guest cannot be made: tools/image ended with {done.returncode}')
        made = pathlib.Path(work, 'root')
        shutil.copytree(_FILES, made, dirs_exist_ok=True, symlinks=True)
        programs.run('systemctl', f'--root={made}', 'enable', *_UNITS)
        made.rename(root())


def _digest() -> str:
    """Of all that decides what is in the root."""
    parts = [repr((SUITE, COES, _UNITS)).encode()]
    sources = [recipe.FILE, pathlib.Path(build.__file__)]
    for file in [*sources, *sorted(path for path in _FILES.rglob('*') if path.is_file())]:
        parts += [str(file.relative_to(layout.SOURCE.parent)).encode(), file.read_bytes()]
    return hashlib.sha256(b'\0'.join(parts)).hexdigest()[:12]


def _remove_others() -> None:
    """Remove roots of earlier recipes, but those that machines run from."""
    for path in layout.ROOTS.glob(f'{SUITE}-*'):
        if path == root() or not path.is_dir():
            continue
        with contextlib.suppress(BlockingIOError), _lock(path.name, fcntl.LOCK_NB):
            shutil.rmtree(path, ignore_errors=True)


@contextlib.contextmanager
def held() -> Iterator[None]:
    """Keep the root from being removed while machines run from it."""
    with _lock(root().name, fcntl.LOCK_SH):
        yield


@contextlib.contextmanager
def _lock(name: str = 'making', how: int = 0) -> Iterator[None]:
    """Hold a lock, for oneself unless it is to be shared."""
    with open(layout.ROOTS / f'{name}.lock', 'w') as file:
        fcntl.flock(file, how if how & fcntl.LOCK_SH else how | fcntl.LOCK_EX)
        yield
