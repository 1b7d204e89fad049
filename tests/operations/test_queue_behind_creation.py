"""Changes of a bay that wait for its creation."""

from collections.abc import Callable

import pytest

from magnum.db import models
from magnum.domain import states
from magnum.operations.accept.errors import OperationInProgress, QueueFull
from tests.operations.conftest import HandTurned, Killed, World, error_of, mortal_claims

_CALLS = (
    'identity.create_user', 'orchestration.create_stack', 'orchestration.get_stack',
    'orchestration.update_stack',
)


@pytest.fixture
def uuid(world: World) -> str:
    """A bay that is being created."""
    return world.create(name='bay')


def _created(world: World, uuid: str) -> None:
    """The creation comes to its end, and no time passes after it."""
    worker = world.worker()
    worker.go_on()
    worker.turn()
    assert world.operations(uuid)[0].state == 'SUCCEEDED'


def test_a_resize_follows_the_creation(world: World, uuid: str) -> None:
    first = world.ask('resize', uuid, 2)
    resize = world.ask('resize', uuid, 3)       # the last number counts
    assert (resize.uuid, resize.state) == (first.uuid, 'PENDING')
    assert world.bay(uuid).status == 'CREATE_IN_PROGRESS'
    assert world.nodegroup('default-worker').node_count == 3
    _created(world, uuid)
    assert world.stack('bay')['parameters']['number_of_minions'] == 1
    assert world.again(resize).state == 'PENDING'
    world.build_all(uuid)
    assert world.again(resize).state == 'SUCCEEDED'
    assert world.statuses(uuid) == {
        'bay': 'UPDATE_COMPLETE', 'default-master': 'CREATE_COMPLETE',
        'default-worker': 'UPDATE_COMPLETE',
    }
    assert len(world.nodegroup('default-worker').node_addresses) == 3


def test_who_waits_for_the_creation_sees_its_end(world: World, uuid: str) -> None:
    """Clients take any status but this one for a failure of the creation."""
    resize = world.ask('resize', uuid, 3)
    _created(world, uuid)
    for _ in range(2):
        world.worker().watch()
        assert world.again(resize).state == 'PENDING'
        assert world.bay(uuid).status == 'CREATE_COMPLETE'
        world.pass_time(14)
    world.pass_time(14)
    world.worker().watch()
    assert world.again(resize).state == 'QUEUED'
    assert world.bay(uuid).status == 'UPDATE_IN_PROGRESS'


def test_a_node_group_follows_the_creation(world: World, uuid: str) -> None:
    made = world.add_nodegroup(uuid)
    assert made.state == 'PENDING'
    resize = world.ask('resize', uuid, 4, nodegroup_uuid=world.nodegroup('gpu').uuid)
    world.build_all(uuid)
    assert [world.again(one).state for one in (made, resize)] == ['SUCCEEDED'] * 2
    assert len(world.nodegroup('gpu').node_addresses) == 4


def test_what_contradicts_the_creation(world: World, uuid: str) -> None:
    for verb in (states.UPGRADE, states.ROTATE_CA, states.ROTATE_CREDENTIAL):
        with pytest.raises(OperationInProgress) as refused:
            world.ask_of_bay(verb, uuid)
        assert refused.value.active.verb == 'create'
    world.conf.set_override('queue_limit', 1, 'conductor')
    assert world.ask_of_bay(states.RESIZE_MASTERS, uuid).state == 'PENDING'
    with pytest.raises(QueueFull):
        world.ask('resize', uuid, 3)
    assert world.nodegroup('default-worker').node_count == 1


@pytest.mark.parametrize('how', ['fail', 'cancel at once', 'cancel', 'deadline'])
def test_a_creation_that_does_not_succeed(world: World, uuid: str, how: str) -> None:
    """What waits ends with it, and the creation can be tried again."""
    waiting = [
        world.ask('resize', uuid, 3), world.ask_of_bay(states.RESIZE_MASTERS, uuid),
        world.add_nodegroup(uuid),
    ]
    creation = world.operations(uuid)[0]
    if how == 'fail':
        world.fail('No valid host was found')
    elif how == 'deadline':
        world.pass_time(4000)
        world.worker().turn()
    else:
        if how == 'cancel':
            world.worker().turn()
        world.about('cancel', creation)
        world.worker().turn()
    failed = world.again(creation)
    assert failed.state in states.ENDED - {'SUCCEEDED'}
    for one in map(world.again, waiting):
        assert (one.state, error_of(one)['code']) == ('FAILED', 'plan_refused')
        assert 'retry that' in error_of(one)['reason']
    assert world.bay(uuid).status == 'CREATE_FAILED'
    reason = world.bay(uuid).status_reason
    assert error_of(failed)['reason'] in str(reason)
    workers = world.nodegroup('default-worker')
    assert (workers.status, workers.status_reason) == ('CREATE_FAILED', reason)
    assert workers.node_count == 1
    assert world.nodegroup('gpu').status == 'CREATE_FAILED'

    world.about('retry', creation)
    world.build_all(uuid)
    world.ask('delete_nodegroup', uuid, world.nodegroup('gpu').uuid)
    world.build_all(uuid)
    assert {one.state for one in world.operations(uuid)[4:]} == {'SUCCEEDED'}
    assert len(world.nodegroup('default-worker').node_addresses) == 1


