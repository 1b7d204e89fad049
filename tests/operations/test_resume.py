"""A worker dies before and after each call to the cloud; another goes on."""

from collections.abc import Callable

import pytest

from magnum.db import models
from magnum.operations.claims import LeaseLost
from tests.operations.conftest import Killed, World

CALLS = (
    'identity.find_user', 'identity.create_user', 'identity.grant_role',
    'orchestration.create_stack', 'orchestration.get_stack',
)
DELETE_CALLS = (
    'orchestration.get_stack', 'orchestration.delete_stack', 'orchestration.list_stacks',
    'identity.delete_user',
)


def _turn_and_maybe_die(world: World) -> bool:
    try:
        for _ in range(4):
            worker = world.worker('doomed')
            worker.turn()
            world.cloud.settle()
            world.pass_time(30)
            worker.watch()
    except Killed:
        return True
    return False


@pytest.mark.parametrize('when', ['before', 'after'])
@pytest.mark.parametrize('call', CALLS)
def test_create(world: World, die_at: Callable[[str], None], when: str, call: str) -> None:
    uuid = world.create()
    die_at(f'{when}:{call}')
    assert _turn_and_maybe_die(world), 'the failpoint was not reached'
    world.pass_time(121)
    world.build(uuid)
    assert world.bay(uuid).status == 'CREATE_COMPLETE'
    assert len(world.cloud.stacks) == 1
    assert len(world.cloud.users) == 1


@pytest.mark.parametrize('when', ['before', 'after'])
@pytest.mark.parametrize('call', ['orchestration.update_stack', 'orchestration.get_stack'])
def test_update(world: World, die_at: Callable[[str], None], when: str, call: str) -> None:
    uuid = world.create()
    world.build(uuid)
    world.plan('resize', uuid, 3)
    die_at(f'{when}:{call}')
    assert _turn_and_maybe_die(world)
    world.pass_time(121)
    world.build(uuid)
    assert world.bay(uuid).status == 'UPDATE_COMPLETE'
    assert world.rows(models.Nodegroup, role='worker')[0].node_count == 3
    expected = 1 if when == 'after' or call.endswith('get_stack') else 2
    assert world.cloud.calls.count('orchestration.update_stack') <= expected


@pytest.mark.parametrize('when', ['before', 'after'])
@pytest.mark.parametrize('call', DELETE_CALLS)
def test_delete(world: World, die_at: Callable[[str], None], when: str, call: str) -> None:
    uuid = world.create()
    world.build(uuid)
    world.plan('delete', uuid)
    die_at(f'{when}:{call}')
    assert _turn_and_maybe_die(world)
    world.pass_time(121)
    world.build(uuid)
    assert world.bay(uuid) is None
    assert (world.cloud.living(), world.cloud.users) == ([], {})


def test_a_worker_without_its_lease_cannot_write(world: World) -> None:
    world.create()
    slow, quick = world.worker('slow'), world.worker('quick')
    old = slow.claims.claim(1)[0]
    world.pass_time(121)
    new = quick.claims.claim(1)[0]
    assert new.fence == old.fence + 1
    with pytest.raises(LeaseLost), slow.claims.fenced(old):
        pytest.fail('an old fence opened')
    with quick.claims.fenced(new) as (_, operation):
        assert operation.worker == 'quick'


def test_two_workers_never_hold_the_same(world: World) -> None:
    for number in range(5):
        world.create(name=f'b{number}')
    first, second = world.worker('a').claims.claim(3), world.worker('b').claims.claim(10)
    taken = [claim.operation_uuid for claim in (*first, *second)]
    assert len(taken) == len(set(taken)) == 5


def test_a_stopping_conductor_hands_its_work_back(world: World) -> None:
    uuid = world.create()
    worker = world.worker()
    claim = worker.claims.claim(1)[0]
    worker.claims.stopping.set()
    worker.runner.run(claim)
    assert world.operations(uuid)[0].state == 'QUEUED'
    world.build(uuid)
    assert world.bay(uuid).status == 'CREATE_COMPLETE'
