"""Files of nodes: those of ``common/node`` and of the driver's own folder ``node``.

A line ``# roles: master worker`` in a file says which nodes get it.
``NN-name.sh`` is a step, ``*.yaml`` a manifest; the others lie beside them, in the
subfolder that they are in here. Nodes of a role fetch one archive from the service by
its SHA-256 digest: in user data, which Nova limits to 64 KB, are the digest and the
program that fetches. Equal files give equal archives.
"""

import dataclasses
import functools
import hashlib
import io
import re
import tarfile
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final, NamedTuple

from magnum.drivers import files

#: Where files lie on a node.
FOLDER: Final = '/opt/magnum'
#: Those that user data has.
OF_USER_DATA: Final = ('agent/fetch.py', 'agent/opener.py')

_ROLES: Final = re.compile(r'^# roles:((?: master| worker)+)$', re.MULTILINE)
_SUFFIX: Final = '.digest'
_PROGRAM, _TEXT = 0o700, 0o600


class Member(NamedTuple):
    """A file of the archive, with its path below ``FOLDER``."""

    path: str
    source: str
    is_program: bool


@dataclasses.dataclass(frozen=True)
class Archive:
    """Files of nodes: tar, compressed by xz."""

    content: bytes

    @functools.cached_property
    def digest(self) -> str:
        """SHA-256, in hexadecimal digits."""
        return hashlib.sha256(self.content).hexdigest()


def for_role(folder: str, role: str, excluded: Collection[str]) -> list[Member]:
    """List the files that nodes of a role get.

    :param folder: of the driver.
    :param excluded: names of files in ``common/node`` that this driver's nodes do not get.
    :raises ValueError: a file does not say its roles, or a file to exclude does not exist.
    """
    common = files.names('common/node')
    unknown = {f'common/node/{name}' for name in excluded} - set(common)
    if unknown:
        raise ValueError(f'{folder} excludes files that do not exist: {sorted(unknown)}')
    given = [name for name in common if _inner(name) not in excluded]
    given += files.names(f'{folder}/node')
    return sorted(_member(name) for name in given if role in _roles(name))


def entries(folder: str, role: str) -> Iterator[Mapping[str, Any]]:
    """The entries of cloud-init's ``write_files`` that bring a role's files, in HOT."""
    references = {name: f'common/node/{name}' for name in OF_USER_DATA}
    references['digest'] = f'{folder}/node/{role}{_SUFFIX}'
    for name, reference in references.items():
        yield {
            'path': f'{FOLDER}/{name}',
            'permissions': '0600',
            'content': {'get_file': reference},
        }


def role_of(reference: str) -> tuple[str, str] | None:
    """The driver's folder and the role of an archive whose digest an entry refers to."""
    folder, _, file = reference.partition('/node/')
    return (folder, file.removesuffix(_SUFFIX)) if file.endswith(_SUFFIX) else None


def pack(members: Collection[Member]) -> Archive:
    """Pack files into an archive; a program is known by its first characters, ``#!``."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode='w:xz', format=tarfile.USTAR_FORMAT) as archive:
        for member in members:
            content = files.read(member.source).encode('ascii')
            entry = tarfile.TarInfo(member.path)
            entry.size, entry.mode = len(content), _PROGRAM if member.is_program else _TEXT
            archive.addfile(entry, io.BytesIO(content))
    return Archive(raw.getvalue())


def _inner(name: str) -> str:
    return name.partition('/node/')[2]


def _roles(name: str) -> list[str]:
    found = _ROLES.search(files.read(name))
    if not found:
        raise ValueError(f'{name} has no line "# roles:" with master, worker or both')
    return found[1].split()


def _member(name: str) -> Member:
    inner = _inner(name)
    folder = ''
    if inner[:2].isdigit():
        folder = 'steps/'
    elif inner.endswith('.yaml'):
        folder = 'manifests/'
    return Member(f'{folder}{inner}', name, files.read(name).startswith('#!'))
