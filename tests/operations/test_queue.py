"""Changes of a bay that wait for their turn."""

from typing import Any

import pytest
import sqlalchemy as sa

from magnum.db import models
from magnum.db.repositories import bays, nodegroups
from magnum.domain import states
from magnum.domain.parameters import Resize
from magnum.operations.accept.errors import OperationInProgress, QueueFull
from magnum.operations.watcher import Watcher
from magnum.operations.work import Work
from tests.operations.conftest import OF_BAYS, World, error_of


@pytest.fixture
def uuid(world: World) -> str:
    """A bay that is built."""
    made = world.create(name='bay')
    world.build(made)
    return made


def _count(world: World, name: str = 'default-worker') -> Any:
    return world.nodegroup(name).node_count


def test_node_groups_made_in_one_apply(world: World, uuid: str) -> None:
    names = [f'pool-{number}' for number in range(6)]
    asked = [world.add_nodegroup(uuid, name) for name in names]
    assert {one.state for one in asked} == {'QUEUED'}       # side by side
    assert set(world.statuses(uuid).values()) == {
        'UPDATE_IN_PROGRESS', 'CREATE_COMPLETE', 'CREATE_IN_PROGRESS',
    }
    world.build_all(uuid)
    assert world.history(uuid) == [('create_nodegroup', 'SUCCEEDED')] * 6
    assert {world.nodegroup(name).status for name in names} == {'CREATE_COMPLETE'}
    assert world.bay(uuid).status == 'UPDATE_COMPLETE'

    for name in names:
        world.ask('delete_nodegroup', uuid, world.nodegroup(name).uuid)
    assert {world.nodegroup(name).status for name in names} == {'DELETE_IN_PROGRESS'}
    world.build_all(uuid)
    assert {group.name for group in world.rows(models.Nodegroup)} == {
        'default-master', 'default-worker',
    }
    assert len(world.cloud.living()) == 1


def test_a_turn_comes_with_the_end_of_what_was_before(world: World, uuid: str) -> None:
    first = world.ask('resize', uuid, 3)
    second = world.add_nodegroup(uuid)
    assert (second.state, second.active_for, second.attempts) == ('PENDING', None, 0)
    worker = world.worker()
    assert worker.turn() == 1                   # nobody claims what waits
    world.cloud.settle()
    world.pass_time(30)
    worker.watch()
    worker.turn()
    assert world.again(first).state == 'SUCCEEDED'
    begun = world.again(second)
    assert (begun.state, begun.active_for) == ('QUEUED', world.nodegroup('gpu').uuid)
    assert world.bay(uuid).status == 'UPDATE_IN_PROGRESS'
    kinds = [row.kind for row in world.rows(models.Event, operation_uuid=second.uuid)]
    assert kinds == ['bay.create_nodegroup.accepted', 'bay.create_nodegroup.turn']


def test_a_deadline_begins_with_the_turn(world: World, uuid: str) -> None:
    first = world.ask('resize', uuid, 3)
    second = world.add_nodegroup(uuid)
    world.pass_time(7200)                       # both deadlines have passed
    world.build_all(uuid)
    assert error_of(world.again(first))['code'] == 'deadline_exceeded'
    assert world.again(second).state == 'SUCCEEDED'


@pytest.mark.parametrize('how', ['fail', 'cancel'])
def test_what_waits_goes_on_after_a_failure(world: World, uuid: str, how: str) -> None:
    world.conf.set_override('operations_per_bay', 1, 'conductor')
    first = world.add_nodegroup(uuid, 'one')
    world.add_nodegroup(uuid, 'two')
    if how == 'fail':
        world.fail()
    else:
        world.about('cancel', first)
    assert world.nodegroup('one').status == 'CREATE_FAILED'
    assert world.nodegroup('two').status == 'CREATE_IN_PROGRESS'
    world.build_all(uuid)
    assert world.nodegroup('two').status == 'CREATE_COMPLETE'
    assert world.bay(uuid).status == 'UPDATE_FAILED'
    assert world.bay(uuid).status_reason == world.nodegroup('one').status_reason
    # What came later was about another node group.
    world.about('retry', first)
    world.build_all(uuid)
    assert world.nodegroup('one').status == 'CREATE_COMPLETE'
    assert (world.bay(uuid).status, world.bay(uuid).status_reason) == ('UPDATE_COMPLETE', None)


