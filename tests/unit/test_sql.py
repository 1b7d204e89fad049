"""SQL stands in magnum/db, and what rules operations in one module of it."""

import ast
import pathlib
from collections.abc import Iterator

import magnum
from magnum.domain import machine

_ROOT = pathlib.Path(magnum.__file__).parent
_MACHINE = 'db/repositories/transitions.py'

#: What may be used of SQLAlchemy elsewhere: types of hints, errors, and URLs.
_ALLOWED = {'orm', 'orm.Session', 'Connection', 'ColumnElement', 'Table', 'exc', 'make_url'}
#: Methods of a session that run a statement, or make it run one.
_RUNNING = {'execute', 'scalar', 'scalars', 'add', 'add_all', 'delete', 'merge', 'get', 'query'}

def _modules() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(_ROOT.rglob('*.py')):
        yield path.relative_to(_ROOT).as_posix(), ast.parse(path.read_text())


def _used_of_sqlalchemy(tree: ast.Module) -> Iterator[str]:
    aliases: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            aliases |= {
                alias.asname or alias.name: alias.name.partition('.')[2]
                for alias in node.names if alias.name.split('.')[0] == 'sqlalchemy'
            }
        elif isinstance(node, ast.ImportFrom) and (node.module or '').split('.')[0] == 'sqlalchemy':
            within = (node.module or '').partition('.')[2]
            for alias in node.names:
                name = f'{within}.{alias.name}'.strip('.')
                aliases[alias.asname or alias.name] = name
                yield name
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if node.value.id in aliases:
                yield f'{aliases[node.value.id]}.{node.attr}'.strip('.')
            elif node.value.id == 'session' and node.attr in _RUNNING:
                yield f'session.{node.attr}'


def test_sql_is_in_db() -> None:
    found = {
        place: sorted(used)
        for place, tree in _modules() if not place.startswith('db/')
        if (used := set(_used_of_sqlalchemy(tree)) - _ALLOWED)
    }
    assert found == {}


def _is_operation(node: ast.expr, operation_tables: set[str]) -> bool:
    """Whether an expression names the table of operations, or its class."""
    text = ast.unparse(node)
    return text.split('.')[-1] == 'Operation' or text in operation_tables


def _tables_of_operations(tree: ast.Module) -> set[str]:
    """Names that a module gives to the table of operations."""
    names = {'operations.TABLE', 'transitions.TABLE'}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or '').endswith('.transitions'):
            names |= {alias.asname or alias.name for alias in node.names if alias.name == 'TABLE'}
        elif isinstance(node, ast.AnnAssign | ast.Assign) and (
            node.value is not None and ast.unparse(node.value).endswith('Operation.__table__')
        ):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names |= {ast.unparse(target) for target in targets}
    return names


def _has_class(tree: ast.Module) -> bool:
    """Whether ``Operation`` is the mapped class here."""
    return any(
        isinstance(node, ast.ImportFrom) and node.module == 'magnum.db.models'
        and any(alias.name == 'Operation' for alias in node.names)
        for node in ast.walk(tree)
    )


def _writes_of_states(tree: ast.Module) -> Iterator[str]:
    tables = _tables_of_operations(tree)
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=targets):
                yield from _assigned(*targets)
            case ast.AugAssign(target=target) | ast.AnnAssign(target=target, value=ast.expr()):
                yield from _assigned(target)
            case ast.Call(func=ast.Name(id='setattr')):
                yield ast.unparse(node)
            case ast.Call(func=ast.Name(id='Operation')) if _has_class(tree):
                yield ast.unparse(node.func)
            case ast.Call(func=ast.Attribute(value=ast.Name(id='models'), attr='Operation')):
                yield ast.unparse(node.func)
            case ast.Call(
                func=ast.Name(id='update' | 'insert') | ast.Attribute(attr='update' | 'insert'),
                args=[first, *_],
            ) if _is_operation(first, tables):
                yield ast.unparse(node)


def _assigned(*targets: ast.expr) -> Iterator[str]:
    for target in targets:
        if isinstance(target, ast.Tuple):
            yield from _assigned(*target.elts)
        elif (
            isinstance(target, ast.Attribute) and target.attr in machine.COLUMNS
            and ast.unparse(target.value) != 'self'
        ):
            yield ast.unparse(target)


def test_only_events_write_the_state_of_operations() -> None:
    found = {
        place: writes for place, tree in _modules()
        if place != _MACHINE and 'migrations' not in place
        if (writes := list(_writes_of_states(tree)))
    }
    assert found == {}
