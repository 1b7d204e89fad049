"""A user cancels an operation, in each of its states."""

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from magnum.clients.errors import CloudUnavailable
from magnum.db import models
from magnum.domain.stack_names import short_id
from magnum.drivers.contract import Observed
from magnum.operations.accept.errors import NotCancellable, NotRetryable
from tests.fakes.driver import FakeDriver
from tests.operations.conftest import World, error_of

pytestmark = pytest.mark.slow

WHY = 'Cancelled by the user alice.'


@pytest.fixture
def uuid(world: World) -> str:
    """A bay that is built."""
    made = world.create(name='bay')
    world.build(made)
    return made


def _armed(world: World) -> list[models.BootstrapToken]:
    return [token for token in world.rows(models.BootstrapToken) if token.armed]


def test_queued_ends_at_once(world: World, uuid: str) -> None:
    operation = world.ask('resize', uuid, 3)
    ended = world.about('cancel', operation)
    assert (ended.state, error_of(ended)['code']) == ('CANCELLED', 'cancelled')
    bay = world.bay(uuid)
    assert (bay.status, bay.status_reason) == ('UPDATE_FAILED', WHY)
    assert world.nodegroup('default-worker').node_count == 1
    assert world.worker().turn() == 0


def test_running_stops_between_steps(world: World, uuid: str) -> None:
    operation = world.ask('resize', uuid, 3)
    worker = world.worker()
    (claim,) = worker.claims.claim(1)
    asked = world.about('cancel', operation)
    assert (asked.state, asked.cancel_requested) == ('RUNNING', True)
    assert world.about('cancel', operation).uuid == operation.uuid     # once more is fine
    worker.runner.run(claim)
    assert world.operations(uuid)[-1].state == 'CANCELLED'
    assert world.bay(uuid).status_reason == WHY
    assert world.nodegroup('default-worker').node_count == 1
    assert 'orchestration.update_stack' not in world.cloud.calls


def test_a_dead_workers_operation(world: World, uuid: str) -> None:
    operation = world.ask('resize', uuid, 3)
    world.worker('dead').claims.claim(1)
    world.about('cancel', operation)
    assert world.worker().turn() == 0
    world.pass_time(181)
    assert world.worker().turn() == 1
    assert world.operations(uuid)[-1].state == 'CANCELLED'


def _requested(world: World, uuid: str, verb: str) -> models.Operation:
    """An operation that waits for Heat."""
    ask: dict[str, Callable[[], models.Operation]] = {
        'resize': lambda: world.ask('resize', uuid, 3),
        'create_nodegroup': lambda: world.add_nodegroup(uuid),
        'upgrade': lambda: world.ask('upgrade', uuid, world.new_baymodel()),
    }
    operation = ask[verb]()
    world.worker().turn()
    world.worker().turn()
    assert world.operations(uuid)[-1].state == 'WAITING'
    return operation


@pytest.mark.parametrize('verb', ['resize', 'create_nodegroup', 'upgrade'])
def test_waiting_stops_heat(world: World, uuid: str, verb: str) -> None:
    operation = _requested(world, uuid, verb)
    assert _armed(world) != []
    world.about('cancel', operation)
    assert world.worker().turn() == 1
    assert world.operations(uuid)[-1].state == 'CANCELLED'
    assert world.cloud.calls.count('orchestration.cancel_stack') == 1
    reason = WHY
    if verb == 'create_nodegroup':
        stack = world.stack('gpu')
        reason += (
            f' The stack {stack["name"]} ({stack["id"]}) is being stopped; '
            'servers that it has made run on.'
        )
    assert (world.bay(uuid).status, world.bay(uuid).status_reason) == ('UPDATE_FAILED', reason)
    about = 'gpu' if verb == 'create_nodegroup' else 'default-worker'
    assert str(world.nodegroup(about).status).endswith('_FAILED')
    assert world.nodegroup('default-master').status == 'CREATE_COMPLETE'
    assert _armed(world) == []
    # The bay can be used while Heat still stops.
    assert any(stack['status'].endswith('_IN_PROGRESS') for stack in world.cloud.living())
    group = {'nodegroup_uuid': world.nodegroup(about).uuid}
    assert world.ask('resize', uuid, 4, **group) is not None
    assert world.worker().turn() == 1
    assert error_of(world.operations(uuid)[-1])['reason'].startswith('Heat still works')
    world.build(uuid)
    assert world.bay(uuid).status == 'UPDATE_COMPLETE'
    assert world.nodegroup(about).node_count == 4


