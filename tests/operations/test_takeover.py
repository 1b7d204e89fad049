"""How long the work of a killed worker lies still, with the default configuration."""

from typing import Any

import pytest

from magnum.clients.errors import CloudConflict
from magnum.db import models
from magnum.domain import states
from magnum.operations.claims import LeaseLost
from tests.fakes.cloud import FakeHeat
from tests.operations.conftest import World


def _look_interval(world: World) -> float:
    """The longest time between two looks for work: the interval is jittered."""
    return float(world.conf.conductor.poll_interval * 1.1)


def test_bounds_of_the_defaults(world: World) -> None:
    options = world.conf.conductor
    timeout = world.conf.openstack_client.timeout
    assert timeout < options.lease
    assert options.lease + _look_interval(world) < 30
    assert options.lease + timeout + _look_interval(world) < 45


@pytest.mark.parametrize('cancelled', [False, True])
def test_a_killed_worker(world: World, cancelled: bool) -> None:
    uuid = world.create()
    lease, timeout = world.conf.conductor.lease, world.conf.openstack_client.timeout
    doomed = world.worker('doomed', lease, timeout)
    (claim,) = doomed.claims.claim(1)       # and is heard of no more
    if cancelled:
        world.about('cancel', world.operations(uuid)[0])
    heir = world.worker('heir', lease, timeout)
    assert heir.claims.claim(1) == []
    waiting = lease + (timeout if cancelled else 0)
    margin = 8      # seconds that a slow machine may take from here to the claim
    world.pass_time(waiting - margin)
    assert heir.claims.claim(1) == []
    world.pass_time(margin + 1)
    assert [taken.operation_uuid for taken in heir.claims.claim(1)] == [claim.operation_uuid]


def test_a_worker_known_to_be_dead(world: World) -> None:
    uuid = world.create()
    other = world.create(name='other')
    doomed, living = world.worker('doomed'), world.worker('living')
    (claim,) = doomed.claims.claim(1)
    (kept,) = living.claims.claim(1)
    heir = world.worker('heir')
    heir.claims.lapse('doomed')
    assert [taken.operation_uuid for taken in heir.claims.claim(5)] == [claim.operation_uuid]
    # What it would still write, were it not dead, is refused.
    with pytest.raises(LeaseLost), doomed.claims.writing(claim):
        pass
    with living.claims.writing(kept):
        pass
    assert {world.operations(bay)[0].worker for bay in (uuid, other)} == {'heir', 'living'}


@pytest.mark.parametrize('step', ['create_stack', 'create_nodegroup_stack'])
def test_a_stack_that_a_dead_worker_asked_for_is_waited_for(world: World, step: str) -> None:
    """Heat may make it a second time, if it is asked again at once."""
    uuid = world.create()
    if step == 'create_nodegroup_stack':
        world.build(uuid)
        world.add_nodegroup(uuid)
    operation = world.operations(uuid)[-1]
    doomed, heir = world.worker('doomed', 20, 15), world.worker('heir', 20, 15)
    doomed.claims.claim(1)
    with world.database.writing() as session:
        session.add(models.OperationStep(
            operation_uuid=operation.uuid, name=step, position=9, state=states.STEP_RUNNING
        ))
    heir.claims.lapse('doomed')
    assert heir.claims.claim(1) == []
    world.pass_time(21)
    assert len(heir.claims.claim(1)) == 1


def test_what_a_dead_worker_cancelled_waits_for_late_requests(world: World) -> None:
    uuid = world.create()
    doomed, heir = world.worker('doomed', 20, 15), world.worker('heir', 20, 15)
    doomed.claims.claim(1)
    world.about('cancel', world.operations(uuid)[0])
    heir.claims.lapse('doomed')
    assert heir.claims.claim(1) == []
    world.pass_time(16)
    assert len(heir.claims.claim(1)) == 1


@pytest.mark.parametrize('verb', ['resize', 'upgrade', 'create_nodegroup'])
def test_a_change_that_heat_has_of_a_dead_worker(
    world: World, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    """Heat answers 409 to a change that it has: it is waited for, and not made twice."""
    uuid = world.create()
    world.build(uuid)
    if verb == 'resize':
        world.ask('resize', uuid, 3)
    elif verb == 'upgrade':
        world.ask('upgrade', uuid, world.new_baymodel())
    else:       # what a failed attempt left is made anew
        failed = world.add_nodegroup(uuid)
        world.fail()
        world.about('retry', failed)
    name = 'change_parameters' if verb == 'resize' else 'replace'
    change, asked = getattr(FakeHeat, name), []

    def late(*request: Any) -> None:
        """The dead worker's request comes first."""
        change(*request)
        asked.append(request)
        raise CloudConflict(
            'orchestration', 'Stack b already has an action (UPDATE) in progress.', 409
        )

    monkeypatch.setattr(FakeHeat, name, late)
    worker = world.worker()
    while not asked:
        assert worker.turn()
    operation = world.operations(uuid)[-1]
    assert operation.state == states.QUEUED, operation.error
    world.build(uuid)
    assert world.operations(uuid)[-1].state == states.SUCCEEDED
    assert len(asked) == 1
    assert world.bay(uuid).status == 'UPDATE_COMPLETE'
