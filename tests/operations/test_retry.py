"""Operations that failed are tried again, wherever they failed."""

from collections.abc import Callable

import pytest

from magnum.clients.errors import CloudRefused
from magnum.db import models
from magnum.db.repositories import locking
from magnum.domain.parameters import Resize, Upgrade
from magnum.domain.stack_names import short_id
from magnum.operations.accept.errors import BayGone, NotRetryable, OperationInProgress
from tests.operations.conftest import World, error_of

pytestmark = pytest.mark.slow

Ask = Callable[[World, str], models.Operation]

ASK: dict[str, Ask] = {
    'resize': lambda world, uuid: world.ask('resize', uuid, 3),
    'create_nodegroup': lambda world, uuid: world.add_nodegroup(uuid, 'new'),
    'delete_nodegroup': lambda world, uuid: world.ask(
        'delete_nodegroup', uuid, world.nodegroup('gpu').uuid
    ),
    'upgrade': lambda world, uuid: world.ask('upgrade', uuid, world.new_baymodel()),
    'rotate_credential': lambda world, uuid: world.ask('rotate_credential', uuid),
    'delete': lambda world, uuid: world.ask('delete', uuid),
}
#: Calls that a verb makes, and that may be refused.
CALLS = {
    'create': ('identity.create_user', 'identity.grant_role', 'orchestration.create_stack'),
    'resize': ('orchestration.get_stack', 'orchestration.update_stack'),
    'create_nodegroup': ('orchestration.get_stack', 'orchestration.create_stack'),
    'delete_nodegroup': ('orchestration.get_stack', 'orchestration.delete_stack'),
    'upgrade': ('orchestration.get_stack', 'orchestration.replace_stack'),
    'rotate_credential': ('identity.update_user', 'orchestration.get_stack'),
    'delete': ('orchestration.get_stack', 'orchestration.delete_stack', 'identity.delete_user'),
}


def _bay(world: World, verb: str) -> str:
    uuid = world.create(name='bay')
    if verb != 'create':
        world.build(uuid)
        world.add_nodegroup(uuid)
        world.build(uuid)
    return uuid


def _begin(world: World, uuid: str, verb: str) -> models.Operation:
    return world.operations(uuid)[0] if verb == 'create' else ASK[verb](world, uuid)


def _is_well(world: World, uuid: str, verb: str) -> None:
    if verb == 'delete':
        assert not world.has_bay(uuid)
        assert (world.cloud.living(), world.cloud.users) == ([], {})
        return
    assert set(world.statuses(uuid).values()) <= {'CREATE_COMPLETE', 'UPDATE_COMPLETE'}
    stacks = {'create': 1, 'create_nodegroup': 3, 'delete_nodegroup': 1}
    assert len(world.cloud.living()) == stacks.get(verb, 2)
    if verb == 'upgrade':
        group = world.nodegroup('gpu')
        assert world.stack('gpu')['parameters']['revision'] == group.revision > 0


@pytest.mark.parametrize(
    ('verb', 'call'), [(verb, call) for verb, calls in CALLS.items() for call in calls]
)
def test_after_a_refusal(world: World, verb: str, call: str) -> None:
    uuid = _bay(world, verb)
    operation = _begin(world, uuid, verb)
    world.cloud.faults[call] = CloudRefused('cloud', 'no', 400)
    world.build(uuid)
    assert world.operations(uuid)[-1].state == 'FAILED'
    world.cloud.faults.clear()
    again = world.about('retry', operation)
    assert (again.verb, again.retries, again.state) == (operation.verb, operation.uuid, 'QUEUED')
    world.build(uuid)
    assert world.operations(uuid)[-1].state == 'SUCCEEDED'
    _is_well(world, uuid, verb)


@pytest.mark.parametrize('verb', ['create', 'resize', 'create_nodegroup', 'upgrade'])
@pytest.mark.parametrize('times', [1, 2])
def test_after_a_stack_that_failed(world: World, verb: str, times: int) -> None:
    uuid = _bay(world, verb)
    operation = _begin(world, uuid, verb)
    for _ in range(times):
        world.fail()
        assert world.operations(uuid)[-1].state == 'FAILED'
        operation = world.about('retry', operation)
    world.build(uuid)
    _is_well(world, uuid, verb)
    if verb == 'resize':
        assert world.nodegroup('default-worker').node_count == 3