def test_a_create_is_cancelled_and_retried(world: World) -> None:
    uuid = world.create()
    world.worker().turn()
    operation = world.operations(uuid)[0]
    world.about('cancel', operation)
    world.worker().turn()
    assert world.bay(uuid).status == 'CREATE_FAILED'
    world.about('retry', operation)
    world.build(uuid)
    assert world.bay(uuid).status == 'CREATE_COMPLETE'
    assert (len(world.cloud.stacks), len(world.cloud.living())) == (2, 1)


def test_a_create_that_nobody_began(world: World) -> None:
    uuid = world.create()
    world.about('cancel', world.operations(uuid)[0])
    assert world.statuses(uuid) == dict.fromkeys(
        ('bay', 'default-master', 'default-worker'), 'CREATE_FAILED'
    )
    world.about('retry', world.operations(uuid)[0])
    world.build(uuid)
    assert world.bay(uuid).status == 'CREATE_COMPLETE'


def test_a_stack_that_was_asked_for_and_not_recorded(
    world: World, die_at: Callable[[str], None]
) -> None:
    uuid = world.create()
    die_at('after:orchestration.create_stack')
    world.worker().die()
    world.about('cancel', world.operations(uuid)[0])
    world.pass_time(181)
    world.worker().turn()
    assert world.operations(uuid)[0].state == 'CANCELLED'
    assert 'orchestration.cancel_stack' in world.cloud.calls


def test_heat_is_away(world: World, uuid: str) -> None:
    operation = _requested(world, uuid, 'resize')
    world.about('cancel', operation)
    world.cloud.faults['orchestration'] = CloudUnavailable('orchestration', 'refused')
    world.worker().turn()
    assert world.operations(uuid)[-1].state == 'CANCELLED'
    assert 'Heat could not be told' in (world.bay(uuid).status_reason or '')


def test_heat_is_done_already(world: World, uuid: str) -> None:
    operation = _requested(world, uuid, 'resize')
    world.cloud.settle()
    world.about('cancel', operation)
    world.worker().turn()
    assert world.operations(uuid)[-1].state == 'CANCELLED'
    assert world.bay(uuid).status_reason == (
        f'{WHY} Heat had ended the change by then: UPDATE_COMPLETE.'
    )
    assert world.nodegroup('default-worker').node_count == 3     # Heat was asked for them
    world.about('retry', operation)
    world.build(uuid)
    assert world.bay(uuid).status == 'UPDATE_COMPLETE'


def test_between_rounds(world: World, uuid: str) -> None:
    world.add_nodegroup(uuid)
    world.build(uuid)
    operation = _requested(world, uuid, 'upgrade')
    world.cloud.settle()
    world.pass_time(30)
    world.worker().watch()
    world.worker().turn()
    assert world.statuses(uuid)['gpu'] == 'UPDATE_IN_PROGRESS'
    world.about('cancel', operation)
    world.worker().turn()
    assert world.statuses(uuid) == {
        'bay': 'UPDATE_FAILED', 'default-master': 'CREATE_COMPLETE',
        'default-worker': 'UPDATE_COMPLETE', 'gpu': 'UPDATE_FAILED',
    }
    assert world.cloud.calls.count('orchestration.replace_stack') == 1
    world.about('retry', operation)
    world.build(uuid)
    assert world.nodegroup('gpu').image_id == 'debian-13'
    assert world.cloud.calls.count('orchestration.replace_stack') == 3, 'two batches of it'


