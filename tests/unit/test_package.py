"""The wheel and the sdist: made from a tree without git, they have all of it."""

import configparser
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterable
from email.message import Message
from email.parser import Parser
from importlib import metadata

import pytest
from reno import config, scanner

from magnum.version import VERSION
from tests.unit.cmd import programs

# Packages are made, and installed.
pytestmark = pytest.mark.slow

_ROOT = pathlib.Path(__file__).parents[2]
#: Below which the wheel has files for an operator to copy.
_SAMPLES = f'magnum-{VERSION}.data/data/share/magnum/'
#: Nothing of these is for who installs or builds the package.
_NOT_PACKAGED = ('.ci/', '.gitignore', '.pre-commit-config.yaml')


def _tracked() -> list[str]:
    """Files of the tree: what git has, or all where there is no git."""
    if (_ROOT / '.git').exists():
        listed = _run(_ROOT, 'git', 'ls-files')
        return [name for name in listed.splitlines() if (_ROOT / name).is_file()]
    return [
        str(path.relative_to(_ROOT)) for path in _ROOT.rglob('*')
        if path.is_file() and not _is_made(path.relative_to(_ROOT))
    ]


def _is_made(path: pathlib.Path) -> bool:
    return path.parts[0] in {'build', 'dist', 'mutants'} or any(
        part.startswith('.') or part == '__pycache__' or part.endswith('.egg-info')
        for part in path.parts
    )


