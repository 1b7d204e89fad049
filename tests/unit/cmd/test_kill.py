"""How long the work of a conductor lies still that was killed: real processes, default times."""

import contextlib
import pathlib
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from magnum import conf as magnum_conf
from magnum.db import migration, models
from magnum.db.engine import Database
from magnum.domain import states
from tests.operations.conftest import World
from tests.unit.cmd import programs

# Each test starts programs.
pytestmark = pytest.mark.slow


@pytest.fixture
def silent_keystone() -> Iterator[str]:
    """Takes connections and never answers: a step that asks it stays at work."""
    with socket.create_server(('127.0.0.1', 0), backlog=64) as server:
        yield f'http://127.0.0.1:{server.getsockname()[1]}/v3'


@pytest.fixture
def world(tmp_path: pathlib.Path) -> Iterator[World]:
    """The database of the processes, and requests' way to it; the cloud is theirs."""
    conf = magnum_conf.new_config()
    path = programs.write(tmp_path)
    conf(['--config-file', str(path)], project='magnum')
    with contextlib.closing(Database(conf)) as database:
        migration.upgrade(database)
        yield World(conf, database, None, None)  # type: ignore[arg-type]


#: (both have the same state_path, the operation is cancelled, seconds at most).
CASES = {
    'on its host': (True, False, 12),
    'on another host': (False, False, 30),
    'on another host, cancelled': (False, True, 45),
}


@pytest.mark.parametrize('case', CASES)
def test_the_work_of_a_killed_conductor(
    tmp_path: pathlib.Path, world: World, silent_keystone: str, case: str
) -> None:
    same_host, cancelled, most = CASES[case]
    with contextlib.ExitStack() as stack:
        conductors = {}
        for name in ('east', 'west'):
            path = _configuration(tmp_path, name, silent_keystone, same_host)
            conductors[name] = stack.enter_context(
                programs.running('magnum-conductor', path, tmp_path / f'{name}.log')
            )
        for name, conductor in conductors.items():
            conductor.wait_for_log(f'Conductor {name}/')
        uuid = world.create()
        conductor.wait_for(lambda: _state(world, uuid) == states.RUNNING)
        doomed = _worker(world, uuid)
        if cancelled:
            world.about('cancel', world.operations(uuid)[0])
        victim = conductors.pop(doomed.partition('/')[0])
        victim.process.kill()
        killed = time.monotonic()
        (heir,) = conductors.values()
        heir.wait_for(lambda: _worker(world, uuid) not in ('', doomed))
        lay_still = time.monotonic() - killed
    print(f'{case}: {lay_still:.1f} s')
    assert lay_still < most


def _configuration(
    directory: pathlib.Path, name: str, keystone: str, same_host: bool
) -> pathlib.Path:
    state = directory if same_host else directory / name
    path = programs.write(directory, {
        'DEFAULT': {'host': name, 'state_path': str(state)},
        'keystone_auth': {
            'auth_type': 'password', 'auth_url': keystone, 'username': 'magnum',
            'password': 'x', 'project_name': 'service', 'user_domain_name': 'Default',
            'project_domain_name': 'Default',
        },
    })
    return path.rename(directory / f'{name}.conf')


def _worker(world: World, uuid: str) -> str:
    return _column(world, uuid, models.Operation.worker) or ''


def _state(world: World, uuid: str) -> str:
    return _column(world, uuid, models.Operation.state) or ''


def _column(world: World, uuid: str, column: Any) -> str | None:
    with world.database.reading() as session:
        return session.scalar(sa.select(column).filter_by(bay_uuid=uuid))
