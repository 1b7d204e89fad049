"""Nodes that are named for removal, and stacks of conductors that died, in a real Heat."""

import contextlib
import pathlib
from collections.abc import Iterator
from typing import Any

import pytest

from tests.functional import magnum_service
from tests.functional.conftest import PATIENCE, wait_until
from tests.functional.people import Person

NOBODY = '00000000-1111-2222-3333-444444444444'

pytestmark = pytest.mark.long


@pytest.fixture(scope='module')
def owner(people: dict[str, Person]) -> Person:
    """Of a project in which no other test looks for debris."""
    return people['carol']


@pytest.fixture(scope='module')
def baymodel(magnum: dict[str, Any], owner: Person) -> Iterator[str]:
    made = owner.create_baymodel('mesos', name='removals-model')
    yield made
    owner.magnum.delete(f'/clustertemplates/{made}')


@contextlib.contextmanager
def _resting(magnum: dict[str, Any]) -> Iterator[None]:
    """No conductor runs."""
    for process in magnum['conductors']:
        process.stop()
    try:
        yield
    finally:
        for process in magnum['conductors']:
            process.start()


def _nodes(owner: Person, stack_id: str) -> dict[str, str]:
    """Server ids of the default workers by index, as Heat has them."""
    heat = owner.service('orchestration')
    stack = heat.get(f'/stacks/{stack_id}').json()['stack']
    found = {output['output_key']: output['output_value'] for output in stack['outputs']}
    nodes: dict[str, str] = found['refs_map']
    return nodes


def _delete(owner: Person, uuid: str) -> None:
    assert owner.magnum.delete(f'/clusters/{uuid}').status_code == 204
    wait_until(lambda: owner.is_gone(uuid))


def test_named_nodes_go(magnum: dict[str, Any], owner: Person, baymodel: str) -> None:
    uuid = owner.create_bay(baymodel, 'removals', node_count=4)
    bay = wait_until(lambda: owner.settled(uuid))
    assert bay['status'] == 'CREATE_COMPLETE', bay
    before = _nodes(owner, bay['cluster_id'])
    assert before.keys() == set('0123')

    def resize(count: int, *names: str) -> Any:
        body = {'node_count': count, 'nodes_to_remove': list(names)}
        return owner.magnum.post(f'/clusters/{uuid}/actions/resize', json=body)

    masters = owner.service('compute').get('/servers').json()['servers']
    (master,) = (one['id'] for one in masters if one['name'].startswith('removals-')
                 and '-master-' in one['name'])
    with _resting(magnum):
        for stranger in (NOBODY, master, '4'):
            refused = resize(1, before['0'], stranger)
            assert refused.status_code == 400, refused.text
            (error,) = refused.json()['errors']
            assert error['code'] == 'magnum.nodegroup.node_unknown'
            assert error['source'] == {'pointer': '/nodes_to_remove'}
            assert stranger in error['detail']
        assert resize(3, before['0']).status_code == 202
        assert resize(2, before['1']).status_code == 202
    bay = wait_until(lambda: owner.settled(uuid))
    assert (bay['status'], bay['node_count']) == ('UPDATE_COMPLETE', 2), bay
    after = _nodes(owner, bay['cluster_id'])
    assert after == {index: before[index] for index in '23'}
    servers = owner.service('compute').get('/servers').json()['servers']
    assert not {before['0'], before['1']} & {server['id'] for server in servers}
    _delete(owner, uuid)


def test_what_a_dead_conductor_built_is_told(
    magnum: dict[str, Any], owner: Person, baymodel: str, directory: pathlib.Path
) -> None:
    """The create is cancelled; its stack became complete meanwhile."""
    doomed = magnum_service.Process('magnum-conductor', directory, 'doomed-create')
    with _resting(magnum):
        uuid = owner.create_bay(baymodel, 'untold', node_count=1)
        doomed.start(failpoint='after:orchestration.create_stack')
        assert doomed.died(within=PATIENCE)
        stack = wait_until(lambda: _complete(owner, 'untold-'))
        assert owner.get(f'/clusters/{uuid}')['cluster_id'] is None
        (operation,) = owner.get(f'/clusters/{uuid}/operations')['operations']
        cancel = f'/operations/{operation["uuid"]}/actions/cancel'
        answer = owner.magnum.post(cancel)
        assert answer.status_code == 202, answer.text
    bay = wait_until(lambda: owner.settled(uuid))
    assert (bay['status'], bay['cluster_id']) == ('CREATE_FAILED', stack['id'])
    assert stack['id'] in bay['status_reason']
    assert 'servers that it has made run on' in bay['status_reason']
    _delete(owner, uuid)


def _complete(owner: Person, name: str) -> dict[str, Any] | None:
    stacks = owner.service('orchestration').get('/stacks').json()['stacks']
    (stack,) = (one for one in stacks if one['stack_name'].startswith(name))
    return stack if stack['stack_status'] == 'CREATE_COMPLETE' else None
