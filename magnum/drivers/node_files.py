"""Files of nodes: those of ``common/node`` and of the driver's own folder ``node``.

A line ``# roles: master worker`` in a file says which nodes get it.
``NN-name.sh`` is a step, ``*.yaml`` a manifest; the others lie beside them.
Nova limits user data to 64 KB, so files are packed as cloud-init's ``gz+b64``,
without lines that are comments.
"""

import base64
import gzip
import re
from collections.abc import Collection
from typing import Any, Final

from magnum.drivers import files

# A line that is a comment, but neither "#!" nor what run.sh reads.
_COMMENT: Final = re.compile(r'^[ \t]*#(?!!| attempts:).*\n', re.MULTILINE)
_ROLES: Final = re.compile(r'^# roles:((?: master| worker)+)$', re.MULTILINE)

# The order in user data, which stays as living stacks have it; all others
# follow by their paths.
_FIRST: Final = ('run.sh', 'lib.sh', 'mesos.sh', 'magnum-curl', 'metadata.sh', 'trust.sh')


def pack(text: str) -> str:
    """Pack a text as cloud-init's ``gz+b64``; equal texts give equal packs."""
    bare = _COMMENT.sub('', text)
    return base64.b64encode(gzip.compress(bare.encode('ascii'), mtime=0)).decode('ascii')


def for_role(folder: str, role: str, excluded: Collection[str]) -> list[dict[str, Any]]:
    """List the entries of cloud-init's ``write_files`` for nodes of a role, in HOT.

    :param folder: of the driver.
    :param excluded: names of files in ``common/node`` that this driver's nodes do not get.
    :raises ValueError: a file does not say its roles, or a file to exclude does not exist.
    """
    common = files.names('common/node')
    unknown = {f'common/node/{name}' for name in excluded} - set(common)
    if unknown:
        raise ValueError(f'{folder} excludes files that do not exist: {sorted(unknown)}')
    given = [name for name in common if _base(name) not in excluded]
    given += files.names(f'{folder}/node')
    entries = [_entry(name) for name in given if role in _roles(name)]
    return sorted(entries, key=_place)


def _base(name: str) -> str:
    return name.rpartition('/')[2]


def _roles(name: str) -> list[str]:
    found = _ROLES.search(files.read(name))
    if not found:
        raise ValueError(f'{name} has no line "# roles:" with master, worker or both')
    return found[1].split()


def _entry(name: str) -> dict[str, Any]:
    base = _base(name)
    folder = ''
    if base[:2].isdigit():
        folder = 'steps/'
    elif base.endswith('.yaml'):
        folder = 'manifests/'
    return {
        'path': f'/opt/magnum/{folder}{base}',
        'permissions': '0700' if files.read(name).startswith('#!') else '0600',
        'encoding': 'gz+b64',
        'content': {'get_file': name},
    }


def _place(entry: dict[str, Any]) -> tuple[int, str]:
    base = _base(entry['path'])
    return _FIRST.index(base) if base in _FIRST else len(_FIRST), entry['path']