@pytest.mark.parametrize('verb', list(CALLS))
def test_after_the_deadline(world: World, verb: str) -> None:
    uuid = _bay(world, verb)
    operation = _begin(world, uuid, verb)
    world.pass_time(4000)
    world.worker().turn()
    assert error_of(world.operations(uuid)[-1])['code'] == 'deadline_exceeded'
    world.about('retry', operation)
    world.build(uuid)
    _is_well(world, uuid, verb)


def test_nothing_of_a_failed_bay_is_used_again(world: World) -> None:
    """Its nodes have lost their tokens, and Heat remembers what they said."""
    uuid = world.create()
    world.fail()
    (old,) = world.cloud.living()
    world.about('retry', world.operations(uuid)[0])
    worker = world.worker()
    worker.turn()
    assert old['status'] == 'DELETE_IN_PROGRESS'
    assert world.cloud.calls.count('orchestration.create_stack') == 1     # not beside it
    world.build(uuid)
    (new,) = world.cloud.living()
    assert (new['name'], new['id'] != old['id']) == (old['name'], True)
    assert world.bay(uuid).stack_id == new['id']
    assert new['parameters']['tokens'] != old['parameters']['tokens']
    assert world.rows(models.LedgerEntry, kind='heat_stack')[0].external_id == new['id']


def test_a_create_whose_stack_heat_still_builds(world: World) -> None:
    uuid = world.create()
    worker = world.worker()
    worker.turn()
    world.pass_time(4000)
    worker.watch()
    worker.turn()
    assert world.bay(uuid).status == 'CREATE_FAILED'
    world.about('retry', world.operations(uuid)[0])
    world.build(uuid)
    assert world.bay(uuid).status == 'CREATE_COMPLETE'
    assert (len(world.cloud.stacks), len(world.cloud.living())) == (2, 1)


@pytest.mark.parametrize(('failures', 'outcome'), [(2, 'SUCCEEDED'), (3, 'FAILED')])
def test_remains_that_will_not_go(world: World, failures: int, outcome: str) -> None:
    uuid = world.create()
    world.fail()
    world.about('retry', world.operations(uuid)[0])
    world.cloud.deletes_that_fail = failures
    world.build(uuid)
    assert world.operations(uuid)[-1].state == outcome


def test_a_groups_nodes_are_all_made_anew(world: World) -> None:
    uuid = _bay(world, 'create_nodegroup')
    operation = world.add_nodegroup(uuid, 'new')
    world.fail()
    world.about('retry', operation)
    world.build(uuid)
    stack = world.stack('new')
    assert (stack['parameters']['revision'], stack['replaced']) == (1, 1)


def test_a_foreign_stack_is_not_rebuilt(world: World) -> None:
    uuid = _bay(world, 'create_nodegroup')
    operation = world.add_nodegroup(uuid, 'new')
    world.fail()
    world.stack('new')['tags'] = ('of-somebody-else',)
    world.about('retry', operation)
    world.build(uuid)
    assert error_of(world.operations(uuid)[-1])['code'] == 'stack_foreign'
    assert 'orchestration.replace_stack' not in world.cloud.calls


def test_a_group_whose_stack_heat_still_builds(world: World) -> None:
    uuid = _bay(world, 'create_nodegroup')
    operation = world.add_nodegroup(uuid, 'new')
    worker = world.worker()
    worker.turn()
    world.pass_time(4000)
    worker.watch()
    worker.turn()
    world.about('retry', operation)
    worker.turn()
    assert 'orchestration.replace_stack' not in world.cloud.calls    # it is busy
    world.build(uuid)
    assert world.nodegroup('new').status == 'CREATE_COMPLETE'
    assert world.cloud.calls.count('orchestration.replace_stack') == 1


def test_the_count_before_is_that_of_the_stack(world: World) -> None:
    uuid = _bay(world, 'resize')
    operation = world.ask('resize', uuid, 3)
    world.fail()
    again = world.about('retry', operation)
    world.about('cancel', again)                # Heat was not asked again
    assert world.nodegroup('default-worker').node_count == 3


