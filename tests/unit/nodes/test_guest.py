"""Roots of which machines boot."""

import os
import pathlib
from collections.abc import Iterator

import pytest

from tools.devcloud import settings
from tools.node_image import recipe
from tools.nodes import guest, layout


@pytest.fixture(autouse=True)
def roots(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[pathlib.Path]:
    monkeypatch.setattr(layout, 'ROOTS', tmp_path)
    yield tmp_path
    guest._digest.cache_clear()


def made(path: pathlib.Path) -> pathlib.Path:
    (path / 'usr').mkdir(parents=True)
    return path


def test_nodes_of_mesos_have_a_root_of_their_own() -> None:
    assert guest.root('swarm') == guest.root('kubernetes') == guest.root()
    assert guest.root('mesos') != guest.root()


def test_every_image_has_a_root_of_its_own_release() -> None:
    names = {guest.root(image=image).name for image in guest.SUITES}
    assert {name.partition('-')[0] for name in names} == set(recipe.suites())
    assert guest.IMAGE in guest.SUITES
    assert set(guest.SUITES) <= set(settings.IMAGES)


def test_a_client_runs_with_the_libraries_of_its_guest() -> None:
    place = guest.root(image='ubuntu-24.04')
    for name in ('bin/docker', 'lib64/ld-linux-x86-64.so.2', 'lib/x86_64-linux-gnu/libc.so.6'):
        file = place / 'usr' / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    assert guest.client('docker', 'ubuntu-24.04') == [
        f'{place}/usr/lib64/ld-linux-x86-64.so.2', '--library-path',
        f'{place}/usr/lib/x86_64-linux-gnu', f'{place}/usr/bin/docker',
    ]


def test_a_root_that_is_there_is_not_made_again() -> None:
    path = made(guest.root('mesos'))
    assert guest.ensure('mesos') == path
    assert not guest.root().exists()


def test_the_roots_of_today_and_those_in_use_stay(
    roots: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    common, mesos = made(guest.root()), made(guest.root('mesos'))
    with guest.held():
        # The recipe becomes another one.
        monkeypatch.setattr(guest, '_UNITS', ('other.service',))
        guest._digest.cache_clear()
        monkeypatch.setattr(guest, '_make', lambda of, suite: made(guest._root(of, suite)))
        now = [guest.ensure(), guest.ensure('mesos')]
        assert all(path.is_dir() for path in (*now, common, mesos))
    # Nothing runs from the earlier ones when the next is made.
    now[0].rename(roots / 'away')
    guest.ensure()
    assert {path for path in roots.glob('bookworm-*') if path.is_dir()} == set(now)


@pytest.mark.parametrize(
    ('coe', 'names'),
    [('mesos', {'mesos-master', 'mesos-agent', 'marathon'}), ('swarm', set()),
     ('kubernetes', set())],
)
def test_programs_without_a_package_are_on_the_nodes_own_disk(
    coe: str, names: set[str], tmp_path: pathlib.Path
) -> None:
    guest.add_standins(tmp_path, coe)
    folder = tmp_path / 'usr/local/bin'
    assert set(os.listdir(folder)) == names
    assert all(os.access(folder / name, os.X_OK) for name in names)
