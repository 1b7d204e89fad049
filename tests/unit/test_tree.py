"""Folders: each says what belongs in it, and the contributor's guide has all of them."""

import ast
import pathlib
import re

import pytest

import magnum

_ROOT = pathlib.Path(magnum.__file__).parent
#: The packages that the guide draws.
_PACKAGES = (_ROOT, _ROOT.parent / 'clients/osc-magnum/osc_magnum')
_TREE = _ROOT.parent / 'doc/source/contributor/tree.rst'
#: Depth of the first line of the drawing, and of each level, in spaces.
_INDENT, _STEP = 4, 2
_MOST_API_FILES = 10


def _folders() -> set[pathlib.PurePath]:
    return {
        path.relative_to(package.parent)
        for package in _PACKAGES for path in (package, *package.rglob('*'))
        if path.is_dir() and path.name != '__pycache__'
    }


def _drawn() -> dict[pathlib.PurePath, str]:
    """What the guide has: folders and modules, each with what is said of it."""
    found: dict[pathlib.PurePath, str] = {}
    place: list[str] = []
    for line in _TREE.read_text().splitlines():
        match = re.fullmatch(r'( {4,})([a-z_]+/|[a-z_]+\.py) {2,}(\S.*)', line)
        if match:
            depth = (len(match[1]) - _INDENT) // _STEP
            place[depth:] = [match[2].rstrip('/')]
            found[pathlib.PurePath(*place)] = match[3]
    return found


def test_the_guide_has_every_folder() -> None:
    drawn = {path for path in _drawn() if path.suffix != '.py'}
    assert drawn == _folders()


def test_what_the_guide_names_is_there() -> None:
    assert {
        path for path in _drawn()
        if not any((package.parent / path).exists() for package in _PACKAGES)
    } == set()


def test_the_guide_has_every_module_of_the_api_itself() -> None:
    modules = {
        path.relative_to(_ROOT.parent)
        for path in (_ROOT / 'api').glob('*.py') if path.name != '__init__.py'
    }
    drawn = {path for path in _drawn() if path.parent == pathlib.PurePath('magnum/api')}
    assert {path for path in drawn if path.suffix == '.py'} == modules


def test_the_api_has_few_files_beside_its_folders() -> None:
    assert len([path for path in (_ROOT / 'api').iterdir() if path.is_file()]) <= _MOST_API_FILES


@pytest.mark.parametrize(
    'init', sorted(init for package in _PACKAGES for init in package.rglob('__init__.py')),
    ids=lambda path: path.parent.name,
)
def test_a_folder_says_what_belongs_in_it(init: pathlib.Path) -> None:
    said = (ast.get_docstring(ast.parse(init.read_text())) or '').partition('\n')[0]
    assert re.fullmatch(r'[A-Z].{10,}\.', said)
