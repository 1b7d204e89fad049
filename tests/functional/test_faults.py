"""Processes are killed, the bus is away, tokens run out: nothing is lost."""

import base64
import contextlib
import functools
import json
import pathlib
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import sqlalchemy as sa
from sqlalchemy import orm

from magnum.certificates.sealing import Sealer
from magnum.certificates.service import AUTHORITY
from magnum.certificates.stores.database import DatabaseStore
from magnum.db import models
from magnum.operations import passwords
from tests.functional import magnum_service
from tests.functional.conftest import PATIENCE, wait_until
from tests.functional.people import Person
from tools.devcloud import backends, settings
from tools.devcloud.node_agent_boot import read_settings
from tools.devcloud.node_agent_cloud import Nova

#: Every call to the cloud that building a bay makes.
CREATE_CALLS = (
    'identity.find_domain', 'identity.create_user', 'identity.find_role', 'identity.grant_role',
    'orchestration.create_stack',
)
#: Those of a resize and of a delete that change anything.
RESIZE_CALLS = ('orchestration.update_stack',)
DELETE_CALLS = ('orchestration.delete_stack', 'identity.delete_user')


@pytest.fixture(scope='module')
def lone_conductor(
    magnum: dict[str, Any], directory: pathlib.Path
) -> Iterator[magnum_service.Process]:
    """The session's conductors rest; this one is to be killed."""
    for process in magnum['conductors']:
        process.stop()
    conductor = magnum_service.Process('magnum-conductor', directory, 'doomed')
    yield conductor
    conductor.stop()
    for process in magnum['conductors']:
        process.start()


@pytest.mark.long
def test_ten_creates_survive_a_kill_at_every_call(
    alice: Person, lone_conductor: magnum_service.Process
) -> None:
    baymodel = alice.create_baymodel('mesos', name='kill-model')
    points = _around(CREATE_CALLS)
    bays = [
        alice.create_bay(baymodel, f'kill-{number}', node_count=0)
        for number in range(len(points))
    ]
    _die_at(lone_conductor, points)
    for uuid in bays:
        bay = wait_until(functools.partial(alice.settled, uuid))
        assert bay['status'] == 'CREATE_COMPLETE', bay
    stacks = alice.service('orchestration').get('/stacks').json()['stacks']
    names = [stack['stack_name'] for stack in stacks if stack['stack_name'].startswith('kill-')]
    assert len(names) == len(set(names)) == len(bays)
    _resizes_survive(alice, lone_conductor, bays[:2])
    lone_conductor.kill()
    for uuid in bays:
        assert alice.magnum.delete(f'/clusters/{uuid}').status_code == 204
    _die_at(lone_conductor, _around(DELETE_CALLS))
    for uuid in bays:
        wait_until(functools.partial(alice.is_gone, uuid))
    stacks = alice.service('orchestration').get('/stacks').json()['stacks']
    assert not [stack for stack in stacks if stack['stack_name'].startswith('kill-')]
    assert not [user for user in _bay_users() if user.partition('_')[0] in bays]
    alice.magnum.delete(f'/clustertemplates/{baymodel}')


def _around(calls: tuple[str, ...]) -> list[str]:
    return [f'{when}:{call}' for call in calls for when in ('before', 'after')]


def _die_at(conductor: magnum_service.Process, points: list[str]) -> None:
    """Let the conductor kill itself at each point, and live after them."""
    for point in points:
        conductor.start(failpoint=point)
        assert conductor.died(within=PATIENCE), f'{point} was not reached'
    conductor.start()


def _resizes_survive(
    alice: Person, conductor: magnum_service.Process, bays: list[str]
) -> None:
    """One bay for each kill, so that both are reached."""
    conductor.kill()
    for uuid in bays:
        answer = alice.magnum.post(f'/clusters/{uuid}/actions/resize', json={'node_count': 1})
        assert answer.status_code == 202, answer.text
    _die_at(conductor, _around(RESIZE_CALLS))
    for uuid in bays:
        bay = wait_until(functools.partial(alice.settled, uuid))
        assert (bay['status'], bay['node_count']) == ('UPDATE_COMPLETE', 1), bay
        assert len(bay['node_addresses']) == 1, bay


