"""Imports point down only; every entry point can be imported; no eventlet."""

import ast
import importlib
import pathlib
import subprocess
import sys
from importlib import metadata

import pytest

import magnum
from magnum.conf import list_opts

_ROOT = pathlib.Path(magnum.__file__).parent

#: Folders and modules, highest first. One may import its own layer and lower ones.
LAYERS = (
    {'wsgi', 'cmd'},
    {'api', 'conductor'},
    {'operations'},
    {'drivers', 'certificates'},
    {'clients', 'policies'},
    {'db'},
    {'domain', 'conf'},
)
#: Where a layer's parts may not even import each other.
APART = ({'api', 'conductor'}, {'clients', 'policies'})
_OF_PROCESSES = {'native_threads', 'version'}


def _part(module: str) -> str | None:
    words = module.split('.')
    return words[1] if words[0] == 'magnum' and len(words) > 1 else None


def _imports(path: pathlib.Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f'{node.module}.{alias.name}' for alias in node.names}
    return {part for module in found if (part := _part(module))}


def _level(part: str) -> int:
    return next(level for level, parts in enumerate(LAYERS) if part in parts)


def test_imports_point_down() -> None:
    wrong = []
    for path in sorted(_ROOT.rglob('*.py')):
        place = path.relative_to(_ROOT)
        part = place.parts[0].removesuffix('.py')
        if part in _OF_PROCESSES or part == '__init__':
            continue
        for imported in _imports(path) - _OF_PROCESSES:
            apart = any({part, imported} == pair for pair in APART)
            if _level(imported) < _level(part) or apart:
                wrong.append(f'{place} imports magnum.{imported}')
    assert wrong == []


def _entry_points() -> list[metadata.EntryPoint]:
    return [
        point for point in metadata.distribution('magnum').entry_points
        if point.value.startswith('magnum.')
    ]


def test_there_are_entry_points() -> None:
    names = {point.name for point in _entry_points() if point.group == 'console_scripts'}
    assert names == {
        'magnum-api', 'magnum-conductor', 'magnum-all-in-one', 'magnum-db-manage',
        'magnum-driver-manage', 'magnum-status',
    }


@pytest.mark.parametrize('point', _entry_points(), ids=lambda point: point.name)
def test_entry_point_can_be_imported(point: metadata.EntryPoint) -> None:
    assert point.load() is not None


@pytest.mark.parametrize('module', ['all_in_one', 'conductor', 'api'])
def test_no_eventlet(module: str) -> None:
    code = (
        f'import magnum.cmd.{module}, sys; '
        'loaded = [m for m in sys.modules if m.split(".")[0] == "eventlet" and sys.modules[m]]; '
        'sys.exit(bool(loaded))'
    )
    done = subprocess.run([sys.executable, '-W', 'ignore', '-c', code], timeout=60, check=False)
    assert done.returncode == 0


def test_every_option_has_a_section_and_help() -> None:
    for group, options in list_opts():
        for option in options:
            assert option.help, f'{group} {option.name}'


def test_subpackages_are_importable() -> None:
    for init in sorted(_ROOT.rglob('__init__.py')):
        place = init.parent.relative_to(_ROOT.parent)
        if 'migrations' not in place.parts:
            importlib.import_module('.'.join(place.parts))
