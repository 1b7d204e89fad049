"""Minimal roots of the distributions that guests of bays have.

A root is what mmdebstrap makes of a distribution's essential packages, systemd
and cloud-init, without recommended packages: less than any cloud image has. It
is made once and kept. Scripts run in copies of it (overlayfs), in a network of
this machine's, with mounts and processes of their own.
"""

import contextlib
import dataclasses
import os
import pathlib
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from typing import Final

from tools.node_image import build

KEPT: Final = pathlib.Path(os.environ.get('MAGNUM_GUESTS_DIR', '.guests')).resolve()
_PACKAGES: Final = 'systemd-sysv,cloud-init,apt-utils'
_TO_ENTER: Final = (
    'unshare', '--mount', '--pid', '--fork', '--kill-child',
)
_MOUNTS: Final = """
set -e
mount -t proc proc "$1/proc"
mount --rbind /dev "$1/dev"
mount -t tmpfs tmpfs "$1/run"
root=$1
shift
exec chroot "$root" "$@"
"""


@dataclasses.dataclass(frozen=True)
class Distribution:
    """One release; ``options`` are mmdebstrap's."""

    name: str
    suite: str
    options: tuple[str, ...] = ()


DISTRIBUTIONS: Final = {
    one.name: one for one in (
        Distribution('debian-12', 'bookworm'),
        Distribution('debian-13', 'trixie'),
        # Cloud images have both components.
        Distribution('ubuntu-24.04', 'noble', ('--components=main,universe',)),
    )
}


class Unavailable(Exception):
    """A root cannot be made here; the text says why."""


def check_machine() -> None:
    """:raises Unavailable: no roots can be made or entered here."""
    if os.getuid() != 0:
        raise Unavailable('roots are made and entered by root')
    for program in ('mmdebstrap', 'unshare', 'chroot'):
        if not shutil.which(program):
            raise Unavailable(f'{program} is missing')


def make(distribution: Distribution) -> pathlib.Path:
    """The root's folder; made unless it is there."""
    root = KEPT / distribution.name
    if (root / 'etc/os-release').exists():
        return root
    KEPT.mkdir(parents=True, exist_ok=True)
    unfinished = pathlib.Path(tempfile.mkdtemp(dir=KEPT))
    unfinished.chmod(0o755)
    with tempfile.TemporaryDirectory(dir=KEPT) as work:
        subprocess.run(
            ['mmdebstrap', '--quiet', '--variant=minbase', f'--include={_PACKAGES}',
             '--aptopt=APT::Install-Recommends "false"', *distribution.options,
             *build.key_options(distribution.suite, pathlib.Path(work)), distribution.suite,
             unfinished],
            check=True,
        )
    unfinished.rename(root)
    return root


@contextlib.contextmanager
def copy(root: pathlib.Path) -> Iterator[pathlib.Path]:
    """A copy of the root that can be written to; it goes at the end."""
    KEPT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=KEPT) as folder:
        parts = [pathlib.Path(folder, part) for part in ('upper', 'work', 'merged')]
        for part in parts:
            part.mkdir()
        upper, work, merged = parts
        options = f'lowerdir={root},upperdir={upper},workdir={work}'
        subprocess.run(['mount', '-t', 'overlay', 'overlay', '-o', options, merged], check=True)
        try:
            resolver = merged / 'etc/resolv.conf'
            resolver.unlink(missing_ok=True)
            shutil.copy('/etc/resolv.conf', resolver)
            yield merged
        finally:
            subprocess.run(['umount', merged], check=True)


def enter(
    root: pathlib.Path, *command: str, network: bool = True,
    environment: Mapping[str, str] | None = None,
) -> 'subprocess.CompletedProcess[str]':
    """Run a command in a root; without ``network`` in an empty one of its own."""
    own_network = () if network else ('--net',)
    return subprocess.run(
        [*_TO_ENTER, *own_network, 'sh', '-c', _MOUNTS, 'sh', root, *command],
        capture_output=True, text=True, check=False,
        env={'PATH': '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
             'HOME': '/root', **(environment or {})},
    )


def write(root: pathlib.Path, files: Mapping[str, str]) -> None:
    """Write files, by their absolute paths in the root, all executable."""
    for path, text in files.items():
        file = root / path.lstrip('/')
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(0o755)