def test_resizes_of_one_group_while_one_goes_on(world: World, uuid: str) -> None:
    """As an autoscaler that removes a second and a third node some seconds after the first."""
    world.ask('resize', uuid, 4)
    world.build(uuid)
    first = world.ask('resize', uuid, 3, nodes_to_remove=('1',))
    worker = world.worker()
    worker.turn()
    second = world.ask('resize', uuid, _count(world) - 1, nodes_to_remove=('2',))
    third = world.ask('resize', uuid, _count(world) - 1, nodes_to_remove=('3',))
    assert second.uuid == third.uuid != first.uuid
    assert _count(world) == 1
    world.build_all(uuid)
    assert Resize.of(world.again(first)).node_count == 3
    assert world.again(first).state == 'SUCCEEDED'    # it had 3, and 3 were wanted of it
    assert world.again(second).state == 'SUCCEEDED'
    assert _count(world) == 1
    assert world.stack('bay')['parameters']['removed'] == ['2', '3']
    assert len(world.nodegroup('default-worker').node_addresses) == 1


def test_the_first_is_cancelled_while_the_second_waits(world: World, uuid: str) -> None:
    first = world.ask('resize', uuid, 3)
    world.add_nodegroup(uuid)
    second = world.ask('resize', uuid, 5)
    assert second.uuid == first.uuid            # nobody has begun it
    world.worker('dead').claims.claim(1)
    second = world.ask('resize', uuid, 4)
    assert second.uuid != first.uuid
    world.about('cancel', first)
    world.pass_time(300)
    world.worker().turn()
    assert world.again(first).state == 'CANCELLED'
    assert _count(world) == 4
    assert Resize.of(world.again(second)).previous_node_count == 1
    world.build_all(uuid)
    assert world.again(second).state == 'SUCCEEDED'
    assert len(world.nodegroup('default-worker').node_addresses) == 4


def test_what_waits_is_cancelled(world: World, uuid: str) -> None:
    first = world.ask('resize', uuid, 3)
    world.worker().turn()
    second = world.ask('resize', uuid, 5)
    third = world.add_nodegroup(uuid)
    ended = world.about('cancel', second)
    assert (ended.state, error_of(ended)['code']) == ('CANCELLED', 'cancelled')
    assert _count(world) == 3
    # The one that goes on is about the same node group.
    assert world.nodegroup('default-worker').status == 'UPDATE_IN_PROGRESS'
    world.about('cancel', third)
    assert world.nodegroup('gpu').status == 'CREATE_FAILED'
    assert world.bay(uuid).status == 'UPDATE_IN_PROGRESS'
    world.build_all(uuid)
    assert world.again(first).state == 'SUCCEEDED'
    assert len(world.nodegroup('default-worker').node_addresses) == 3
    assert len(world.cloud.living()) == 1


def _shown(world: World, name: str) -> tuple[str | None, str | None]:
    group = world.nodegroup(name)
    return group.status, group.status_reason


@pytest.mark.parametrize(('verb', 'name'), [
    ('resize', 'gpu'), ('resize', 'default-worker'), ('upgrade', 'gpu'),
    ('upgrade', 'default-worker'), ('delete_nodegroup', 'gpu'), ('rotate_ca', 'gpu'),
])
@pytest.mark.parametrize('before', [('CREATE_COMPLETE', None), ('UPDATE_FAILED', 'No room')])
def test_what_was_cancelled_before_its_turn_leaves_no_trace(
    world: World, uuid: str, verb: str, name: str, before: tuple[str, str | None]
) -> None:
    """The node group is as it was, and shows it; and so is the bay."""
    world.add_nodegroup(uuid)
    world.add_nodegroup(uuid, 'other')
    world.build_all(uuid)
    with world.database.writing() as session:
        group = session.merge(world.nodegroup(name))
        group.status, group.status_reason = before
    going_on = world.ask_of_bay('rotate_credential', uuid)
    target = world.nodegroup(name).uuid
    asked = {
        'resize': lambda: world.ask('resize', uuid, 5, nodegroup_uuid=target),
        'upgrade': lambda: world.ask('upgrade', uuid, world.new_baymodel(), nodegroup_uuid=target),
        'delete_nodegroup': lambda: world.ask('delete_nodegroup', uuid, target),
        'rotate_ca': lambda: world.ask_of_bay('rotate_ca', uuid),
    }[verb]()
    assert asked.state == 'PENDING'
    world.about('cancel', asked)
    assert _shown(world, name) == before
    world.build_all(uuid)
    assert world.again(going_on).state == 'SUCCEEDED'
    assert _shown(world, name) == before
    assert world.bay(uuid).status == 'UPDATE_COMPLETE'


