"""A worker dies before and after each call to the cloud; another goes on."""

from collections.abc import Callable

import pytest

from magnum.clients.errors import CloudConflict
from magnum.db import models
from magnum.domain.parameters import Upgrade
from magnum.operations.claims import LeaseLost
from tests.operations.conftest import Killed, World

# A conductor dies before and after every call.
pytestmark = pytest.mark.slow

CALLS = (
    'identity.find_user', 'identity.create_user', 'identity.grant_role',
    'orchestration.create_stack', 'orchestration.get_stack',
)
DELETE_CALLS = (
    'orchestration.get_stack', 'orchestration.delete_stack', 'orchestration.list_stacks',
    'identity.delete_user',
)


#: Every call that a verb makes; each is one that a worker may die at.
FURTHER_CALLS = {
    'resize': ('get_stack', 'update_stack'),
    'create_nodegroup': ('get_stack', 'create_stack'),
    'delete_nodegroup': ('get_stack', 'delete_stack', 'list_stacks'),
    'upgrade': (
        'get_stack', 'replace_stack',
        'replace_stack:2',               # that of the second round
    ),
}
ASK: dict[str, Callable[[World, str], models.Operation]] = {
    'resize': lambda world, uuid: world.ask(
        'resize', uuid, 4, nodegroup_uuid=world.nodegroup('gpu').uuid
    ),
    'create_nodegroup': lambda world, uuid: world.add_nodegroup(uuid, 'new'),
    'delete_nodegroup': lambda world, uuid: world.ask(
        'delete_nodegroup', uuid, world.nodegroup('gpu').uuid
    ),
    'upgrade': lambda world, uuid: world.ask('upgrade', uuid, world.new_baymodel()),
}
DEATHS = [
    (verb, call, when)
    for verb, calls in FURTHER_CALLS.items() for call in calls for when in ('before', 'after')
]


def _turn_and_maybe_die(world: World, turns: int = 4) -> bool:
    try:
        for _ in range(turns):
            world.worker('doomed').go_on()
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
    world.ask('resize', uuid, 3)
    die_at(f'{when}:{call}')
    assert _turn_and_maybe_die(world)
    world.pass_time(121)
    world.build(uuid)
    assert world.bay(uuid).status == 'UPDATE_COMPLETE'
    assert world.rows(models.Nodegroup, role='worker')[0].node_count == 3
    expected = 1 if when == 'after' or call.endswith('get_stack') else 2
    assert world.cloud.calls.count('orchestration.update_stack') <= expected


@pytest.mark.parametrize('status', ['CHECK_IN_PROGRESS', 'CHECK_COMPLETE', 'CHECK_FAILED'])
@pytest.mark.parametrize('verb', ['resize', 'upgrade'])
def test_a_check_of_the_stack_is_no_change(
    world: World, die_at: Callable[[str], None], verb: str, status: str
) -> None:
    """A user has Heat look at the stack, which has its time stamp by that."""
    uuid = world.create(name='bay')
    world.build(uuid)
    of_verb = {'resize': 3, 'upgrade': world.new_baymodel()}
    asked = world.ask(verb, uuid, of_verb[verb])
    die_at(f'before:orchestration.{"update" if verb == "resize" else "replace"}_stack')
    assert _turn_and_maybe_die(world)
    stack = world.stack('bay')
    stack['status'], stack['updated'] = status, '2026-01-01T00:01:00Z'
    if status == 'CHECK_IN_PROGRESS':
        busy = CloudConflict('orchestration', 'Stack bay already has an action in progress.', 409)
        world.cloud.faults['orchestration.update_stack'] = busy
        world.cloud.faults['orchestration.replace_stack'] = busy
    world.pass_time(121)
    world.worker().turn()
    if status == 'CHECK_IN_PROGRESS':
        world.cloud.faults.clear()
        stack['status'] = 'CHECK_COMPLETE'
        world.pass_time(60)
    world.build(uuid)
    assert world.again(asked).state == 'SUCCEEDED'
    assert stack['status'] == 'UPDATE_COMPLETE'
    name, value = {'resize': ('number_of_minions', 3), 'upgrade': ('image', 'debian-13')}[verb]
    assert stack['parameters'][name] == value


@pytest.mark.parametrize('when', ['before', 'after'])
@pytest.mark.parametrize('call', DELETE_CALLS)
def test_delete(world: World, die_at: Callable[[str], None], when: str, call: str) -> None:
    uuid = world.create()
    world.build(uuid)
    world.ask('delete', uuid)
    die_at(f'{when}:{call}')
    assert _turn_and_maybe_die(world)
    world.pass_time(121)
    world.build(uuid)
    assert not world.has_bay(uuid)
    assert (world.cloud.living(), world.cloud.users) == ([], {})


def _built(world: World) -> str:
    """A bay with a node group beside its default ones."""
    uuid = world.create()
    world.build(uuid)
    world.add_nodegroup(uuid)
    world.build(uuid)
    world.cloud.calls.clear()
    return uuid


