"""Node groups of a bay from their creation to their end."""

from collections.abc import Callable

import pytest

from tests.attacks.running import RunningService
from tests.openstackclient.conftest import User, model
from tests.unit.drivers import plans

pytestmark = pytest.mark.slow

Conductor = Callable[..., None]
_MODEL = model('kubernetes')


@pytest.fixture
def bay(service: RunningService, member: User, conductor: Conductor) -> str:
    """The name of a bay that is built."""
    conductor()
    member.json('baymodel', 'create', 'grouped-model', *_MODEL)
    member.json('bay', 'create', 'grouped', '--baymodel', 'grouped-model', '--wait')
    kubernetes = next(driver for driver in plans.DRIVERS if driver.name == 'kubernetes')
    # What Heat shows of a stack that it has built.
    service.world.stack('grouped')['outputs'] = plans.bay_outputs(
        kubernetes, plans.plan(kubernetes)
    )
    return 'grouped'


def test_a_node_group_is_made_changed_and_deleted(member: User, bay: str) -> None:
    made = member.json(
        'bay', 'nodegroup', 'create', bay, 'spare', '--node-count', '2', '--role', 'spare',
        '--max-node-count', '3', '--docker-volume-size', '5', '--label', 'kubelet_options=--v=2',
        '--merge-labels', '--node-label', 'kind=spare', '--node-label', 'disk=',
        '--node-taint', 'only=batch:NoSchedule', '--node-taint', 'slow:PreferNoSchedule', '--wait',
    )
    assert (made['name'], made['role'], made['status']) == ('spare', 'spare', 'CREATE_COMPLETE')
    assert (made['node_count'], made['min_node_count'], made['max_node_count']) == (2, 0, 3)
    assert (made['docker_volume_size'], made['is_default']) == (5, False)
    assert made['labels'] == {'kubelet_options': '--v=2'}
    assert made['node_labels'] == {'kind': 'spare', 'disk': ''}
    assert made['node_taints'] == [
        {'key': 'only', 'value': 'batch', 'effect': 'NoSchedule'},
        {'key': 'slow', 'effect': 'PreferNoSchedule'},
    ]
    operation = member.json('bay', 'operation', 'show', made['operation'])
    assert (operation['verb'], operation['state']) == ('create_nodegroup', 'SUCCEEDED')
    listed = member.json('bay', 'nodegroup', 'list', bay)
    assert [group['name'] for group in listed] == ['default-master', 'default-worker', 'spare']

    changed = member.json(
        'bay', 'nodegroup', 'set', bay, 'spare', '--min-node-count', '1', '--node-label', 'kind=new'
    )
    assert (changed['min_node_count'], changed['max_node_count']) == (1, 3)
    assert changed['node_labels'] == {'kind': 'new'}
    changed = member.json(
        'bay', 'nodegroup', 'unset', bay, 'spare', '--max-node-count', '--node-taint'
    )
    assert (changed['min_node_count'], changed['max_node_count']) == (1, None)
    assert (changed['node_labels'], changed['node_taints']) == ({'kind': 'new'}, [])
    shown = member.json('bay', 'nodegroup', 'show', bay, 'spare')
    assert shown == changed

    done = member.run('bay', 'nodegroup', 'delete', bay, 'nowhere', 'spare', '--wait')
    assert done.code == 1
    assert done.err.startswith('nowhere: ')
    assert 'What to do: openstack bay nodegroup list <bay>' in done.err
    assert 'spare' not in done.err
    listed = member.json('bay', 'nodegroup', 'list', bay)
    assert [group['name'] for group in listed] == ['default-master', 'default-worker']


def test_taints_are_told_as_kubectl_writes_them(member: User, conductor: Conductor) -> None:
    conductor()
    member.json('baymodel', 'create', 'tainted-model', *_MODEL)
    member.json('bay', 'create', 'tainted', '--baymodel', 'tainted-model', '--wait')
    text = member.run(
        'bay', 'nodegroup', 'set', 'tainted', 'default-worker', '--node-taint',
        'only=batch:NoSchedule', '--node-taint', 'slow:NoExecute', '-c', 'node_taints',
    ).out
    assert 'only=batch:NoSchedule' in text
    assert 'slow:NoExecute' in text

    for arguments, option in (
        (('--flavor', 'm1.none'), '--flavor'),
        (('--node-count', '9', '--max-node-count', '3'), '--max-node-count'),
        (('--node-taint', 'only=batch:Never'), '--node-taint'),
    ):
        done = member.run('bay', 'nodegroup', 'create', 'tainted', 'bad', *arguments)
        assert done.code == 1
        assert f'Option: {option}\n' in done.err
        assert 'What to do: ' in done.err
    mistyped = member.run('bay', 'nodegroup', 'create', 'tainted', 'bad', '--node-taint', 'batch')
    assert mistyped.code == 2
    assert '<key>[=<value>]:<effect>' in mistyped.err
    refused = member.run('bay', 'nodegroup', 'delete', 'tainted', 'default-worker')
    assert 'What to do: delete the bay: ' in refused.err
