"""Answers that are lost, processes that end, faults that pass: each at a bad moment."""

import contextlib
import datetime
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from magnum.clients.errors import CloudRefused, CloudUnavailable, Unauthenticated
from magnum.db import models
from magnum.domain import states
from magnum.domain.stack_names import short_id
from tests.operations.conftest import World, error_of

pytestmark = pytest.mark.slow

DOWN = CloudUnavailable('orchestration', 'HTTP 503', 503)


@contextlib.contextmanager
def changed_heat(world: World, method: str, instead: Any) -> Iterator[None]:
    """Heat as the bay, one of its calls done otherwise: ``instead`` gets the real one."""
    real = world.tools.heat.user

    def user(*whom: str) -> Any:
        heat = real(*whom)
        setattr(heat, method, instead(getattr(heat, method)))
        return heat

    world.tools.heat.user = user  # type: ignore[method-assign, assignment]
    yield
    world.tools.heat.user = real  # type: ignore[method-assign]


def _answer_lost(call: Any) -> Any:
    def lost(*args: Any) -> None:
        call(*args)
        raise CloudUnavailable('orchestration', 'timed out')

    return lost


def _unforeseen(_call: Any) -> Any:
    def fails(*args: Any) -> None:
        raise ValueError('Expecting value: line 1 column 1 (char 0)')

    return fails


def _states(world: World, operation: models.Operation) -> dict[str, str]:
    rows = world.rows(models.OperationStep, operation_uuid=operation.uuid)
    return {row.name: row.state for row in rows}


def _built(world: World) -> str:
    uuid = world.create()
    world.build(uuid)
    return uuid


def test_a_step_that_is_done_stays_done_when_the_operation_is_cancelled(world: World) -> None:
    uuid = world.create()
    world.cloud.faults['orchestration.create_stack'] = DOWN
    worker = world.worker()
    worker.turn()
    operation = world.operations(uuid)[0]
    world.about('cancel', operation)
    worker.turn()
    assert _states(world, operation)['ensure_identity'] == 'DONE'


def test_a_restart_does_not_remove_what_was_just_asked_for(world: World) -> None:
    uuid = world.create()
    world.fail()
    operation = world.about('retry', world.operations(uuid)[-1])
    worker = world.worker()
    worker.turn()                               # what was left is being removed
    world.cloud.settle()
    world.pass_time(200)
    with changed_heat(world, 'create', _answer_lost):
        worker.turn()
    (stack,) = world.cloud.living()
    world.pass_time(200)
    restarting = world.worker('w2')
    restarting.claims.stopping.set()
    restarting.turn()
    assert _states(world, operation)['remove_remains'] == 'DONE'
    world.pass_time(200)
    world.worker('w3').turn()
    assert stack['status'] == 'CREATE_IN_PROGRESS'


def test_a_resize_that_goes_on_with_an_upgrade_ends_too(world: World) -> None:
    uuid = _built(world)
    world.ask('upgrade', uuid, world.new_baymodel())
    world.fail()
    world.ask('resize', uuid, 3)
    world.cloud.faults['orchestration.update_stack'] = DOWN
    worker = world.worker()
    for _ in range(120):
        worker.turn()
        world.pass_time(110)
        worker.watch()
    assert world.operations(uuid)[-1].state in states.ENDED


def test_a_lost_lease_takes_no_later_claim_along(world: World) -> None:
    """The database was away, and the same process took the operation again."""
    world.create()
    worker = world.worker()
    (old,) = worker.claims.claim(1)
    world.pass_time(300)
    worker.claims.claim(1)
    worker.runner.run(old)
    assert worker.claims.held == 1
    world.pass_time(100)
    worker.claims.renew_all()
    world.pass_time(30)
    assert world.worker('w2').claims.claim(1) == []


@pytest.mark.parametrize('how', ['killed', 'answer lost'])
def test_a_count_that_heat_has_heard_of_stays(world: World, die_at: Any, how: str) -> None:
    uuid = _built(world)
    world.ask('resize', uuid, 3)
    if how == 'killed':
        die_at('after:orchestration.update_stack')
        world.worker().die()
        world.about('cancel', world.operations(uuid)[-1])
    else:
        with changed_heat(world, 'change_parameters', _answer_lost):
            world.worker().turn()
        world.cloud.faults['orchestration.get_stack'] = DOWN
    for _ in range(40):
        world.pass_time(110)
        world.worker('w2').turn()
    assert world.operations(uuid)[-1].state in states.ENDED
    assert world.stack(short_id(uuid))['parameters']['number_of_minions'] == 3
    assert world.nodegroup('default-worker').node_count == 3


def test_a_count_that_heat_refused_is_put_back(world: World) -> None:
    uuid = _built(world)
    world.ask('resize', uuid, 3)
    world.cloud.faults['orchestration.update_stack'] = CloudRefused('orchestration', 'no', 400)
    world.worker().turn()
    assert world.nodegroup('default-worker').node_count == 1


def test_what_has_passed_is_no_reason(world: World) -> None:
    uuid = world.create()
    world.cloud.faults['orchestration.create_stack'] = DOWN
    worker = world.worker()
    worker.turn()
    world.cloud.faults.clear()
    world.pass_time(60)
    worker.turn()
    assert world.operations(uuid)[0].error is None
    world.pass_time(3700)
    worker.watch()
    worker.turn()
    error = error_of(world.operations(uuid)[0])
    assert (error['code'], '503' in error['reason']) == ('deadline_exceeded', False)


def test_faults_that_pass_do_not_add_up(world: World) -> None:
    uuid = world.create()
    worker = world.worker()
    worker.turn()
    refused = Unauthenticated('orchestration', 'requires authentication', 401)
    for fault in [refused, None] * 6:
        world.cloud.faults.clear()
        if fault is not None:
            world.cloud.faults['orchestration.get_stack'] = fault
        _due_again(world)
        worker.turn()
    assert world.operations(uuid)[0].state == 'WAITING'


def _due_again(world: World) -> None:
    far = datetime.datetime(2099, 1, 1, tzinfo=datetime.UTC)
    with world.database.writing() as session:
        session.execute(
            sa.update(models.Operation).values(state='QUEUED', not_before=None, deadline=far)
        )


def test_a_cancelled_operation_ends_whatever_heat_says(world: World) -> None:
    uuid = world.create()
    worker = world.worker()
    worker.turn()
    world.about('cancel', world.operations(uuid)[0])
    with changed_heat(world, 'cancel', _unforeseen):
        worker.turn()
    operation = world.operations(uuid)[0]
    assert operation.state == 'CANCELLED'
    assert 'an internal error' in error_of(operation)['reason']


def test_a_create_that_made_nothing_can_be_retried_after_a_vain_resize(world: World) -> None:
    uuid = world.create()
    world.cloud.faults['identity.create_user'] = CloudRefused('identity', 'no', 400)
    worker = world.worker()
    worker.turn()
    world.cloud.faults.clear()
    world.ask('resize', uuid, 2)
    worker.turn()
    assert world.bay(uuid).status == 'UPDATE_FAILED'
    world.about('retry', world.operations(uuid)[0])
    world.build(uuid)
    assert world.bay(uuid).status == 'CREATE_COMPLETE'


def test_a_change_that_heat_could_not_undo(world: World) -> None:
    uuid = _built(world)
    world.ask('resize', uuid, 3)
    worker = world.worker()
    worker.turn()
    stack = world.stack(short_id(uuid))
    stack['status'], stack['reason'] = 'ROLLBACK_FAILED', 'no host'
    world.pass_time(30)
    worker.watch()
    worker.turn()
    assert world.bay(uuid).status_reason == 'no host'
