"""Further node groups: each is a stack of its own."""

import pytest

from magnum.clients.errors import CloudRefused
from magnum.db import models
from magnum.domain.stack_names import nodegroup_stack_name
from magnum.operations.accept.errors import NodegroupExists, NodegroupGone
from tests.operations.conftest import World, error_of


@pytest.fixture
def uuid(world: World) -> str:
    """A bay that is built."""
    made = world.create(name='bay')
    world.build(made)
    return made


def _stacks(world: World) -> list[str]:
    return sorted(stack['name'] for stack in world.cloud.living())


def test_created_resized_deleted(world: World, uuid: str) -> None:
    world.add_nodegroup(uuid)
    assert world.statuses(uuid) == {
        'bay': 'UPDATE_IN_PROGRESS', 'default-master': 'CREATE_COMPLETE',
        'default-worker': 'CREATE_COMPLETE', 'gpu': 'CREATE_IN_PROGRESS',
    }
    world.build(uuid)
    group = world.nodegroup('gpu')
    assert (group.status, group.template_version) == ('CREATE_COMPLETE', 'group-1')
    assert len(group.node_addresses) == 2
    assert world.bay(uuid).status == 'UPDATE_COMPLETE'
    stack = world.stack('gpu')
    assert stack['name'] == nodegroup_stack_name('bay', 'gpu', group.uuid)
    assert (stack['id'], stack['tags']) == (group.stack_id, (f'magnum-bay-{uuid}',))

    world.ask('resize', uuid, 5, nodegroup_uuid=group.uuid, nodes_to_remove=('1',))
    world.build(uuid)
    group = world.nodegroup('gpu')
    assert (group.node_count, group.status) == (5, 'UPDATE_COMPLETE')
    assert world.statuses(uuid)['default-worker'] == 'CREATE_COMPLETE'
    changed = world.stack('gpu')['parameters']
    assert (changed['removed'], changed['by_version']) == (['1'], 'group-1')
    assert world.nodegroup('default-worker').node_count == 1

    world.ask('delete_nodegroup', uuid, group.uuid)
    assert world.nodegroup('gpu').status == 'DELETE_IN_PROGRESS'
    world.build(uuid)
    assert world.rows(models.Nodegroup, name='gpu') == []
    assert world.rows(models.LedgerEntry, kind='nodegroup_stack') == []
    assert world.bay(uuid).status == 'UPDATE_COMPLETE'
    assert len(world.cloud.living()) == 1


def test_its_name_is_taken(world: World, uuid: str) -> None:
    world.add_nodegroup(uuid)
    world.build(uuid)
    with pytest.raises(NodegroupExists):
        world.add_nodegroup(uuid)


def test_unknown_and_default_groups(world: World, uuid: str) -> None:
    with pytest.raises(NodegroupGone):
        world.ask('delete_nodegroup', uuid, 'no-such')
    with pytest.raises(NodegroupGone):
        world.ask('resize', uuid, 3, nodegroup_uuid='no-such')
    with pytest.raises(ValueError, match='default'):
        world.ask('delete_nodegroup', uuid, world.nodegroup('default-worker').uuid)


def test_nodes_to_remove_are_a_change(world: World, uuid: str) -> None:
    assert world.ask('resize', uuid, 1) is None
    assert world.ask('resize', uuid, 1, nodes_to_remove=('n1',)) is not None


def test_masters_are_not_resized(world: World, uuid: str) -> None:
    world.ask('resize', uuid, 3, nodegroup_uuid=world.nodegroup('default-master').uuid)
    world.build(uuid)
    assert error_of(world.operations(uuid)[-1])['code'] == 'plan_refused'
    assert world.nodegroup('default-master').node_count == 1


def test_a_failed_group_says_why_and_can_be_removed(world: World, uuid: str) -> None:
    world.add_nodegroup(uuid)
    world.fail()
    group = world.nodegroup('gpu')
    assert (group.status, 'No valid host' in (group.status_reason or '')) == ('CREATE_FAILED', True)
    assert world.statuses(uuid)['default-worker'] == 'CREATE_COMPLETE'
    assert world.bay(uuid).status == 'UPDATE_FAILED'
    world.ask('delete_nodegroup', uuid, group.uuid)
    world.build(uuid)
    assert (world.bay(uuid).status, len(world.cloud.living())) == ('UPDATE_COMPLETE', 1)


def test_a_group_that_heat_refused_can_be_removed(world: World, uuid: str) -> None:
    world.cloud.faults['orchestration.create_stack'] = CloudRefused('orchestration', 'no', 400)
    world.add_nodegroup(uuid)
    world.worker().turn()
    assert world.nodegroup('gpu').status == 'CREATE_FAILED'
    world.cloud.faults.clear()
    world.ask('delete_nodegroup', uuid, world.nodegroup('gpu').uuid)
    world.build(uuid)
    world.pass_time(61)
    world.build(uuid)
    assert world.rows(models.Nodegroup, name='gpu') == []


def test_groups_go_before_the_bay(world: World, uuid: str) -> None:
    for name in ('one', 'two'):
        world.add_nodegroup(uuid, name)
        world.build(uuid)
    world.ask('delete', uuid)
    worker = world.worker()
    worker.turn()
    statuses = {stack['name'].split('-')[1]: stack['status'] for stack in world.cloud.living()}
    assert (statuses.pop('one'), statuses.pop('two')) == ('DELETE_IN_PROGRESS',) * 2
    assert list(statuses.values()) == ['CREATE_COMPLETE']      # the bay's own
    world.build(uuid)
    assert not world.has_bay(uuid)
    assert _stacks(world) == []
    assert world.rows(models.LedgerEntry) == []


def test_a_groups_stack_that_will_not_go(world: World, uuid: str) -> None:
    world.add_nodegroup(uuid)
    world.build(uuid)
    world.cloud.deletes_that_fail = 3
    world.ask('delete_nodegroup', uuid, world.nodegroup('gpu').uuid)
    world.build(uuid)
    assert world.statuses(uuid)['gpu'] == 'DELETE_FAILED'
    world.ask('delete', uuid)
    world.build(uuid)
    assert not world.has_bay(uuid)
