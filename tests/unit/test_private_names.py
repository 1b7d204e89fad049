"""Private names of libraries: none is used but those that are listed, with the reason.

A library may change them in any release. Looked for are imports of such names,
attributes of what was imported, members of a library's classes that ours inherit
or override, and attributes of other objects that nothing of ours defines.
"""

import ast
import importlib
import inspect
import pathlib
import pkgutil
import re
import textwrap
from collections.abc import Iterator

import magnum

_ROOT = pathlib.Path(magnum.__file__).parent
_PRIVATE = re.compile(r'_(?!_)\w*')
_SET = re.compile(r'\bself\.(_(?!_)\w+)\b(?=\s*(?::.*)?=[^=])')
_BY_NAME = frozenset({'getattr', 'setattr', 'hasattr', 'delattr'})

#: Those that their documentation describes: of named tuples, and of SQLAlchemy's rows.
_DOCUMENTED = frozenset({'_asdict', '_fields', '_make', '_mapping', '_replace'})

_POOL = 'oslo.db makes the engine and its pool, and passes neither setting on to them'
#: Name as it is found, ``?`` for an object of unknown type: why there is no other way.
UNAVOIDABLE = {
    '?._pre_ping': _POOL,
    '?._reset_on_return': _POOL,
    'oslo_upgradecheck.upgradecheck.UpgradeCommands._upgrade_checks':
        'its documentation lets programs set this very name',
}


def _is_private(name: str) -> bool:
    return _PRIVATE.fullmatch(name) is not None and name not in _DOCUMENTED


def _is_ours(module: str) -> bool:
    return module.partition('.')[0] == 'magnum'


def _module(path: pathlib.Path) -> str:
    place = path.relative_to(_ROOT.parent).with_suffix('')
    return '.'.join(place.parts).removesuffix('.__init__')


def _trees() -> dict[str, ast.Module]:
    return {
        _module(path): ast.parse(path.read_text())
        for path in sorted(_ROOT.rglob('*.py')) if 'versions' not in path.parts
    }


def _imported(tree: ast.AST) -> dict[str, str]:
    """Names that a module has of libraries: what each stands for."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if not _is_ours(alias.name):
                    whole = alias.name if alias.asname else alias.name.partition('.')[0]
                    found[alias.asname or whole] = whole
        elif isinstance(node, ast.ImportFrom) and node.module and not _is_ours(node.module):
            for alias in node.names:
                found[alias.asname or alias.name] = f'{node.module}.{alias.name}'
    return found


def _import_paths(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f'{node.module}.{alias.name}' for alias in node.names)


def _dotted(node: ast.expr) -> str | None:
    """``a.b.c`` as text; None where it begins with anything but a name."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        inner = _dotted(node.value)
        return f'{inner}.{node.attr}' if inner else None
    if isinstance(node, ast.Call) and _dotted(node.func) == 'super':
        return 'super'
    return None


def _defined(tree: ast.AST) -> set[str]:
    """Private names that a module of ours defines."""
    found = set()
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                found.add(name)
            case ast.Name(id=name, ctx=ast.Store()):
                found.add(name)
            case ast.Attribute(value=ast.Name(id='self' | 'cls'), attr=name, ctx=ast.Store()):
                found.add(name)
    return {name for name in found if _is_private(name)}


def _attributes(tree: ast.AST) -> Iterator[tuple[str | None, str]]:
    """(what is looked into, the private name), as far as the former is a name."""
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=value, attr=name) if _is_private(name):
                yield _dotted(value), name
            case ast.Call(
                func=ast.Name(id=function), args=[value, ast.Constant(value=str(name)), *_]
            ) if function in _BY_NAME and _is_private(name):
                yield _dotted(value), name


def _of_modules(trees: dict[str, ast.Module]) -> Iterator[str]:
    for tree in trees.values():
        defined = _defined(tree)
        for path in _import_paths(tree):
            if not _is_ours(path) and any(map(_is_private, path.split('.'))):
                yield path
        imported = _imported(tree)
        for place, name in _attributes(tree):
            first, _, rest = (place or '').partition('.')
            if first in imported:
                yield '.'.join(filter(None, (imported[first], rest, name)))
            elif name not in defined and not (first in ('self', 'cls', 'super') and not rest):
                yield f'?.{name}'


def _of_classes() -> Iterator[str]:
    """Members of libraries' classes that a class of ours overrides or uses."""
    for found in pkgutil.walk_packages([str(_ROOT)], 'magnum.'):
        if '.versions' in found.name or found.name.endswith('migrations.env'):
            continue
        module = importlib.import_module(found.name)
        for _, cls in inspect.getmembers(module, inspect.isclass):
            if cls.__module__ == module.__name__:
                yield from _of_class(cls)


def _of_class(cls: type) -> Iterator[str]:
    library = [base for base in cls.__mro__[1:-1] if not _is_ours(base.__module__)]
    if all(base.__module__ in ('typing', 'abc', 'builtins') for base in library):
        return
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(cls)))
    except OSError:  # made while running
        return
    used = {name for place, name in _attributes(tree) if place in ('self', 'cls', 'super')}
    used |= _defined(tree)
    for base in library:
        for name in sorted(used & _members(base)):
            yield f'{base.__module__}.{base.__qualname__}.{name}'


def _members(cls: type) -> set[str]:
    """Private names of a class, and those that its methods set on an object."""
    try:
        source = inspect.getsource(cls)
    except (OSError, TypeError):
        source = ''
    return {*filter(_is_private, vars(cls)), *_SET.findall(source)}


def test_private_names_are_those_that_are_listed() -> None:
    found = set(_of_modules(_trees())) | set(_of_classes())
    assert found == UNAVOIDABLE.keys()