def test_what_ended_meanwhile_is_shown_when_what_waits_is_cancelled(
    world: World, uuid: str
) -> None:
    """Also the reason of a failure, and of the last of several that waited."""
    first = world.ask('resize', uuid, 3)
    world.worker().turn()
    rotation = world.ask_of_bay('rotate_credential', uuid)
    second = world.ask('resize', uuid, 5)
    group = world.nodegroup('default-worker').uuid
    upgrade = world.ask('upgrade', uuid, world.new_baymodel(), nodegroup_uuid=group)
    world.about('cancel', second)
    assert world.nodegroup('default-worker').status == 'UPDATE_IN_PROGRESS'
    world.fail('No valid host was found')
    assert world.again(first).state == 'FAILED'
    assert world.again(rotation).state == 'QUEUED'
    assert world.nodegroup('default-worker').status == 'UPDATE_IN_PROGRESS'
    world.about('cancel', upgrade)
    status, reason = _shown(world, 'default-worker')
    assert status == 'UPDATE_FAILED'
    assert 'No valid host' in str(reason)


def test_a_delete_of_a_group_takes_the_place_of_what_waits_for_it(
    world: World, uuid: str
) -> None:
    world.ask('resize', uuid, 3)
    made = world.add_nodegroup(uuid)
    group = world.nodegroup('gpu').uuid
    gone = world.ask('delete_nodegroup', uuid, group)
    assert world.again(made).state == 'CANCELLED'
    assert world.ask('delete_nodegroup', uuid, group).uuid == gone.uuid
    with pytest.raises(OperationInProgress) as refused:
        world.ask('resize', uuid, 3, nodegroup_uuid=group)
    assert refused.value.active.uuid == gone.uuid
    world.build_all(uuid)
    assert world.rows(models.Nodegroup, name='gpu') == []
    assert world.history(uuid) == [
        ('resize', 'SUCCEEDED'), ('create_nodegroup', 'CANCELLED'),
        ('delete_nodegroup', 'SUCCEEDED'),
    ]


def test_a_group_that_is_being_made_is_deleted_afterwards(world: World, uuid: str) -> None:
    made = world.add_nodegroup(uuid)
    world.worker().turn()
    world.ask('delete_nodegroup', uuid, world.nodegroup('gpu').uuid)
    world.build_all(uuid)
    assert world.again(made).state == 'SUCCEEDED'
    assert world.rows(models.Nodegroup, name='gpu') == []
    assert len(world.cloud.living()) == 1


def test_a_delete_of_the_bay_over_all_of_it(world: World, uuid: str) -> None:
    world.ask('resize', uuid, 3)
    world.worker().turn()
    for name in ('one', 'two'):
        world.add_nodegroup(uuid, name)
    world.ask('delete', uuid)
    assert [state for _, state in world.history(uuid)] == [
        'CANCELLED', 'CANCELLED', 'CANCELLED', 'QUEUED',
    ]
    with pytest.raises(OperationInProgress):
        world.add_nodegroup(uuid, 'three')
    world.build_all(uuid)
    assert not world.has_bay(uuid)
    assert (world.cloud.living(), world.cloud.users) == ([], {})


def test_what_does_not_wait(world: World, uuid: str) -> None:
    """Nothing waits behind what it contradicts."""
    world.ask('resize', uuid, 3)
    for verb in OF_BAYS:
        waits = world.ask_of_bay(verb, uuid)
        assert waits.state == 'PENDING'
        if verb == states.RESIZE_MASTERS:   # the last number counts
            assert world.ask_of_bay(verb, uuid).uuid == waits.uuid
            continue
        with pytest.raises(OperationInProgress) as refused:
            world.ask_of_bay(verb, uuid)
        assert refused.value.active.uuid == waits.uuid
    with pytest.raises(OperationInProgress) as refused:     # before the upgrade or after it?
        world.add_nodegroup(uuid)
    assert refused.value.active.verb == 'upgrade'