def test_what_cannot_be_retried(world: World) -> None:
    uuid = _bay(world, 'resize')
    with pytest.raises(NotRetryable, match='succeeded'):
        world.about('retry', world.operations(uuid)[-1])
    failed = world.ask('resize', uuid, 3)
    with pytest.raises(OperationInProgress):
        world.about('retry', failed)
    world.fail()
    later = world.ask('resize', uuid, 4)
    world.build(uuid)
    with pytest.raises(NotRetryable, match='later'):
        world.about('retry', failed)
    assert later.retries is None
    world.ask('delete', uuid)
    world.build(uuid)
    with pytest.raises(BayGone):
        world.about('retry', failed)


@pytest.mark.parametrize('bounds', [{'min_node_count': 4}, {'max_node_count': 2}])
def test_a_count_that_new_bounds_exclude(world: World, bounds: dict[str, int]) -> None:
    uuid = _bay(world, 'resize')
    failed = world.ask('resize', uuid, 3)
    world.fail()
    with world.database.writing() as session:
        locking.set_values(session, models.Nodegroup, Resize.of(failed).nodegroup, **bounds)
    with pytest.raises(NotRetryable, match='node_count 3'):
        world.about('retry', failed)


def test_the_retry_of_a_retry(world: World) -> None:
    uuid = _bay(world, 'resize')
    first = world.ask('resize', uuid, 3)
    world.fail()
    second = world.about('retry', first)
    with pytest.raises(OperationInProgress):
        world.about('retry', first)
    world.fail()
    third = world.about('retry', second)
    assert (second.retries, third.retries) == (first.uuid, second.uuid)


@pytest.mark.parametrize('how', ['retry', 'resize'])
def test_workers_that_failed_to_come_up_are_given_up(world: World, how: str) -> None:
    """A node boots once: the next attempt puts others into their place."""
    uuid = _bay(world, 'resize')
    operation = ASK['resize'](world, uuid)
    world.build(uuid)
    assert world.stack(short_id(uuid))['parameters']['removed'] == []
    operation = world.ask('resize', uuid, 4)
    world.fail()
    if how == 'retry':
        world.about('retry', operation)
    else:
        world.ask('resize', uuid, 5, nodes_to_remove=('0',))
    world.build(uuid)
    asked_for = [] if how == 'retry' else ['0']
    assert world.stack(short_id(uuid))['parameters']['removed'] == [*asked_for, 'node']
    _is_well(world, uuid, 'resize')


@pytest.mark.parametrize('group', ['default-worker', 'gpu'])
def test_a_resize_after_half_an_upgrade_keeps_to_its_batches(world: World, group: str) -> None:
    """Of a stack that Heat waits for: it finishes the upgrade, whatever it is asked for."""
    uuid = _bay(world, 'upgrade')
    nodegroup = world.nodegroup(group).uuid
    world.ask('resize', uuid, 4, nodegroup_uuid=nodegroup)
    world.build(uuid)
    world.ask(
        'upgrade', uuid, world.new_baymodel(), max_batch_size=2, nodegroup_uuid=nodegroup
    )
    world.fail()
    with world.database.writing() as session:
        upgrade = session.get(models.Operation, world.operations(uuid)[-1].id)
        assert upgrade is not None
        # As an earlier release wrote it: minutes of all batches.
        upgrade.parameters = Upgrade.of(upgrade).with_current(minutes=120).stored()
    world.ask('resize', uuid, 9, nodegroup_uuid=nodegroup)
    world.build(uuid)
    stack = world.stack('gpu' if group == 'gpu' else short_id(uuid))
    assert stack['parameters']['batch'] == 2
    resize = world.operations(uuid)[-1]
    time = resize.deadline - resize.created_at
    assert time.total_seconds() > 7000, 'that of the two batches of the upgrade'
    world.ask('resize', uuid, 8, nodegroup_uuid=nodegroup)
    world.build(uuid)
    assert stack['parameters']['batch'] is None, 'nothing was left to do'