def _run(directory: pathlib.Path, *command: str, **variables: str) -> str:
    environment = {
        name: value for name, value in os.environ.items()
        if not name.startswith(('PBR_', 'GIT_', 'PYTHONPATH', 'OSLO_'))
    }
    done = subprocess.run(
        command, cwd=directory, env={**environment, 'PYTHONWARNINGS': 'ignore', **variables},
        capture_output=True, text=True, timeout=600, check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _copy(files: Iterable[str], target: pathlib.Path) -> None:
    for name in files:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(_ROOT / name, target / name)


def _built(hook: str, tree: pathlib.Path, target: pathlib.Path) -> pathlib.Path:
    """What a hook of the build backend makes, as pip calls it."""
    target.mkdir(exist_ok=True)
    code = f'from pbr import build; build.{hook}({str(target)!r})'
    _run(tree, sys.executable, '-c', code)
    made = [*target.iterdir()]
    assert len(made) == 1
    return made[0]


@pytest.fixture(scope='module')
def sdist(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    tree = tmp_path_factory.mktemp('tree')
    _copy(_tracked(), tree)
    return _built('build_sdist', tree, tmp_path_factory.mktemp('sdist'))


@pytest.fixture(scope='module')
def wheel(sdist: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """Made from the sdist, as package indexes and distributions do."""
    directory = tmp_path_factory.mktemp('unpacked')
    # Debian 12's Python cannot be told to trust no archive, later ones want to be.
    subprocess.run(['tar', '-xf', sdist, '-C', directory], check=True)
    return _built('build_wheel', directory / f'magnum-{VERSION}', tmp_path_factory.mktemp('wheel'))


@pytest.fixture(scope='module')
def names(wheel: pathlib.Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def _metadata(wheel: pathlib.Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        return Parser().parsestr(archive.read(f'magnum-{VERSION}.dist-info/METADATA').decode())


def test_wheel_has_every_file_of_the_package(names: set[str]) -> None:
    package = {name for name in _tracked() if name.startswith('magnum/')}
    assert len(package) > 200
    assert {name for name in names if name.startswith('magnum/')} == package


def test_wheel_has_nothing_else(names: set[str]) -> None:
    places = ('magnum/', f'magnum-{VERSION}.dist-info/', _SAMPLES)
    assert {name for name in names if not name.startswith(places)} == set()


def test_wheel_has_the_samples(names: set[str]) -> None:
    tracked = {
        name.removeprefix('etc/').removeprefix('magnum/') for name in _tracked()
        if name.startswith('etc/') and not name.startswith(('etc/magnum/.', 'etc/magnum/README'))
    }
    assert {
        name.removeprefix(_SAMPLES) for name in names if name.startswith(_SAMPLES)
    } == tracked


def test_sdist_has_every_file_of_the_tree(sdist: pathlib.Path) -> None:
    with tarfile.open(sdist) as archive:
        packaged = {name.partition('/')[2] for name in archive.getnames()}
    tracked = {name for name in _tracked() if not name.startswith(_NOT_PACKAGED)}
    assert tracked - packaged == {
        name for name in tracked if pathlib.Path(name).name in {'.gitignore', '.gitkeep'}
    } - packaged


def test_release_is_that_of_the_tree(sdist: pathlib.Path, wheel: pathlib.Path) -> None:
    assert sdist.name == f'magnum-{VERSION}.tar.gz'
    assert wheel.name == f'magnum-{VERSION}-py3-none-any.whl'
    assert _metadata(wheel)['Version'] == VERSION


def test_notes_are_those_of_the_release() -> None:
    text = _run(_ROOT, sys.executable, '-m', 'doc.ext.changelog')
    releases = re.findall(r'(?m)^(\S+)\n=+$', text)
    assert releases[0] == VERSION
    assert text.count('Prelude\n') >= 1


def test_notes_have_ids_of_their_own() -> None:
    notes = [*(_ROOT / 'releasenotes').rglob('*-*.yaml')]
    assert len({note.stem.rpartition('-')[2] for note in notes}) == len(notes)
    assert {note.parent for note in notes} == {_ROOT / config.Config(str(_ROOT)).notespath}


@pytest.mark.skipif(not (_ROOT / '.git').exists(), reason='this tree has no history')
def test_reno_reads_the_history_of_notes(tmp_path: pathlib.Path) -> None:
    _run(tmp_path, 'git', 'clone', '--quiet', '--no-checkout', str(_ROOT), 'clone')
    clone = tmp_path / 'clone'
    _run(clone, 'git', 'checkout', '--quiet', 'HEAD', '--', 'releasenotes')
    with scanner.Scanner(config.Config(str(clone))) as history:
        found = [name for notes in history.get_notes_by_version().values() for name, _ in notes]
    assert found
    assert sorted(found) == sorted(
        str(note.relative_to(clone)) for note in clone.rglob('*-*.yaml')
    )


def test_requirements_are_in_the_wheel(wheel: pathlib.Path) -> None:
    declared = [
        line.partition('#')[0].strip() for line in
        (_ROOT / 'requirements.txt').read_text().splitlines() if not line.startswith('#')
    ]
    assert len(_metadata(wheel).get_all('Requires-Dist') or ()) == len(declared)


def test_entry_points_are_in_the_wheel(wheel: pathlib.Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        text = archive.read(f'magnum-{VERSION}.dist-info/entry_points.txt').decode()
    packaged = configparser.ConfigParser(delimiters='=')
    packaged.read_string(text)
    installed = metadata.distribution('magnum').entry_points
    assert {
        (group, name) for group in packaged.sections() for name in packaged[group]
    } == {(point.group, point.name) for point in installed}


def test_wheel_alone_makes_a_database_and_finds_drivers(
    wheel: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    """Migrations and labels are found beside the modules of the wheel."""
    shutil.unpack_archive(wheel, tmp_path / 'wheel', 'zip')
    config = programs.write(tmp_path)
    code = f"""
import pathlib
import magnum.native_threads
import magnum
from magnum import conf
from magnum.db import migration
from magnum.db.engine import Database
from magnum.drivers.registry import Registry

assert pathlib.Path(magnum.__file__).is_relative_to({str(tmp_path)!r}), magnum.__file__
database = Database(conf.load(config_files=[{str(config)!r}]))
migration.upgrade(database, 'head')
assert migration.version(database) == migration.newest()
for driver in Registry.from_entry_points([]).all().values():
    assert len(driver.labels_schema()['properties']) > 5
print('done')
"""
    assert _run(
        tmp_path, sys.executable, '-c', code, PYTHONPATH=str(tmp_path / 'wheel')
    ).endswith('done\n')


def test_clone_without_tags_knows_its_release_and_stays_clean(tmp_path: pathlib.Path) -> None:
    clone = tmp_path / 'clone'
    _copy(_tracked(), clone)
    _run(clone, 'git', 'init', '--quiet')
    _run(clone, 'git', 'add', '--all', '--force')
    _run(
        clone, 'git', '-c', 'user.name=Packager', '-c', 'user.email=packager@example.org',
        'commit', '--quiet', '--message', 'Import',
    )
    editable = _built('build_editable', clone, tmp_path / 'editable')
    assert editable.name.startswith(f'magnum-{VERSION}-')
    assert _built('build_sdist', clone, tmp_path / 'sdist').name == f'magnum-{VERSION}.tar.gz'
    left = {
        line.split()[-1] for line in
        _run(clone, 'git', 'status', '--porcelain', '--ignored').splitlines()
    }
    assert left <= {'magnum.egg-info/', 'build/'}