def test_as_many_wait_as_may(world: World, uuid: str) -> None:
    world.conf.set_override('queue_limit', 2, 'conductor')
    active = world.ask('resize', uuid, 3)
    for name in ('one', 'two'):
        world.add_nodegroup(uuid, name)
    with pytest.raises(QueueFull) as refused:
        world.add_nodegroup(uuid, 'three')
    assert (refused.value.active.uuid, refused.value.waiting) == (active.uuid, 2)
    assert [group.name for group in world.rows(models.Nodegroup)][2:] == ['one', 'two']


def test_a_resize_behind_an_upgrade_is_none_of_its(world: World, uuid: str) -> None:
    world.ask('resize', uuid, 2)
    world.build(uuid)
    upgrade = world.ask('upgrade', uuid, world.new_baymodel())
    world.worker().turn()
    resize = world.ask('resize', uuid, 5)
    world.build_all(uuid)
    assert world.again(upgrade).state == 'SUCCEEDED'
    assert world.again(resize).state == 'SUCCEEDED'
    assert len(world.nodegroup('default-worker').node_addresses) == 5


def test_a_group_is_not_complete_before_its_turn(world: World, uuid: str) -> None:
    """The upgrade is done with a group, and what waits to change it has not begun."""
    for name in ('gpu', 'gone'):
        world.add_nodegroup(uuid, name)
    world.build_all(uuid)
    upgrade = world.ask('upgrade', uuid, world.new_baymodel())
    world.worker().turn()
    world.ask('resize', uuid, 3)
    world.ask('delete_nodegroup', uuid, world.nodegroup('gone').uuid)
    seen = set()
    worker = world.worker()
    for _ in range(30):
        worker.go_on()
        if world.again(upgrade).state in states.ENDED:
            break
        statuses = world.statuses(uuid)
        seen.add((statuses['default-worker'], statuses['gone']))
    assert seen == {('UPDATE_IN_PROGRESS', 'DELETE_IN_PROGRESS')}
    assert world.again(upgrade).state == 'SUCCEEDED'


@pytest.mark.parametrize('state', ['PENDING', 'QUEUED', 'RUNNING'])
def test_a_resize_behind_a_creation_that_is_cancelled(
    world: World, uuid: str, state: str
) -> None:
    """There is nothing to resize, and the creation can be tried again."""
    if state == 'PENDING':
        world.ask('resize', uuid, 3)
        world.worker().turn()
    made = world.add_nodegroup(uuid)
    if state == 'RUNNING':
        world.worker('dead').claims.claim(1)
    assert world.again(made).state == state
    resize = world.ask('resize', uuid, 5, nodegroup_uuid=world.nodegroup('gpu').uuid)
    world.about('cancel', made)
    world.pass_time(300)
    world.build_all(uuid)
    refused = world.again(resize)
    assert (refused.state, error_of(refused)['code']) == ('FAILED', 'plan_refused')
    assert _count(world, 'gpu') == 2
    world.about('retry', made)
    world.build_all(uuid)
    assert len(world.nodegroup('gpu').node_addresses) == 2


def test_what_was_cancelled_before_its_turn_hinders_no_retry(world: World, uuid: str) -> None:
    upgrade = world.ask('upgrade', uuid, world.new_baymodel())
    world.worker().turn()
    world.about('cancel', world.ask('resize', uuid, 5))
    world.about('cancel', upgrade)
    world.build_all(uuid)
    assert world.again(upgrade).state == 'CANCELLED'
    again = world.about('retry', upgrade)
    world.build_all(uuid)
    assert world.again(again).state == 'SUCCEEDED'


def test_bounds_that_were_changed_meanwhile(world: World, uuid: str) -> None:
    world.ask('resize', uuid, 3)
    world.worker().turn()
    late = world.ask('resize', uuid, 5)
    last = world.add_nodegroup(uuid)
    with world.database.writing() as session:
        session.merge(world.nodegroup('default-worker')).max_node_count = 4
    world.build_all(uuid)
    refused = world.again(late)
    assert (refused.state, error_of(refused)['code']) == ('FAILED', 'plan_refused')
    assert 'max_node_count' in error_of(refused)['reason']
    assert world.nodegroup('default-worker').status == 'UPDATE_FAILED'
    assert _count(world) == 3
    assert world.again(last).state == 'SUCCEEDED'


