"""Bays from their creation to their end, and what is shown of them."""

import io
import os
import signal
from collections.abc import Callable

import pytest

from tests.api.fixtures.cloud import OTHER_PROJECT, PROJECT
from tests.attacks.running import RunningService
from tests.openstackclient.conftest import User, model
from tools.fakecloud.compute import flavor

pytestmark = pytest.mark.slow

Conductor = Callable[..., None]
_TIMEOUT = 120  # seconds
_MODEL = model('kubernetes')


@pytest.fixture(scope='module')
def baymodel(member: User) -> str:
    made = member.json('baymodel', 'create', 'k8s', *_MODEL, '--label', 'kube_tag=v1.33.5')
    assert made['labels'] == {'kube_tag': 'v1.33.5'}
    return str(made['uuid'])


def test_a_bay_is_created_resized_and_deleted(
    service: RunningService, member: User, baymodel: str, conductor: Conductor
) -> None:
    conductor()
    made = member.json(
        'bay', 'create', 'whole', '--baymodel', 'k8s', '--node-count', '2', '--wait'
    )
    assert made['status'] == 'CREATE_COMPLETE'
    assert made['node_count'] == 2
    assert made['baymodel_id'] == baymodel
    assert made['floating_ip_enabled'] is True

    changed = member.json('bay', 'resize', 'whole', '3', '--wait')
    assert (changed['status'], changed['node_count']) == ('UPDATE_COMPLETE', 3)
    # Nothing is to be done.
    assert 'operation' not in member.json('bay', 'resize', 'whole', '3', '--wait')

    done = member.run('bay', 'delete', 'whole', '--wait')
    assert (done.code, done.out, done.err) == (0, '', '')
    gone = member.run('bay', 'show', 'whole')
    assert gone.code == 1
    assert 'magnum.bay.not_found' in gone.err
    assert 'What to do: openstack bay list' in gone.err
    resized = member.json(
        'bay', 'operation', 'list', '--bay', made['uuid'], '--kind', 'resize', '--state',
        'SUCCEEDED',
    )
    assert [row['verb'] for row in resized] == ['resize']
    verbs = [
        (row['verb'], row['state'], row['percentage'])
        for row in member.json('bay', 'operation', 'list', '--bay', made['uuid'])
    ]
    assert verbs == [
        ('create', 'SUCCEEDED', 100), ('resize', 'SUCCEEDED', 100), ('delete', 'SUCCEEDED', 100)
    ]


def test_a_failed_creation_says_why(
    service: RunningService, member: User, baymodel: str, conductor: Conductor
) -> None:
    conductor(
        'WaitConditionFailure: resources.wait_condition: node broken-abc-node-0: '
        'step 40-docker: no space left on device'
    )
    done = member.run('bay', 'create', 'broken', '--baymodel', 'k8s', '--wait')
    assert done.code == 1
    assert done.out == ''
    first, *others = done.err.splitlines()
    assert first.startswith('create of bay broken failed at step await_stack: ')
    assert first.endswith('no space left on device')
    assert 'Node: broken-abc-node-0, its step 40-docker' in others
    assert "Code: node_failed, the service's fault" in others
    (retry,) = (line for line in others if line.startswith('Try again: '))
    uuid = retry.split()[-1]
    assert f'Everything about it: openstack bay operation show {uuid}' in others

    shown = member.json('bay', 'operation', 'show', uuid)
    assert shown['error']['code'] == 'node_failed'
    assert shown['error']['retryable'] is True
    assert {step['name']: step['state'] for step in shown['steps']}['await_stack'] != 'DONE'
    # Waiting for what has ended tells the same.
    assert member.run('bay', 'operation', 'wait', uuid).err == done.err


