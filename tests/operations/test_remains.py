"""What an operation leaves that ends while no conductor lives is recorded, and said."""

import dataclasses
from collections.abc import Callable

import pytest

from magnum.clients.errors import CloudUnavailable
from magnum.db import models
from magnum.domain.stack_names import short_id
from tests.fakes.driver import FakeDriver
from tests.operations.conftest import World, error_of

Die = Callable[[str], None]
#: How an operation ends for which nobody is there.
ENDS = ('cancel', 'deadline')
CODES = {'cancel': 'cancelled', 'deadline': 'deadline_exceeded'}


def _dies(world: World, die_at: Die, point: str) -> None:
    worker = world.worker('dead')
    if world.rows(models.Operation, state='QUEUED')[0].verb == 'upgrade':
        worker.turn()       # what the rounds are about
    die_at(point)
    worker.die()


def _end(world: World, uuid: str, how: str) -> models.Operation:
    """The operation ends by the hands of the next conductor."""
    if how == 'cancel':
        world.about('cancel', world.operations(uuid)[-1])
        world.pass_time(200)
    else:
        world.pass_time(4000)
    world.worker().turn()
    operation = world.operations(uuid)[-1]
    assert error_of(operation)['code'] == CODES[how]
    return operation


@pytest.mark.parametrize('how', ENDS)
@pytest.mark.parametrize('built', [True, False])
def test_a_stack_that_nobody_recorded(
    world: World, die_at: Die, how: str, built: bool
) -> None:
    uuid = world.create(name='bay')
    _dies(world, die_at, 'after:orchestration.create_stack')
    if built:
        world.cloud.settle()
    assert world.bay(uuid).stack_id is None
    operation = _end(world, uuid, how)
    stack = world.stack(short_id(uuid))
    bay = world.bay(uuid)
    assert (bay.status, bay.stack_id) == ('CREATE_FAILED', stack['id'])
    assert {group.stack_id for group in world.rows(models.Nodegroup)} == {stack['id']}
    assert operation.stack_id == stack['id']
    assert world.rows(models.LedgerEntry, kind='heat_stack')[0].external_id == stack['id']
    for told in (bay.status_reason, error_of(operation)['reason']):
        assert stack['id'] in (told or '')
        assert stack['name'] in (told or '')
        assert 'servers that it has made run on' in (told or '')
    # The bay can be used for what it is: resized, tried again, deleted.
    world.cloud.settle()
    world.ask('resize', uuid, 3)
    world.build(uuid)
    assert (world.bay(uuid).status, len(stack['nodes'])) == ('UPDATE_COMPLETE', 3)
    world.ask('delete', uuid)
    world.build(uuid)
    assert world.cloud.living() == []


@pytest.mark.parametrize('how', ENDS)
def test_a_create_like_that_is_retried(world: World, die_at: Die, how: str) -> None:
    uuid = world.create(name='bay')
    _dies(world, die_at, 'after:orchestration.create_stack')
    world.cloud.settle()
    operation = _end(world, uuid, how)
    world.about('retry', operation)
    world.build(uuid)
    assert world.bay(uuid).status == 'CREATE_COMPLETE'
    (living,) = world.cloud.living()
    assert (world.bay(uuid).stack_id, len(world.cloud.stacks)) == (living['id'], 2)


@pytest.mark.parametrize('how', ENDS)
def test_a_request_that_heat_never_had(world: World, die_at: Die, how: str) -> None:
    uuid = world.create(name='bay')
    _dies(world, die_at, 'before:orchestration.create_stack')
    _end(world, uuid, how)
    assert world.bay(uuid).stack_id is None
    assert 'The stack' not in (world.bay(uuid).status_reason or '')


@pytest.mark.parametrize('how', ENDS)
def test_a_stack_of_somebody_else(world: World, die_at: Die, how: str) -> None:
    uuid = world.create(name='bay')
    _dies(world, die_at, 'after:orchestration.create_stack')
    world.stack(short_id(uuid))['tags'] = ('of-somebody-else',)
    _end(world, uuid, how)
    assert world.bay(uuid).stack_id is None


