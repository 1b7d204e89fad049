"""Node groups asked for at once, as Terraform does, on a real Heat."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.functional.conftest import wait_until
from tests.functional.people import Person

_POOLS = ('pool-a', 'pool-b', 'pool-c')

pytestmark = pytest.mark.long


@pytest.fixture(scope='module')
def owner(people: dict[str, Person]) -> Person:
    """Of a project in which no other test looks for debris."""
    return people['carol']


@pytest.fixture(scope='module')
def bay(magnum: dict[str, Any], owner: Person) -> Iterator[str]:
    """A bay of Kubernetes that is built."""
    baymodel = owner.create_baymodel('kubernetes', name='queue-model')
    uuid = owner.create_bay(baymodel, 'queued', node_count=1)
    settled = wait_until(lambda: owner.settled(uuid))
    assert settled['status'] == 'CREATE_COMPLETE', settled
    yield uuid
    if owner.bay(uuid) is not None:
        owner.magnum.delete(f'/clusters/{uuid}')
        wait_until(lambda: owner.is_gone(uuid))
    owner.magnum.delete(f'/clustertemplates/{baymodel}')


def _operations(owner: Person, bay: str) -> list[dict[str, Any]]:
    """What was asked after its creation, in order."""
    path = f'/clusters/{bay}/operations?sort_key=id&sort_dir=asc'
    found: list[dict[str, Any]] = owner.get(path)['operations']
    return found[1:]


def _groups(owner: Person, bay: str) -> dict[str, str]:
    """The statuses of its further node groups, by name."""
    found = owner.get(f'/clusters/{bay}/nodegroups')['nodegroups']
    return {one['name']: one['status'] for one in found if not one['is_default']}


def test_all_of_them_are_made_though_conductors_die(
    magnum: dict[str, Any], owner: Person, bay: str
) -> None:
    for name in _POOLS:
        answer = owner.magnum.post(
            f'/clusters/{bay}/nodegroups', json={'name': name, 'node_count': 1}
        )
        assert answer.status_code == 202, answer.text
    resize = owner.magnum.post(f'/clusters/{bay}/actions/resize', json={'node_count': 2})
    assert resize.status_code == 202, resize.text
    *made, waiting = _operations(owner, bay)
    assert 'PENDING' not in {one['state'] for one in made}      # side by side
    # The new groups read the outputs of the stack that it changes.
    assert (waiting['state'], waiting['position']) == ('PENDING', 1)
    assert waiting['waits_for_all'] == [one['uuid'] for one in made]

    for process in magnum['conductors']:
        process.kill()
    for process in magnum['conductors']:
        process.start()
    wait_until(lambda: {one['state'] for one in _operations(owner, bay)} == {'SUCCEEDED'})
    assert _groups(owner, bay) == dict.fromkeys(_POOLS, 'CREATE_COMPLETE')
    found = owner.bay(bay)
    assert found is not None
    assert (found['status'], found['node_count']) == ('UPDATE_COMPLETE', 5)


def test_some_are_deleted_and_then_all(
    magnum: dict[str, Any], owner: Person, bay: str
) -> None:
    for name in _POOLS[:2]:
        answer = owner.magnum.delete(f'/clusters/{bay}/nodegroups/{name}')
        assert answer.status_code == 204, answer.text
    wait_until(lambda: _groups(owner, bay) == {_POOLS[2]: 'CREATE_COMPLETE'})
    for name in ('late-a', 'late-b'):
        assert owner.magnum.post(
            f'/clusters/{bay}/nodegroups', json={'name': name, 'node_count': 1}
        ).status_code == 202
    assert owner.magnum.delete(f'/clusters/{bay}').status_code == 204
    wait_until(lambda: owner.is_gone(bay))
    assert [one['state'] for one in _operations(owner, bay)[-3:]] == [
        'CANCELLED', 'CANCELLED', 'SUCCEEDED',
    ]
