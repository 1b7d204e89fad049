"""Imports point down only; every entry point can be imported; no eventlet."""

import ast
import importlib
import os
import pathlib
import subprocess
import sys
from collections.abc import Sequence
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
#: Folders and modules of the API, highest first, by the same rule.
API_ROOMS = (
    {'app'},
    {'dispatch'},
    {'openapi'},
    {'routes'},
    {'controllers', 'bootstrap'},
    {'requests', 'services'},
    {'views'},
    {'http'},
    {'types'},
    {'dialects', 'versions'},
    {'errors'},
)
#: Where a layer's parts may not even import each other.
APART = ({'api', 'conductor'}, {'clients', 'policies'})
_OF_PROCESSES = {'native_threads', 'version'}


def _part(module: str, package: str) -> str | None:
    """The folder or module inside of a package that a module is, or is in."""
    if not module.startswith(f'{package}.'):
        return None
    return module.removeprefix(f'{package}.').partition('.')[0]


def _imports(path: pathlib.Path, package: str = 'magnum') -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f'{node.module}.{alias.name}' for alias in node.names}
    return {part for module in found if (part := _part(module, package))}


def _level(part: str, layers: Sequence[set[str]] = LAYERS) -> int:
    return next(level for level, parts in enumerate(layers) if part in parts)


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


def test_imports_point_down_inside_the_api() -> None:
    wrong = []
    for path in sorted((_ROOT / 'api').rglob('*.py')):
        place = path.relative_to(_ROOT / 'api')
        part = place.parts[0].removesuffix('.py')
        if part == '__init__':
            continue
        for imported in _imports(path, 'magnum.api'):
            if _level(imported, API_ROOMS) < _level(part, API_ROOMS):
                wrong.append(f'{place} imports magnum.api.{imported}')
    assert wrong == []


def test_the_rooms_of_the_api_are_all_there() -> None:
    there = {path.name.removesuffix('.py') for path in (_ROOT / 'api').glob('[a-z]*')}
    assert set().union(*API_ROOMS) == there


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


@pytest.mark.slow
@pytest.mark.parametrize('module', ['all_in_one', 'conductor', 'api'])
def test_no_eventlet(module: str) -> None:
    code = (
        f'import magnum.cmd.{module}, sys; '
        'loaded = [m for m in sys.modules if m.split(".")[0] == "eventlet" and sys.modules[m]]; '
        'sys.exit(bool(loaded))'
    )
    done = subprocess.run([sys.executable, '-W', 'ignore', '-c', code], timeout=60, check=False)
    assert done.returncode == 0


#: What the API's process does without: operations are carried out elsewhere.
_NOT_OF_THE_API = (
    'taskflow', 'heatclient', 'magnum.clients.heat', 'magnum.operations.steps', 'magnum.conductor',
)
#: What only some changes need: a WSGI server's process loads it with the first of these.
_NOT_OF_READS = (
    'oslo_messaging', 'oslo_service.backend._threading', 'futurist', 'cotyledon', 'kombu',
    'jsonschema', 'novaclient', 'alembic', 'magnum.cmd', 'magnum.api.openapi',
)


_STARTED = """
import sys
from magnum.wsgi.api import application
environ = {
    'REQUEST_METHOD': 'GET', 'PATH_INFO': '/v1', 'SERVER_NAME': 'x', 'SERVER_PORT': '80',
    'wsgi.url_scheme': 'http', 'wsgi.version': (1, 0),
}
statuses = []
assert application(environ, lambda status, *_: statuses.append(status))
assert statuses == ['200 OK'], statuses
assert 'magnum.drivers.kubernetes.driver' in sys.modules
print('loaded:', *(name for name in sys.modules if name.startswith(%r)))
"""


@pytest.mark.parametrize(
    ('program', 'not_loaded'),
    [('', _NOT_OF_THE_API + _NOT_OF_READS), ('from magnum.cmd import api', _NOT_OF_THE_API)],
    ids=['a WSGI server', 'magnum-api'],
)
def test_the_api_loads_nothing_that_it_does_not_need(
    tmp_path: pathlib.Path, program: str, not_loaded: tuple[str, ...]
) -> None:
    configuration = tmp_path / 'magnum.conf'
    configuration.write_text(
        f'[database]\nconnection = sqlite:///{tmp_path}/magnum.sqlite\n'
        f'[certificates]\nencryption_keys = {"A" * 43}=\n'
    )
    done = subprocess.run(
        [sys.executable, '-W', 'ignore', '-c', program + _STARTED % (not_loaded,)],
        timeout=300, check=False, capture_output=True, text=True,
        env={**os.environ, 'OS_MAGNUM_CONFIG_FILES': str(configuration)},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].split() == ['loaded:']


def _names_of_libraries(tree: ast.Module) -> set[str]:
    """What a module calls what it imports from Pecan and WSME."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            place = getattr(node, 'module', None) or ''
            for alias in node.names:
                if (place or alias.name).split('.')[0] in {'pecan', 'wsme'}:
                    found.add(alias.asname or alias.name.split('.')[0])
    return found


def test_pecan_and_wsme_are_used_by_their_documented_doors() -> None:
    private, subclasses = set(), set()
    for path in sorted(_ROOT.rglob('*.py')):
        tree = ast.parse(path.read_text())
        names = _names_of_libraries(tree)
        for node in ast.walk(tree):
            text = ast.unparse(node) if isinstance(node, ast.Attribute) else ''
            if text.split('.')[0] in names and any(w.startswith('_') for w in text.split('.')):
                private.add(text)
            if isinstance(node, ast.Constant) and str(node.value).startswith(('_wsme', '_pecan')):
                private.add(str(node.value))
            if isinstance(node, ast.ClassDef):
                bases = {ast.unparse(base) for base in node.bases}
                subclasses |= {base for base in bases if base.split('.')[0] in names}
            if path.is_relative_to(_ROOT / 'api') and text == 'sys.modules':
                private.add(text)
    # The documentation of sort_attributes gives it for generated types.
    assert private == {'_wsme_attr_order'}
    assert subclasses == {'hooks.PecanHook', 'wsme.types.UserType'}


def test_every_option_has_a_section_and_help() -> None:
    for group, options in list_opts():
        for option in options:
            assert option.help, f'{group} {option.name}'


def test_subpackages_are_importable() -> None:
    for init in sorted(_ROOT.rglob('__init__.py')):
        place = init.parent.relative_to(_ROOT.parent)
        if 'migrations' not in place.parts:
            importlib.import_module('.'.join(place.parts))
