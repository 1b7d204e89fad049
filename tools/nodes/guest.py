"""The guests: roots from which machines boot, by the image that their servers have.

Of each image there is one for Mesos, and one for all others.

Each is what ``tools/image --format root`` makes, the common one with no package beside,
and a few files (folder ``guest_files``) that a machine in a container of this kind needs
and a virtual one does not.
"""

import contextlib
import dataclasses
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

_FILES: Final = layout.SOURCE / 'guest_files'
_UNITS: Final = ('nodes-kernel.service', 'nodes-volumes.service')


@dataclasses.dataclass(frozen=True)
class Guest:
    """What is in a root: what nodes of these COEs need, and further packages."""

    coes: tuple[str, ...]
    further: tuple[str, ...] = ()


_COMMON: Final = Guest(('swarm', 'kubernetes'))
#: By COE. Java is for those alone who need it.
_OF: Final = {
    'swarm': _COMMON,
    'kubernetes': _COMMON,
    'mesos': Guest(('mesos',), ('python3-kazoo',)),
}
_STANDIN: Final = layout.SOURCE / 'standins/mesos.py'
#: By image of the development cloud, the release in it.
SUITES: Final = {'debian-12': 'bookworm', 'debian-13': 'trixie', 'ubuntu-24.04': 'noble'}
IMAGE: Final = 'debian-12'
#: By COE, what a stand-in is called on its nodes. Those of Kubernetes are downloaded.
_STANDINS: Final = {'mesos': ('mesos-master', 'mesos-agent', 'marathon')}


def root(coe: str = 'swarm', image: str = IMAGE) -> pathlib.Path:
    """Where the root for nodes of a COE is, made or not."""
    return _root(_OF[coe], SUITES[image])


def _root(guest: Guest, suite: str) -> pathlib.Path:
    return layout.ROOTS / f'{suite}-{_digest(guest, suite)}'


def ensure(coe: str = 'swarm', image: str = IMAGE) -> pathlib.Path:
    """Make the root unless it is there; two at once make it once.

    :raises ToolError: it could not be made.
    """
    made = root(coe, image)
    if made.is_dir():
        return made
    layout.ROOTS.mkdir(parents=True, exist_ok=True)
    with _lock():
        if not made.is_dir():
            say(f'making the guest for {coe}, {image}: about 90 s on an idle machine')
            _make(_OF[coe], SUITES[image])
            _remove_others()
    return made


def client(name: str, image: str) -> list[str]:
    """Words that run a program of a guest on this machine, with the libraries it was made for.

    :raises ToolError: the guest has none of that name.
    """
    place = root(image=image)
    (loader,) = (place / 'usr').glob('lib*/ld-linux-*.so.*')
    (libraries,) = (place / 'usr/lib').glob('*-linux-gnu')
    return [str(loader), '--library-path', str(libraries), str(program(name, image))]


def program(name: str, image: str = IMAGE) -> pathlib.Path:
    """A program of the guest that runs on this machine, too, such as ``docker``.

    :raises ToolError: the guest has none of that name.
    """
    for folder in ('usr/bin', 'usr/sbin'):
        path = root(image=image) / folder / name
        if path.exists():
            return path
    raise ToolError(f'the guest has no {name}')


def add_standins(disk: pathlib.Path, coe: str) -> None:
    """Put the stand-ins for programs that no package has on a node's own disk."""
    folder = disk / 'usr/local/bin'
    folder.mkdir(parents=True, exist_ok=True)
    for name in _STANDINS.get(coe, ()):
        shutil.copy(_STANDIN, folder / name)


def _make(guest: Guest, suite: str) -> None:
    mirror = layout.MIRRORS[recipe.recipe()['suites'][suite]['archive']]
    if not mirror:
        raise ToolError('set MAGNUM_NODES_UBUNTU_MIRROR to a mirror of Ubuntu, as none is known')
    with tempfile.TemporaryDirectory(dir=layout.ROOTS, prefix='.') as work:
        words = [word for coe in guest.coes for word in ('--coe', coe)]
        words += [word for package in guest.further for word in ('--package', package)]
        done = subprocess.run(
            [
                CHECKOUT / 'tools/image', '--format', 'root', '--suite', suite, *words,
                '--mirror', mirror, work,
            ],
            # Where the root is at last is all that goes to standard output.
            stdout=subprocess.DEVNULL,
        )
        if done.returncode:
            raise ToolError(f'the guest cannot be made: tools/image ended with {done.returncode}')
        made = pathlib.Path(work, 'root')
        shutil.copytree(_FILES, made, dirs_exist_ok=True, symlinks=True)
        programs.run('systemctl', f'--root={made}', 'enable', *_UNITS)
        made.rename(_root(guest, suite))


@functools.cache
def _digest(guest: Guest, suite: str) -> str:
    """Of all that decides what is in the root."""
    parts = [repr((suite, dataclasses.astuple(guest), _UNITS)).encode()]
    sources = [recipe.FILE, pathlib.Path(build.__file__)]
    for file in [*sources, *sorted(path for path in _FILES.rglob('*') if path.is_file())]:
        parts += [str(file.relative_to(layout.SOURCE.parent)).encode(), file.read_bytes()]
    return hashlib.sha256(b'\0'.join(parts)).hexdigest()[:12]


def _roots() -> set[pathlib.Path]:
    """Those of today's recipes."""
    return {_root(guest, suite) for guest in _OF.values() for suite in SUITES.values()}


def _remove_others() -> None:
    """Remove roots of earlier recipes, but those that machines run from."""
    suites = SUITES.values()
    for path in layout.ROOTS.iterdir():
        if path in _roots() or not path.is_dir() or path.name.partition('-')[0] not in suites:
            continue
        with contextlib.suppress(BlockingIOError), _lock(path.name, fcntl.LOCK_NB):
            shutil.rmtree(path, ignore_errors=True)


@contextlib.contextmanager
def held() -> Iterator[None]:
    """Keep the roots from being removed while machines run from them."""
    with contextlib.ExitStack() as stack:
        for path in sorted(_roots()):
            stack.enter_context(_lock(path.name, fcntl.LOCK_SH))
        yield


@contextlib.contextmanager
def _lock(name: str = 'making', how: int = 0) -> Iterator[None]:
    """Hold a lock, for oneself unless it is to be shared."""
    with open(layout.ROOTS / f'{name}.lock', 'w') as file:
        fcntl.flock(file, how if how & fcntl.LOCK_SH else how | fcntl.LOCK_EX)
        yield