def _bay_users() -> list[str]:
    """Names of all Keystone users of bays."""
    keystone = Person('admin').service('identity')
    domain = keystone.get('/domains', params={'name': settings.MAGNUM_DOMAIN}).json()
    users = keystone.get('/users', params={'domain_id': domain['domains'][0]['id']}).json()
    return [user['name'] for user in users['users']]


@pytest.mark.alone
def test_a_bay_is_asked_for_while_heat_is_away(alice: Person, magnum: dict[str, Any]) -> None:
    baymodel = alice.create_baymodel('mesos', name='away-model')
    settings.PROCESSES.stop(['heat-api'])
    try:
        uuid = alice.create_bay(baymodel, 'away', node_count=0)
        operation = wait_until(lambda: _met(alice, uuid))
        assert operation['error']['code'] == 'cloud_unavailable', operation
        assert operation['error']['retryable'], operation
        bay = alice.bay(uuid)
        assert bay is not None
        assert bay['status'] == 'CREATE_IN_PROGRESS'
    finally:
        _start('heat-api')
    bay = wait_until(lambda: alice.settled(uuid))
    assert bay['status'] == 'CREATE_COMPLETE', bay
    alice.magnum.delete(f'/clusters/{uuid}')
    wait_until(lambda: alice.is_gone(uuid))
    alice.magnum.delete(f'/clustertemplates/{baymodel}')


def _start(service: str) -> None:
    """Start a service of the cloud, by a process that leaves it behind."""
    code = (
        'from tools.devcloud import services; '
        f'services.start(({service!r},)); services.wait_ready(({service!r},))'
    )
    subprocess.run(
        [sys.executable, '-W', 'ignore', '-c', code],
        cwd=pathlib.Path(__file__).parents[2], check=True, timeout=120,
    )


def _met(alice: Person, uuid: str) -> dict[str, Any] | None:
    """The bay's operation once it has met something."""
    (operation,) = alice.get(f'/clusters/{uuid}/operations')['operations']
    found: dict[str, Any] = operation
    return found if found['error'] else None


@contextlib.contextmanager
def _magnum_without_a_bus(directory: pathlib.Path) -> Iterator[None]:
    """API and conductor whose RabbitMQ does not answer, on the same database."""
    nowhere = 'rabbit://nobody:nothing@127.0.0.1:1/'
    processes = [
        magnum_service.Process(script, directory, name, bus=nowhere, heat_bus=nowhere)
        for script, name in (('magnum-api', 'deaf-api'), ('magnum-conductor', 'deaf'))
    ]
    with magnum_service.running(*processes):
        magnum_service.wait_for_api(processes[0])
        yield


def test_a_bay_without_a_message_bus(
    alice: Person, magnum: dict[str, Any], directory: pathlib.Path
) -> None:
    for process in (magnum['api'], *magnum['conductors']):
        process.stop()
    try:
        with _magnum_without_a_bus(directory):
            baymodel = alice.create_baymodel('mesos', name='deaf-model')
            began = time.monotonic()
            uuid = alice.create_bay(baymodel, 'deaf', node_count=0)
            assert time.monotonic() - began < 10     # it did not wait for the bus
            bay = wait_until(lambda: alice.settled(uuid))
            assert bay['status'] == 'CREATE_COMPLETE', bay
            alice.magnum.delete(f'/clusters/{uuid}')
            wait_until(lambda: alice.is_gone(uuid))
            alice.magnum.delete(f'/clustertemplates/{baymodel}')
    finally:
        for process in (magnum['api'], *magnum['conductors']):
            process.start()
        magnum_service.wait_for_api(magnum['api'])