def test_a_failed_creation_is_tried_again(
    service: RunningService, member: User, baymodel: str, conductor: Conductor
) -> None:
    uuid = member.json('bay', 'create', 'again', '--baymodel', 'k8s')['operation']
    cancelled = member.json('bay', 'operation', 'cancel', uuid)
    assert cancelled['cancel_requested'] is True
    conductor()
    waited = member.run('bay', 'operation', 'wait', uuid)
    assert waited.code == 1
    assert 'create of bay again was cancelled' in waited.err
    refused = member.run('bay', 'operation', 'cancel', uuid)
    assert refused.code == 1
    assert 'openstack bay delete <bay>' in refused.err
    done = member.json('bay', 'operation', 'retry', uuid, '--wait')
    assert (done['state'], done['retries']) == ('SUCCEEDED', uuid)
    assert member.json('bay', 'show', 'again')['status'] == 'CREATE_COMPLETE'


def test_bays_are_listed_and_narrowed(member: User, baymodel: str) -> None:
    for name in ('one', 'two'):
        member.json('bay', 'create', name, '--baymodel', 'k8s', '--label', 'kube_tag=v1.34.1')
    named = member.json('bay', 'list', '--name', 'one')
    assert [bay['name'] for bay in named] == ['one']
    assert named[0]['node_count'] == 1
    building = member.json('bay', 'list', '--status', 'CREATE_IN_PROGRESS')
    assert {'one', 'two'} <= {bay['name'] for bay in building}
    assert {bay['status'] for bay in building} == {'CREATE_IN_PROGRESS'}
    assert len(member.json('bay', 'list', '--limit', '1')) == 1
    of_mesos = member.json('bay', 'list', '--coe', 'mesos')
    assert not {'one', 'two'} & {bay['name'] for bay in of_mesos}
    assert {'one', 'two'} <= {
        bay['name'] for bay in member.json('bay', 'list', '--coe', 'kubernetes')
    }
    assert member.json('bay', 'list', '--changed-since', '2030-01-01') == []
    assert member.json('bay', 'list', '--changed-since', '1h') != []
    assert 'project_id' in member.json('bay', 'list', '--long')[0]
    labels = {row['name']: row for row in member.json('bay', 'label', 'list', 'one')}
    assert (labels['kube_tag']['value'], labels['kube_tag']['origin']) == ('v1.34.1', 'bay')
    assert labels['flannel_backend']['origin'] == 'default'
    groups = member.json('bay', 'nodegroup', 'list', 'one')
    assert {group['name'] for group in groups} == {'default-master', 'default-worker'}
    assert member.json('bay', 'health', 'show', 'one')['health_status'] is None


def test_who_does_not_want_to_wait_is_told_how_to_look(
    service: RunningService, member: User, baymodel: str
) -> None:
    """The progress is on a terminal, too."""
    ours, theirs = os.openpty()
    process = member.start(
        'bay', 'create', 'long', '--baymodel', 'k8s', '--wait', '-f', 'json', stderr=theirs
    )
    os.close(theirs)
    with open(ours, 'rb', buffering=0) as terminal:
        seen = _read(terminal, until='waits for its turn')
        assert 'create long  [--------------------]   0%  step 1 of 9: ensure_identity' in seen
        process.send_signal(signal.SIGINT)
        told = _read(terminal, until='operation cancel ')
        # With the terminal still there for the rest of it.
        out, _ = process.communicate(timeout=_TIMEOUT)
    assert (process.returncode, out) == (130, '')
    (operation,) = member.json('bay', 'operation', 'list', '--bay', 'long')
    assert operation['state'] == 'QUEUED'
    for verb in ('show', 'wait'):
        assert f'openstack bay operation {verb} {operation["uuid"]}' in told


def _read(terminal: io.RawIOBase, until: str) -> str:
    """What is on a terminal, up to some words."""
    text = ''
    while until not in text:
        data = os.read(terminal.fileno(), 4096)
        assert data, text
        text += data.decode()
    return text


def test_an_administrator_narrows_by_project(
    member: User, admin: User, baymodel: str
) -> None:
    member.json('bay', 'create', 'seen', '--baymodel', 'k8s')
    for project, count in ((PROJECT, 1), (OTHER_PROJECT, 0)):
        assert len(admin.json('bay', 'list', '--project', project, '--name', 'seen')) == count