@pytest.mark.parametrize('how', ENDS)
def test_heat_cannot_be_asked(world: World, die_at: Die, how: str) -> None:
    uuid = world.create(name='bay')
    _dies(world, die_at, 'after:orchestration.create_stack')
    down = CloudUnavailable('orchestration', 'refused')
    world.cloud.faults['orchestration'] = down
    _end(world, uuid, how)
    assert 'Heat could not be told and may go on' in (world.bay(uuid).status_reason or '')


@pytest.mark.parametrize('how', ENDS)
def test_a_groups_stack_that_nobody_recorded(world: World, die_at: Die, how: str) -> None:
    uuid = world.create(name='bay')
    world.build(uuid)
    world.add_nodegroup(uuid)
    _dies(world, die_at, 'after:orchestration.create_stack')
    world.cloud.settle()
    _end(world, uuid, how)
    stack, group = world.stack('gpu'), world.nodegroup('gpu')
    assert (group.stack_id, group.template_version) == (stack['id'], 'group-1')
    assert stack['id'] in (world.bay(uuid).status_reason or '')
    assert stack['id'] in (group.status_reason or '')
    assert world.bay(uuid).stack_id != stack['id']
    world.ask('resize', uuid, 3, nodegroup_uuid=group.uuid)
    world.build(uuid)
    assert (world.nodegroup('gpu').status, len(stack['nodes'])) == ('UPDATE_COMPLETE', 3)


@pytest.mark.parametrize('how', ENDS)
@pytest.mark.parametrize('when', ['before', 'after'])
def test_a_resize_that_heat_has_or_has_not_heard_of(
    world: World, die_at: Die, how: str, when: str
) -> None:
    """The count is what the stack has."""
    uuid = world.create(name='bay')
    world.build(uuid)
    world.ask('resize', uuid, 3)
    _dies(world, die_at, f'{when}:orchestration.update_stack')
    world.cloud.settle()
    _end(world, uuid, how)
    stack = world.stack(short_id(uuid))
    assert len(stack['nodes']) == (3 if when == 'after' else 1)
    assert world.nodegroup('default-worker').node_count == len(stack['nodes'])
    said = 'Heat had ended the change by then: UPDATE_COMPLETE.'
    assert (said in (world.bay(uuid).status_reason or '')) == (when == 'after')


@pytest.mark.parametrize('how', ENDS)
@pytest.mark.parametrize('when', ['before', 'after'])
def test_an_upgrade_that_heat_has_or_has_not_heard_of(
    world: World, die_at: Die, how: str, when: str
) -> None:
    """The version is that of the template which the stack has."""
    uuid = world.create(name='bay')
    world.build(uuid)
    world.ask('upgrade', uuid, world.new_baymodel())
    _dies(world, die_at, f'{when}:orchestration.replace_stack')
    world.cloud.settle()
    _end(world, uuid, how)
    version = '2' if when == 'after' else '1'
    assert world.bay(uuid).template_version == version
    assert (world.nodegroup('default-worker').template_version or '1') == version
    said = 'Heat had ended the change by then: UPDATE_COMPLETE.'
    assert (said in (world.bay(uuid).status_reason or '')) == (when == 'after')


def test_a_conductor_of_another_release_adopts_a_stack(
    world: World, die_at: Die, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its version is that which the first one asked for."""
    uuid = world.create(name='bay')
    _dies(world, die_at, 'after:orchestration.create_stack')
    render = FakeDriver.render
    monkeypatch.setattr(
        FakeDriver, 'render',
        lambda self, plan: dataclasses.replace(render(self, plan), version='later'),
    )
    world.pass_time(130)
    world.build(uuid)
    assert (world.bay(uuid).status, world.bay(uuid).template_version) == ('CREATE_COMPLETE', '1')