def test_a_group_that_was_to_follow_goes_although_the_creation_fails(
    world: World, uuid: str
) -> None:
    world.add_nodegroup(uuid)
    gone = world.ask('delete_nodegroup', uuid, world.nodegroup('gpu').uuid)
    world.fail()
    world.build_all(uuid)
    assert world.again(gone).state == 'SUCCEEDED'
    assert world.rows(models.Nodegroup, name='gpu') == []


@pytest.mark.parametrize('when', ['accepted', 'begun', 'created'])
def test_what_waits_is_cancelled(world: World, uuid: str, when: str) -> None:
    resize = world.ask('resize', uuid, 3)
    if when == 'begun':
        world.worker().turn()
    elif when == 'created':
        _created(world, uuid)
    status = world.bay(uuid).status
    world.about('cancel', resize)
    assert set(world.statuses(uuid).values()) == {status}
    world.build_all(uuid)
    assert set(world.statuses(uuid).values()) == {'CREATE_COMPLETE'}
    assert len(world.nodegroup('default-worker').node_addresses) == 1


@pytest.mark.parametrize('when', ['accepted', 'begun', 'created'])
def test_a_delete_takes_the_place_of_all(world: World, uuid: str, when: str) -> None:
    resize = world.ask('resize', uuid, 3)
    if when == 'begun':
        world.worker().turn()
    elif when == 'created':
        _created(world, uuid)
    world.ask('delete', uuid)
    assert world.again(resize).state == 'CANCELLED'
    world.build_all(uuid)
    assert not world.has_bay(uuid)
    assert (world.cloud.living(), world.cloud.users) == ([], {})


def test_more_is_asked_while_the_end_of_the_creation_is_shown(world: World, uuid: str) -> None:
    resize = world.ask('resize', uuid, 3)
    _created(world, uuid)
    rotation = world.ask_of_bay('rotate_credential', uuid)
    assert world.ask('resize', uuid, 2).uuid == resize.uuid
    world.build_all(uuid)
    assert [world.again(one).state for one in (resize, rotation)] == ['SUCCEEDED'] * 2
    assert len(world.nodegroup('default-worker').node_addresses) == 2


def _dies(worker: HandTurned) -> bool:
    """Whether a worker dies before all is done."""
    try:
        for _ in range(8):
            worker.go_on()
    except Killed:
        return True
    return False


def _is_well(world: World, uuid: str) -> None:
    world.pass_time(300)
    world.build_all(uuid)
    assert [(one.verb, one.state) for one in world.operations(uuid)] == [
        ('create', 'SUCCEEDED'), ('resize', 'SUCCEEDED'),
    ]
    assert world.bay(uuid).status == 'UPDATE_COMPLETE'
    assert len(world.nodegroup_of(uuid).node_addresses) == 3
    assert len(world.cloud.stacks) == len(world.cloud.users) == len(world.rows(models.Bay))


@pytest.mark.slow
@pytest.mark.parametrize('when', ['before', 'after'])
@pytest.mark.parametrize('call', _CALLS)
def test_a_worker_dies_at_a_call(
    world: World, uuid: str, die_at: Callable[[str], None], call: str, when: str
) -> None:
    world.ask('resize', uuid, 3)
    die_at(f'{when}:{call}')
    assert _dies(world.worker('doomed')), 'the failpoint was not reached'
    _is_well(world, uuid)


@pytest.mark.slow
@pytest.mark.parametrize('first', [1, 2, 3])
def test_a_worker_dies_at_any_transaction(
    world: World, monkeypatch: pytest.MonkeyPatch, first: int
) -> None:
    world.conf.set_override('max_clusters_per_project', 1000, 'quotas')
    position, is_dead = first - 3, True
    while is_dead:
        position += 3
        uuid = world.create(name='bay')
        world.ask('resize', uuid, 3)
        with monkeypatch.context() as patch:
            doomed = world.worker('doomed')
            mortal_claims(doomed.claims, position, patch)
            is_dead = _dies(doomed)
        _is_well(world, uuid)
    assert position > 10
