"""What is built and how; a change of it makes a new place in the cache."""

import hashlib
import json
import pathlib
from typing import Final

from tools.common.environments import TOOLS

#: Debian's last source package that is the whole tree, with ``vendor/``.
PACKAGE: Final = 'kubernetes'
SUITE: Final = 'bookworm'
#: The release that the package's version, 1.20.5+really1.20.2, stands for.
VERSION: Final = 'v1.20.2'
#: The same source once more, which calls itself the next minor release: for upgrades.
NEXT: Final = 'v1.21.2'
PROGRAMS: Final = (
    'kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kubectl', 'kubelet',
    'kube-proxy',
)
#: Without the clients of public clouds and without Docker as the runtime.
TAGS: Final = ('providerless', 'dockerless')
#: Without symbols and debugging information, as published programs are.
LINKER: Final = '-s -w'
PATCHES: Final = (pathlib.Path(__file__).with_name('reflect2.patch'),)

#: Sources of the stand-ins that are built beside them, by the program's name.
STANDINS: Final = {
    name: pathlib.Path(__file__).parents[1] / 'standins' / name / 'main.go'
    for name in ('coredns', 'pause')
}

#: Commands of this machine that a build runs, each with its package.
NEEDED: Final = {
    'apt-get': 'apt', 'dpkg-source': 'dpkg-dev', 'patch': 'patch', 'make': 'make',
    'go': 'golang-go', 'rsync': 'rsync',
}
#: Those of Go that build this release: ``(first, last)``.
GO: Final = ((1, 18), (1, 22))


def key() -> str:
    """A name for what this recipe makes."""
    made_of = [SUITE, VERSION, NEXT, PROGRAMS, TAGS, LINKER]
    digest = hashlib.sha256(json.dumps(made_of).encode())
    for file in (*PATCHES, *STANDINS.values()):
        digest.update(file.read_bytes())
    return f'{VERSION}-{digest.hexdigest()[:12]}'


def place() -> pathlib.Path:
    """The folder of what it makes, in the user's cache; the next release is in ``NEXT``."""
    return TOOLS / 'kubernetes' / key()


def programs_of(place: pathlib.Path, version: str) -> pathlib.Path:
    """Where below it the programs of a release are."""
    return place / NEXT if version == NEXT else place
