"""A Magnum of its own, on the development cloud, for the whole session."""

import fcntl
import json
import os
import pathlib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from tests.functional import magnum_service
from tests.functional.cloud_contents import Contents
from tests.functional.people import Person
from tools.devcloud import backends, settings
from tools.devcloud.node_agent import STATE as AGENT_STATE

_HERE = pathlib.Path(__file__).parent
_ROOT = _HERE.parents[1]
TOKEN_LIFE = 600  # seconds
PATIENCE = 900.0  # seconds; a small machine builds several bays at the same time


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if _HERE in item.path.parents:
            item.add_marker(pytest.mark.functional)


@pytest.fixture(scope='session', autouse=True)
def cloud() -> None:
    """The development cloud must run: tools/test brings it up."""
    try:
        requests.get(settings.KEYSTONE_URL, timeout=10)
    except requests.ConnectionError:
        pytest.fail('the development cloud does not run: tools/devcloud/devcloud up')


@pytest.fixture(scope='module')
def debris(people: dict[str, Person], alice: Person) -> Contents:
    """What is in the project of the bays."""
    project = alice.keystone.get_project_id()
    assert project is not None
    return Contents(people['admin'], project)


@pytest.fixture(scope='module')
def before(debris: Contents) -> dict[str, set[str]]:
    """What was there before the module made anything."""
    return debris.snapshot()


@pytest.fixture(scope='session')
def node_agent(cloud: None) -> Iterator[None]:
    """The agent that plays the nodes; one that runs already will do."""
    pid_file = AGENT_STATE / 'pid'
    if pid_file.exists() and _is_locked(pid_file):
        yield
        return
    AGENT_STATE.mkdir(parents=True, exist_ok=True)
    with open(AGENT_STATE / 'log', 'ab') as log:
        agent = subprocess.Popen(
            [
                sys.executable, str(_ROOT / 'tools/devcloud/node_agent.py'), '--forever',
                '--bootstrap', f'{magnum_service.URL}/bootstrap',
            ],
            stdout=log, stderr=log,
        )
    yield
    agent.terminate()
    agent.wait(30)


@pytest.fixture(scope='session')
def behaviours() -> Iterator[Callable[[dict[str, str]], None]]:
    """Tells nodes, by patterns of their names, to misbehave."""
    file = AGENT_STATE / 'behaviour.json'
    rules: dict[str, str] = {}

    def tell(more: dict[str, str]) -> None:
        rules.update(more)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(rules))

    yield tell
    file.unlink(missing_ok=True)


@pytest.fixture(scope='session')
def directory(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    chosen = os.environ.get('MAGNUM_FUNCTIONAL_LOGS')
    if chosen:
        path = pathlib.Path(chosen)
        path.mkdir(parents=True, exist_ok=True)
        return path
    return tmp_path_factory.mktemp('magnum')


@pytest.fixture(scope='session')
def magnum(node_agent: None, directory: pathlib.Path) -> Iterator[dict[str, Any]]:
    """API and two conductors on MariaDB and RabbitMQ."""
    assert not magnum_service.listening(magnum_service.PORT), 'the port of the tests is taken'
    backends.sql('DROP DATABASE IF EXISTS magnum_functional')
    backends.sql('CREATE DATABASE magnum_functional CHARACTER SET utf8mb4')
    api = magnum_service.Process('magnum-api', directory, 'api')
    conductors = [
        magnum_service.Process('magnum-conductor', directory, name) for name in ('east', 'west')
    ]
    api.upgrade_database()
    with magnum_service.running(api, *conductors):
        magnum_service.wait_for_api(api)
        yield {'api': api, 'conductors': conductors}


@pytest.fixture(scope='session')
def patient_bay(
    magnum: dict[str, Any], people: dict[str, Person],
    behaviours: Callable[[dict[str, str]], None],
) -> str:
    """A bay whose node takes longer than a Keystone token lives; begun early.

    In a project of its own: other tests look for what bays leave in theirs.
    """
    behaviours({'^patient-': f'slow: {TOKEN_LIFE + 30}'})
    carol = people['carol']
    return carol.create_bay(
        carol.create_baymodel('swarm', name='patient-model'), 'patient', node_count=0
    )


@pytest.fixture(scope='session')
def people() -> dict[str, Person]:
    return {name: Person(name) for name in settings.OPENRC_NAMES}


@pytest.fixture(scope='session')
def alice(people: dict[str, Person], magnum: Any, patient_bay: str) -> Person:
    return people['alice']


def _is_locked(path: pathlib.Path) -> bool:
    with open(path, 'rb') as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return True
    return False


def wait_until(what: Callable[[], Any], seconds: float = PATIENCE, every: float = 2.0) -> Any:
    """The first true answer of ``what``; fails when none comes in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        answer = what()
        if answer:
            return answer
        time.sleep(every)
    pytest.fail(f'not in {seconds:.0f} s: {what}')