def test_a_late_or_foreign_token_opens_nothing(alice: Person) -> None:
    baymodel = alice.create_baymodel('swarm', name='late-model')
    first, second = (
        alice.create_bay(baymodel, f'late-{number}', node_count=0) for number in (1, 2)
    )
    bay = wait_until(lambda: alice.settled(first))
    assert bay['status'] == 'CREATE_COMPLETE', bay
    token = _token_of(alice, first)
    foreign = _token_of(alice, second)
    answers = [
        requests.post(
            f'{magnum_service.URL}/bootstrap/{uuid}/ca',
            headers={'X-Bootstrap-Token': given}, timeout=30,
        )
        for uuid, given in ((first, token), (first, foreign), (first, 'wrong'))
    ]
    assert [answer.status_code for answer in answers] == [401, 401, 401]
    for uuid in (first, second):
        wait_until(functools.partial(alice.settled, uuid))
        alice.magnum.delete(f'/clusters/{uuid}')
    for uuid in (first, second):
        wait_until(functools.partial(alice.is_gone, uuid))
    alice.magnum.delete(f'/clustertemplates/{baymodel}')


def _token_of(alice: Person, uuid: str) -> str:
    """The token in the user data of a bay's first node."""
    bay = alice.bay(uuid)
    assert bay is not None
    data: bytes = wait_until(lambda: next(iter(_user_data_of(bay['name'])), None))
    settings_of_node = read_settings(data)
    assert settings_of_node is not None
    return settings_of_node['MAGNUM_BOOTSTRAP_TOKEN']


def _user_data_of(bay_name: str) -> list[bytes]:
    """The user data that Nova holds for the servers of a bay."""
    nova = Nova(settings.password_options('admin'))
    servers = [nova.server(server_id) for server_id in nova.active_servers()]
    return [server.user_data for server in servers if server.name.startswith(f'{bay_name}-')]


def test_no_secret_is_anywhere(
    alice: Person, magnum: dict[str, Any], directory: pathlib.Path
) -> None:
    """Password, keys and tokens of a living bay: not in answers, logs, events, user data."""
    baymodel = alice.create_baymodel('kubernetes', name='secret-model')
    uuid = alice.create_bay(baymodel, 'secretive', node_count=1)
    bay = wait_until(lambda: alice.settled(uuid))
    assert bay['status'] == 'CREATE_COMPLETE', bay
    secrets = _secrets_of(uuid)
    assert len(secrets) >= 3
    tokens = {_token_of(alice, uuid)}
    answers = json.dumps(bay) + alice.magnum.get(f'/certificates/{uuid}').text
    answers += alice.magnum.get('/clusters/detail').text
    events = backends.sql('SELECT message FROM magnum_functional.event')
    logs = ''.join(log.read_text(errors='replace') for log in directory.glob('*.log'))
    stack = alice.service('orchestration').get(f'/stacks/{bay.get("cluster_id")}').text
    for name, text in {'answers': answers, 'events': events, 'logs': logs}.items():
        for secret in secrets | tokens:
            assert secret not in text, f'a secret is in the {name}'
    for secret in secrets | tokens:
        assert secret not in stack, 'a secret is in the stack'
    user_data = _user_data_of('secretive')
    assert len(user_data) == 2
    for secret in secrets:
        assert not any(secret.encode() in data for data in user_data), 'a secret is in user data'
    alice.magnum.delete(f'/clusters/{uuid}')
    wait_until(lambda: alice.is_gone(uuid))
    alice.magnum.delete(f'/clustertemplates/{baymodel}')


def _secrets_of(uuid: str) -> set[str]:
    """What of a bay is secret, opened with the operator's key."""
    sealer = Sealer([base64.b64decode(settings.encryption_key())])
    store = DatabaseStore(sealer)
    engine = sa.create_engine(settings.mariadb_url('magnum_functional'))
    with orm.Session(engine) as session:
        identity = session.scalars(sa.select(models.BayIdentity).filter_by(bay_uuid=uuid)).one()
        (password,) = passwords.unseal(sealer, uuid, identity.sealed_password)
        pair = store.load(session, uuid, AUTHORITY)
    engine.dispose()
    assert pair is not None
    return {
        settings.encryption_key(), password, pair.private_key_pem.decode().splitlines()[1]
    }