@pytest.mark.parametrize(('verb', 'call', 'when'), DEATHS)
def test_further_verbs(
    world: World, die_at: Callable[[str], None], verb: str, call: str, when: str
) -> None:
    uuid = _built(world)
    operation = ASK[verb](world, uuid)
    die_at(f'{when}:orchestration.{call}')
    assert _turn_and_maybe_die(world, 10), 'the failpoint was not reached'
    world.pass_time(121)
    world.build(uuid)
    assert [o.state for o in world.operations(uuid)] == ['SUCCEEDED'] * 3
    assert set(world.statuses(uuid).values()) <= {'CREATE_COMPLETE', 'UPDATE_COMPLETE'}
    wanted = {'create_nodegroup': 3, 'delete_nodegroup': 1}
    assert len(world.cloud.living()) == wanted.get(verb, 2)
    assert len(world.rows(models.LedgerEntry)) == 2 + wanted.get(verb, 2)
    if verb == 'resize':
        assert world.nodegroup('gpu').node_count == 4
    # A call whose answer was lost is not made again; one that was not made is.
    asked = world.cloud.calls.count(f'orchestration.{call.partition(":")[0]}')
    if call.startswith(('update', 'replace')):
        assert asked == (3 if verb == 'upgrade' else 1)     # a batch each
    if verb == 'upgrade':
        assert {g.revision for g in world.rows(models.Nodegroup) if g.role != 'master'} == {1}
        assert world.bay(uuid).baymodel_id == Upgrade.of(operation).baymodel


@pytest.mark.parametrize(('verb', 'call', 'when'), DEATHS)
def test_a_delete_after_a_death(
    world: World, die_at: Callable[[str], None], verb: str, call: str, when: str
) -> None:
    uuid = _built(world)
    ASK[verb](world, uuid)
    die_at(f'{when}:orchestration.{call}')
    assert _turn_and_maybe_die(world, 10), 'the failpoint was not reached'
    world.ask('delete', uuid)
    world.pass_time(181)
    world.build(uuid)
    assert not world.has_bay(uuid)
    assert (world.cloud.living(), world.cloud.users) == ([], {})
    assert world.rows(models.LedgerEntry) == []
    assert [o.state for o in world.operations(uuid)][2:] == ['CANCELLED', 'SUCCEEDED']


#: How often a worker takes each up before it is done.
TURNS = {
    'resize': 3, 'create_nodegroup': 3, 'delete_nodegroup': 3, 'upgrade': 7,
    'rotate_credential': 1, 'rotate_ca': 2,
}


@pytest.mark.parametrize(
    ('verb', 'turns'), [(verb, turn) for verb, turns in TURNS.items() for turn in range(turns)]
)
def test_a_delete_while_it_goes_on(world: World, verb: str, turns: int) -> None:
    uuid = _built(world)
    ask = ASK.get(verb, lambda world, uuid: world.ask(verb, uuid))
    ask(world, uuid)
    worker = world.worker()
    for _ in range(turns):
        if worker.turn() == 0:
            world.cloud.settle()
            world.pass_time(30)
            worker.watch()
    assert world.operations(uuid)[-1].state != 'SUCCEEDED'
    world.ask('delete', uuid)
    world.build(uuid)
    assert not world.has_bay(uuid)
    assert (world.cloud.living(), world.cloud.users) == ([], {})


RETRIED = {
    'create': (
        'before:delete_stack', 'after:delete_stack', 'before:get_stack', 'after:get_stack',
        'before:create_stack', 'after:create_stack',
    ),
    'create_nodegroup': ('before:replace_stack', 'after:replace_stack', 'after:get_stack'),
    'upgrade': ('before:replace_stack', 'after:replace_stack'),
}


@pytest.mark.parametrize(
    ('verb', 'point'), [(verb, point) for verb, points in RETRIED.items() for point in points]
)
def test_a_retry(
    world: World, die_at: Callable[[str], None], verb: str, point: str
) -> None:
    uuid = world.create() if verb == 'create' else _built(world)
    operation = world.operations(uuid)[0] if verb == 'create' else ASK[verb](world, uuid)
    world.fail()
    world.about('retry', operation)
    world.cloud.calls.clear()
    when, call = point.split(':')
    die_at(f'{when}:orchestration.{call}')
    assert _turn_and_maybe_die(world), 'the failpoint was not reached'
    world.pass_time(121)
    world.build(uuid)
    assert world.operations(uuid)[-1].state == 'SUCCEEDED'
    assert set(world.statuses(uuid).values()) <= {'CREATE_COMPLETE', 'UPDATE_COMPLETE'}
    replaced = {'create': 0, 'create_nodegroup': 1, 'upgrade': 3}
    assert world.cloud.calls.count('orchestration.replace_stack') == replaced[verb]
    assert len(world.cloud.living()) == {'create': 1, 'create_nodegroup': 3, 'upgrade': 2}[verb]


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