def test_a_list_is_read_page_by_page(member: User, service: RunningService, baymodel: str) -> None:
    for name in ('leaf', 'page'):
        member.json('bay', 'create', name, '--baymodel', 'k8s')
    whole = member.json('bay', 'list', '--sort-key', 'name')
    names = [bay['name'] for bay in whole]
    assert names == sorted(names)
    rest = member.json('bay', 'list', '--sort-key', 'name', '--marker', whole[0]['uuid'])
    assert rest == whole[1:]


def test_a_dry_run_shows_a_plan_and_does_nothing(member: User, baymodel: str) -> None:
    before = member.json('bay', 'list')
    command = ('bay', 'create', 'planned', '--baymodel', 'k8s', '--node-count', '4', '--dry-run')
    plan = member.json(*command)
    assert plan['would_make']['servers'] == 5
    assert plan['labels']['kube_tag']['value'] == 'v1.33.5'
    # Of five servers one is used.
    (servers,) = (limit for limit in plan['limits'] if limit['resource'] == 'servers')
    assert servers['sufficient'] is False
    assert plan['sufficient'] is False
    text = member.run(*command).out
    assert '5 servers' in text
    assert 'servers: 1 used, +5 of 5  NOT ENOUGH' in text
    assert 'kube_tag: v1.33.5 (baymodel)' in text
    assert max(map(len, text.splitlines())) < 200
    assert member.json('bay', 'list') == before


def test_plans_of_changes(
    service: RunningService, member: User, baymodel: str, conductor: Conductor
) -> None:
    conductor()
    member.json('bay', 'create', 'plans', '--baymodel', 'k8s', '--node-count', '3', '--wait')
    plan = member.json('bay', 'resize', 'plans', '1', '--remove', '0', '--dry-run')
    assert plan['would_remove'] == [
        {'nodegroup': 'default-worker', 'node_count': 2, 'nodes': ['0']}
    ]
    assert plan['would_give_back']['servers'] == 2
    assert plan['would_change'] == [{'what': 'default-worker', 'from': 3, 'to': 1}]
    plan = member.json('bay', 'resize', 'plans', '4', '--dry-run')
    assert plan['would_make']['servers'] == 1
    assert plan['would_remove'] == []

    service.cloud.flavors.append(flavor('9', 'm1.large', 4096, 2, 20))
    larger = (*_MODEL, '--label', 'kube_tag=v1.33.5', '--flavor', 'm1.large')
    member.json('baymodel', 'create', 'newer', *larger)
    command = ('bay', 'upgrade', 'plans', 'newer', '--max-batch-size', '2', '--dry-run')
    plan = member.json(*command)
    assert plan['would_replace'] == [
        {'nodegroup': 'default-worker', 'node_count': 3, 'at_once': 2}
    ]
    assert {change['what'] for change in plan['would_change']} == {'name', 'flavor_id'}
    assert plan['meanwhile']['servers'] == 2
    assert plan['would_keep'] == {}
    assert '3 nodes of default-worker, 2 at once' in member.run(*command).out


def test_several_bays_are_deleted_though_one_is_not_there(member: User, baymodel: str) -> None:
    for name in ('left', 'right'):
        member.json('bay', 'create', name, '--baymodel', 'k8s')
    done = member.run('bay', 'delete', 'left', 'nowhere', 'right')
    assert done.code == 1
    assert done.err.startswith('nowhere: ')
    statuses = {bay['name']: bay['status'] for bay in member.json('bay', 'list')}
    assert {statuses.get(name, 'DELETE_IN_PROGRESS') for name in ('left', 'right')} == {
        'DELETE_IN_PROGRESS'
    }


def test_an_error_of_a_resize_names_what_was_given(
    member: User, baymodel: str, conductor: Conductor
) -> None:
    conductor()
    member.json('bay', 'create', 'fixed', '--baymodel', 'k8s', '--wait')
    for arguments, option in (
        (('3000000000',), '<node-count>'), (('2', '--nodegroup', 'nope'), '--nodegroup'),
    ):
        done = member.run('bay', 'resize', 'fixed', *arguments)
        assert done.code == 1
        assert f'Option: {option}\n' in done.err