def test_too_late_for_what_has_just_succeeded(
    world: World, uuid: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked for while the last step runs: what is done is done."""
    operation = _requested(world, uuid, 'resize')
    world.cloud.settle()
    world.pass_time(30)
    world.worker().watch()
    read = FakeDriver.read_outputs

    def cancel_and_read(*about: Any) -> Observed:
        assert world.about('cancel', operation).cancel_requested
        return read(*about)

    monkeypatch.setattr(FakeDriver, 'read_outputs', cancel_and_read)    # in the last step
    world.worker().turn()
    assert world.operations(uuid)[-1].state == 'SUCCEEDED'
    assert world.bay(uuid).status == 'UPDATE_COMPLETE'


def test_a_delete_takes_a_cancelled_one_over(world: World, uuid: str) -> None:
    operation = world.ask('resize', uuid, 3)
    worker = world.worker()
    (claim,) = worker.claims.claim(1)
    world.about('cancel', operation)
    world.ask('delete', uuid)
    worker.runner.run(claim)
    assert world.operations(uuid)[1].state == 'CANCELLED'
    assert world.bay(uuid).status == 'DELETE_IN_PROGRESS'
    world.build(uuid)
    assert not world.has_bay(uuid)


def test_what_cannot_be_cancelled(world: World, uuid: str) -> None:
    created = world.operations(uuid)[0]
    with pytest.raises(NotCancellable, match='SUCCEEDED'):
        world.about('cancel', created)
    resize = world.ask('resize', uuid, 3)
    world.worker().claims.claim(1)
    delete = world.ask('delete', uuid)
    for operation, why in ((delete, 'delete goes on'), (resize, 'makes way')):
        with pytest.raises(NotCancellable, match=why):
            world.about('cancel', operation)


def _echo(world: World, times: int) -> None:
    """Heat counts a cancel of before against what it does now."""
    worker = world.worker()
    for _ in range(times):
        worker.turn()
        assert world.rows(models.Operation, state='WAITING') != []
        world.cloud.settle('FAILED', 'resources[0]: Stack UPDATE cancelled')
        world.pass_time(30)
        worker.watch()
        worker.turn()
        world.pass_time(30)


@pytest.mark.parametrize(('times', 'outcome'), [(1, 'SUCCEEDED'), (2, 'SUCCEEDED'), (3, 'FAILED')])
def test_a_resize_that_hears_of_the_cancel_before_it(
    world: World, uuid: str, times: int, outcome: str
) -> None:
    world.about('cancel', _requested(world, uuid, 'resize'))
    world.worker().turn()
    world.cloud.settle()
    world.ask('resize', uuid, 4)
    _echo(world, times)
    world.build(uuid)
    assert world.operations(uuid)[-1].state == outcome
    # The fixture's, that which was cancelled, and then each time anew.
    asked = 1 + times + (outcome == 'SUCCEEDED')
    assert world.cloud.calls.count('orchestration.update_stack') == asked
    if outcome == 'SUCCEEDED':
        assert len(world.stack(short_id(uuid))['nodes']) == 4


def test_a_cancel_that_nobody_asked_for_here_is_a_failure(world: World, uuid: str) -> None:
    world.ask('resize', uuid, 4)
    _echo(world, 1)
    assert world.operations(uuid)[-1].state == 'FAILED'


def test_an_operation_of_a_later_release_is_left_alone(world: World, uuid: str) -> None:
    operation = world.ask('resize', uuid, 3)
    with world.database.writing() as session:
        session.execute(
            sa.update(models.Operation).filter_by(uuid=operation.uuid).values(verb='teleport')
        )
    assert world.worker().turn() == 0
    with pytest.raises(NotCancellable, match='later release'):
        world.about('cancel', operation)
    with world.database.writing() as session:
        session.execute(
            sa.update(models.Operation).filter_by(uuid=operation.uuid).values(active_for=None)
        )
    with pytest.raises(NotRetryable, match='later release'):
        world.about('retry', operation)
