"""Files of nodes: those of ``common/node`` and of the driver's own folder ``node``.

A line ``# roles: master worker`` in a file says which nodes get it.
``NN-name.sh`` is a step, ``*.yaml`` a manifest; the others lie beside them, in the
subfolder that they are in here. Nova limits user data to 64 KB, and small texts
that are alike compress well together: nodes of a role get one archive, a list of
``[path, mode, text]`` as JSON, compressed and written in base 85, in which
are neither comments nor docstrings, nor annotations of Python. Of what Python can
unpack, which every guest has for cloud-init, bzip2 takes the least.
"""

import ast
import base64
import bz2
import itertools
import json
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final, NamedTuple

from magnum.drivers import files

#: Where the archive lies on a node, and its files.
ARCHIVE: Final = '/opt/magnum/files'
FOLDER: Final = '/opt/magnum'

# A line that is a comment, but neither "#!" nor what run.sh reads.
_COMMENT: Final = re.compile(r'^[ \t]*#(?!!| attempts:).*\n', re.MULTILINE)
_ROLES: Final = re.compile(r'^# roles:((?: master| worker)+)$', re.MULTILINE)
_SUFFIX: Final = '.archive'
#: Heat replaces words that begin with "$".
_SPELLED: Final = str.maketrans('$', ',')


class Member(NamedTuple):
    """A file of the archive, with its path below ``FOLDER``."""

    path: str
    source: str
    is_program: bool


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


def entry(folder: str, role: str) -> Mapping[str, Any]:
    """The entry of cloud-init's ``write_files`` that brings a role's files, in HOT."""
    return {
        'path': ARCHIVE,
        'permissions': '0600',
        'content': {'get_file': reference(folder, role)},
    }


def reference(folder: str, role: str) -> str:
    """What an entry refers to the archive of a driver's nodes by."""
    return f'{folder}/node/{role}{_SUFFIX}'


def role_of(reference: str) -> tuple[str, str] | None:
    """The driver's folder and the role of an archive that an entry refers to."""
    folder, _, file = reference.partition('/node/')
    return (folder, file.removesuffix(_SUFFIX)) if file.endswith(_SUFFIX) else None


def pack(members: Collection[Member]) -> str:
    """Pack files as text of an archive; equal files give equal packs."""
    packed = json.dumps(
        [(member.path, 0o700 if member.is_program else 0o600, bare(member.source))
         for member in members],
        separators=(',', ':'),
    )
    text = base64.b85encode(bz2.compress(packed.encode('ascii'))).decode('ascii')
    return text.translate(_SPELLED)


def bare(name: str) -> str:
    """The text of a file without what only its readers here need."""
    text = files.read(name)
    if name.endswith('.py'):
        text = _without_annotations(text)
        lines = text.splitlines(keepends=True)
        for first, last in _docstrings(text):
            lines[first:last] = [''] * (last - first)
        text = ''.join(lines)
    return _COMMENT.sub('', text)


def _docstrings(text: str) -> Iterator[tuple[int, int]]:
    """Lines, from 0, of docstrings without which a module is the same."""
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
            continue
        if len(node.body) > 1 and ast.get_docstring(node) is not None:
            docstring = node.body[0]
            yield docstring.lineno - 1, docstring.end_lineno or docstring.lineno


def _without_annotations(text: str) -> str:
    """The text without types of arguments, results and variables, but those of classes."""
    starts = [0, *itertools.accumulate(map(len, text.splitlines(keepends=True)))]

    def end(node: ast.expr | ast.arg) -> int:
        return starts[(node.end_lineno or node.lineno) - 1] + (node.end_col_offset or 0)

    module = ast.parse(text)
    of_classes = {
        id(field) for node in ast.walk(module) if isinstance(node, ast.ClassDef)
        for field in node.body
    }
    cuts = []
    for node in ast.walk(module):
        if isinstance(node, ast.arg) and node.annotation:
            cuts.append((starts[node.lineno - 1] + node.col_offset + len(node.arg), end(node)))
        elif isinstance(node, ast.FunctionDef) and node.returns:
            arrow = text.rindex(' ->', 0, end(node.returns))
            cuts.append((arrow, end(node.returns)))
        elif isinstance(node, ast.AnnAssign) and node.value and id(node) not in of_classes:
            cuts.append((end(node.target), end(node.annotation)))
    for first, last in sorted(cuts, reverse=True):
        text = text[:first] + text[last:]
    return text


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
