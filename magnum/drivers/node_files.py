"""Files of nodes: those of ``common/node`` and of the driver's own folder ``node``.

A line ``# roles: master worker`` in a file says which nodes get it.
``NN-name.sh`` is a step, ``*.yaml`` a manifest; the others lie beside them, in the
subfolder that they are in here. Nova limits user data to 64 KB, and small texts
that are alike compress well together: nodes of a role get one archive, paths and texts
in turn, each ended by a null character, compressed and written in base 90, in which
are neither comments nor docstrings, nor annotations of Python, nor empty lines. Of what
Python can unpack, which every guest has for cloud-init, bzip2 takes the least.
"""

import ast
import bz2
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final, NamedTuple, TypeVar

from magnum.drivers import files

#: Where the archive lies on a node, and its files.
ARCHIVE: Final = '/opt/magnum/files'
FOLDER: Final = '/opt/magnum'

_Documented = TypeVar('_Documented', ast.Module, ast.ClassDef, ast.FunctionDef)

# A line that is a comment, but neither "#!" nor what run.sh reads.
_COMMENT: Final = re.compile(r'^[ \t]*#(?!!| attempts:).*\n', re.MULTILINE)
#: What begins a here-document, and the word that ends it.
_HERE_DOCUMENT: Final = re.compile(r"(?<!<)<<'?(\w+)")
_EMPTY_LINES: Final = re.compile(r'\n{2,}')
_ROLES: Final = re.compile(r'^# roles:((?: master| worker)+)$', re.MULTILINE)
_SUFFIX: Final = '.archive'
#: Digits begin after "$", which begins words that Heat replaces, and end before DEL: no
#: base of Python's takes as little. JSON would write two characters for a backslash.
_BASE: Final = 90
_AT_ONCE: Final = 200
_SEVERAL: Final = _BASE ** _AT_ONCE
_FIRST_DIGIT: Final = ord('%')
_SPELLED: Final = str.maketrans('\\', '!')


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
    """Pack files as text of an archive; equal files give equal packs.

    A node knows programs by their first characters, ``#!``.
    """
    packed = ''.join(f'{member.path}\0{bare(member.source)}\0' for member in members)
    number = int.from_bytes(bz2.compress(packed.encode('ascii')), 'big')
    return _digits(number).translate(_SPELLED)


def _digits(number: int) -> str:
    """A number in digits; several at once, for of a large one each takes long."""
    found = []
    while number:
        number, part = divmod(number, _SEVERAL)
        for _ in range(_AT_ONCE):
            part, digit = divmod(part, _BASE)
            found.append(chr(_FIRST_DIGIT + digit))
    return ''.join(reversed(found)).lstrip(chr(_FIRST_DIGIT))


def bare(name: str) -> str:
    """The text of a file without what only its readers here need."""
    text = files.read(name)
    if name.endswith('.sh'):
        return ''.join(_bare_script(text))
    if not name.endswith('.py'):
        return _COMMENT.sub('', text)
    first = text.partition('\n')[0] + '\n' if text.startswith('#!') else ''
    transformer = _Bare(text)
    program = ast.unparse(transformer.visit(ast.parse(text)))
    for placeholder, segment in transformer.f_strings.items():
        program = program.replace(placeholder, segment)
    return _EMPTY_LINES.sub('\n', f'{first}{program}\n')


def _bare_script(text: str) -> Iterator[str]:
    """The lines of a script but for comments and empty ones; of here-documents all lines."""
    end = None
    for line in text.splitlines(keepends=True):
        if end is not None:
            end = None if line.rstrip('\n') == end else end
        elif line == '\n' or _COMMENT.fullmatch(line):
            continue
        elif found := _HERE_DOCUMENT.search(line):
            end = found[1]
        yield line


class _Bare(ast.NodeTransformer):
    """Leaves out docstrings without which a module is the same, and annotations.

    Fields of classes keep theirs: dataclasses read them. f-strings stay as they are written:
    from 3.12 on ``ast.unparse`` gives them quotes that no older Python reads, as guests have.

    :ivar f_strings: by the variables that stand in their places.
    """

    def __init__(self, text: str):
        self._text = text
        self.f_strings: dict[str, str] = {}

    def visit_Module(self, node: ast.Module) -> ast.AST:
        self.generic_visit(node)
        return _without_docstring(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        node.body = [
            each if isinstance(each, ast.AnnAssign) else self.visit(each) for each in node.body
        ]
        return _without_docstring(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        self.generic_visit(node)
        node.returns = None
        return _without_docstring(node)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        segment = ast.get_source_segment(self._text, node) or ''
        placeholder = f'_f_string_{len(self.f_strings)}_'
        self.f_strings[placeholder] = f'({segment})' if '\n' in segment else segment
        return ast.copy_location(ast.Name(placeholder, ast.Load()), node)

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        if node.value is None:
            return node
        return ast.copy_location(ast.Assign(targets=[node.target], value=node.value), node)


def _without_docstring(node: _Documented) -> _Documented:
    if len(node.body) > 1 and ast.get_docstring(node) is not None:
        del node.body[0]
    return node


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