def test_a_worker_that_dies_between_two_turns(
    world: World, uuid: str, die_at: Any
) -> None:
    world.ask('resize', uuid, 3)
    world.add_nodegroup(uuid)
    die_at('after:orchestration.update_stack')
    world.worker('dead').die()
    world.pass_time(300)
    world.build_all(uuid)
    assert world.history(uuid) == [('resize', 'SUCCEEDED'), ('create_nodegroup', 'SUCCEEDED')]


def test_what_an_earlier_release_left_waiting(world: World, uuid: str) -> None:
    """Its conductors end an operation and give no turn."""
    first = world.ask('resize', uuid, 3)
    second = world.add_nodegroup(uuid)
    watcher = Watcher(world.database, world.tools.heat, lambda: 1.0)
    assert watcher.give_turns(10) == 0
    with world.database.writing() as session:
        ended = session.merge(world.again(first))
        ended.active_for, ended.state = None, states.SUCCEEDED
    assert watcher.give_turns(10) == 1
    assert world.again(second).state == 'QUEUED'
    assert watcher.give_turns(10) == 0


def test_what_an_earlier_release_left_at_a_bay_that_is_gone(world: World, uuid: str) -> None:
    """It deletes a bay without a look at what waits there."""
    world.ask('resize', uuid, 3)
    waiting = world.add_nodegroup(uuid)
    with world.database.writing() as session:
        session.execute(
            sa.update(models.Operation)
            .where(models.Operation.active_for.is_not(None))
            .values(active_for=None, state=states.SUCCEEDED)
        )
        bays.delete(session, uuid)
    watcher = Watcher(world.database, world.tools.heat, lambda: 1.0)
    assert watcher.give_turns(10) == 1
    ended = world.again(waiting)
    assert (ended.state, error_of(ended)['code']) == ('FAILED', 'plan_refused')
    assert watcher.give_turns(10) == 0


@pytest.mark.parametrize('what', ['withdrawn', 'asked for'])
def test_the_queue_changes_while_a_step_looks(
    world: World, uuid: str, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = world.ask('resize', uuid, 3)
    world.worker('dead').claims.claim(1)
    made = None
    if what == 'withdrawn':
        made = world.ask('resize', uuid, 5)
    load = nodegroups.load_all

    def slow(session: Any, bay_uuid: str) -> Any:
        """Something happens on each side of it."""
        monkeypatch.setattr(nodegroups, 'load_all', load)
        if made is None:
            world.ask('resize', uuid, 5)
            return load(session, bay_uuid)
        found = load(session, bay_uuid)
        world.about('cancel', made)
        return found

    monkeypatch.setattr(nodegroups, 'load_all', slow)
    claims = world.worker().claims
    world.pass_time(300)
    (claim,) = claims.claim(1)
    assert claim.operation_uuid == first.uuid
    assert Work(world.tools, claims, claim).situation().nodegroup.node_count == 3


def test_what_a_later_release_lets_wait(world: World, uuid: str) -> None:
    """It stops nothing here, and waits for a conductor that knows it."""
    first = world.ask('resize', uuid, 3)
    world.worker().turn()
    later = world.add_nodegroup(uuid, 'one')
    last, cancelled = (world.add_nodegroup(uuid, name) for name in ('two', 'three'))
    with world.database.writing() as session:
        session.execute(
            sa.update(models.Operation).filter_by(uuid=later.uuid).values(verb='teleport')
        )
    assert world.about('cancel', cancelled).state == 'CANCELLED'
    world.build(uuid)
    assert world.again(first).state == 'SUCCEEDED'
    watcher = Watcher(world.database, world.tools.heat, lambda: 1.0)
    watcher.give_turns(10)
    assert [world.again(one).state for one in (later, last)] == ['PENDING'] * 2
    with world.database.writing() as session:
        session.execute(
            sa.update(models.Operation).filter_by(uuid=later.uuid).values(verb='create_nodegroup')
        )
    watcher.give_turns(10)
    world.build_all(uuid)
    assert [world.again(one).state for one in (later, last)] == ['SUCCEEDED'] * 2
