"""Operations wait until the nodes that they build report that they are ready."""

import datetime
from collections.abc import Mapping

import pytest
import sqlalchemy as sa

from magnum.db import models
from magnum.db.repositories import node_watch
from magnum.domain.stack_names import short_id
from tests.fakes.driver import FakeDriver
from tests.fakes.reporters import Reporters
from tests.operations.conftest import World, error_of

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def nodes_report(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nodes of every stack report."""
    monkeypatch.setattr(FakeDriver, 'nodes_report', lambda driver, version: True)


def turn(world: World) -> None:
    """Heat does what it was asked, and a conductor what is due."""
    world.cloud.settle()
    world.pass_time(30)
    world.worker().watch()
    world.worker().turn()


def reporters(world: World, uuid: str, group: str | None = None) -> Reporters:
    servers = world.stack(group or 'bay')['nodes']
    return Reporters(world.conf, world.database, world.tools.certificates, uuid, group, servers)


def built(world: World, workers: int = 1) -> str:
    """A bay called ``bay`` whose nodes are ready."""
    uuid = world.create(name='bay')
    for count in range(1, workers + 1):
        if count > 1:
            world.ask('resize', uuid, count)
        world.worker().turn()
        turn(world)
        nodes = reporters(world, uuid)
        nodes.report()
        turn(world)
        assert world.operations(uuid)[-1].state == 'SUCCEEDED'
    return uuid


def armed(world: World, uuid: str) -> Mapping[str, str]:
    with world.database.reading() as session:
        tokens = world.tools.certificates.tokens
        return tokens.armed(session, world.operations(uuid)[-1].uuid)


@pytest.fixture
def uuid_of_three(world: World) -> str:
    """A bay of three workers."""
    return built(world, workers=3)


def state(world: World, uuid: str) -> str:
    return world.operations(uuid)[-1].state


def reason(world: World, uuid: str) -> str:
    """Why the step that waits is not done."""
    (step,) = (
        step for step in world.rows(
            models.OperationStep, operation_uuid=world.operations(uuid)[-1].uuid
        ) if step.name.startswith('await_nodes')
    )
    return str(step.reason)


def test_a_bay_is_complete_when_its_nodes_are_ready(world: World) -> None:
    uuid = world.create(name='bay')
    world.worker().turn()
    turn(world)
    assert world.bay(uuid).status == 'CREATE_IN_PROGRESS'
    stack = f'bay-{short_id(uuid)}'
    assert reason(world, uuid) == (
        f'0 of 2 nodes are ready. {stack}-master-0: not heard of yet; '
        f'{stack}-node-0: not heard of yet'
    )
    nodes = reporters(world, uuid)
    nodes.report(*nodes.masters)
    nodes.report(*nodes.workers, state='building', step='40-docker', position=5, steps=11)
    turn(world)
    assert reason(world, uuid) == (
        f'1 of 2 nodes are ready. {stack}-node-0: in the step 40-docker (5 of 11)'
    )
    assert world.cloud.calls.count('orchestration.create_stack') == 1
    nodes.report(*nodes.workers)
    turn(world)
    assert world.bay(uuid).status == 'CREATE_COMPLETE'


def test_a_look_reads_no_more_of_nodes_than_it_needs(world: World) -> None:
    uuid = built(world)
    with world.database.reading() as session:
        for node in node_watch.of_bay(session, uuid):
            assert {'conditions', 'versions', 'public_keys'} <= sa.inspect(node).unloaded
            assert node.state == 'ready'


def test_tokens_are_good_until_the_nodes_are_ready(world: World) -> None:
    uuid = world.create(name='bay')
    world.worker().turn()
    turn(world)
    assert len(armed(world, uuid)) == 2
    reporters(world, uuid).report()
    turn(world)
    assert armed(world, uuid) == {}


@pytest.mark.parametrize(
    ('how', 'words'),
    [
        ('never', 'it never registered, so it did not boot or does not reach the service.'),
        ('registered', 'it registered and never reported.'),
        ('building', 'UTC, in the step 40-docker (5 of 11).'),
    ],
)
def test_a_node_that_is_not_ready_in_its_time(world: World, how: str, words: str) -> None:
    world.conf.set_override('node_boot_timeout', 600, 'drivers')
    uuid = world.create(name='bay')
    world.worker().turn()
    turn(world)
    if how != 'never':
        nodes = reporters(world, uuid)
        nodes.report(*nodes.masters)
        if how == 'building':
            nodes.report(*nodes.workers, state='building', step='40-docker', position=5, steps=11)
    turn(world)
    assert state(world, uuid) == 'QUEUED'
    with world.database.writing() as session:
        for step in session.scalars(sa.select(models.OperationStep)):
            step.started_at = step.started_at and step.started_at - datetime.timedelta(seconds=600)
    turn(world)
    assert world.bay(uuid).status == 'CREATE_FAILED'
    error = error_of(world.operations(uuid)[-1])
    assert (error['code'], error['resource_type']) == ('node_silent', 'OS::Nova::Server')
    assert error['resource'].endswith('-master-0' if how == 'never' else '-node-0')
    assert error['reason'].startswith('It is not ready after 10 minutes: ')
    assert words in error['reason']
    assert ('So is one more.' in error['reason']) == (how == 'never')


def test_the_deadline_of_the_operation_counts_too(world: World) -> None:
    uuid = world.create(name='bay')
    world.worker().turn()
    turn(world)
    world.pass_time(4000)
    world.worker().watch()
    world.worker().turn()
    assert error_of(world.operations(uuid)[-1])['code'] == 'node_silent'


def test_a_node_that_failed_before_it_was_looked_at(world: World) -> None:
    uuid = world.create(name='bay')
    world.worker().turn()
    world.cloud.settle()
    nodes = reporters(world, uuid)
    with world.database.writing() as session:
        session.execute(
            sa.update(models.Node).where(models.Node.name == nodes.workers[0])
            .values(state='failed', step='40-docker', position=5, steps=11, lines=['no docker'])
        )
    turn(world)
    error = error_of(world.operations(uuid)[-1])
    assert (error['code'], error['resource']) == ('node_failed', nodes.workers[0])
    assert error['reason'] == 'The step 40-docker failed (5 of 11): no docker'


@pytest.mark.parametrize(('waited', 'pause'), [(0, 3), (80, 8), (3000, 15)])
def test_looks_become_rare(world: World, waited: int, pause: int) -> None:
    uuid = world.create(name='bay')
    world.worker().turn()
    turn(world)
    with world.database.writing() as session:
        for step in session.scalars(sa.select(models.OperationStep)):
            late = datetime.timedelta(seconds=waited)
            step.started_at = step.started_at and step.started_at - late
    world.conf.set_override('node_boot_timeout', 9999, 'drivers')
    world.pass_time(30)
    world.worker().turn()
    operation = world.operations(uuid)[-1]
    assert operation.not_before is not None
    left = operation.not_before - datetime.datetime.now(datetime.UTC)
    assert pause - 3 < left.total_seconds() <= pause + 4


def test_a_resize_waits_for_its_new_nodes_alone(world: World) -> None:
    uuid = built(world)
    world.ask('resize', uuid, 3)
    world.worker().turn()
    turn(world)
    assert reason(world, uuid).startswith('1 of 3 nodes are ready.')
    nodes = reporters(world, uuid)
    nodes.report(*nodes.workers[1:])
    turn(world)
    assert state(world, uuid) == 'QUEUED', 'the first node was registered anew'
    nodes.report(nodes.workers[0])
    turn(world)
    assert state(world, uuid) == 'SUCCEEDED'


@pytest.mark.parametrize('how', ['never registered', 'failed'])
def test_a_retry_of_a_resize_replaces_what_did_not_become_ready(world: World, how: str) -> None:
    uuid = built(world, workers=2)
    operation = world.ask('resize', uuid, 3)
    world.worker().turn()
    turn(world)
    if how == 'failed':
        nodes = reporters(world, uuid)
        nodes.report(*nodes.workers[:2])
        nodes.report(nodes.workers[2], state='failed', step='40-docker', lines=['no docker'])
    else:
        world.pass_time(4000)
    world.worker().watch()
    world.worker().turn()
    assert state(world, uuid) == 'FAILED'
    before = dict(world.stack('bay')['nodes'])
    world.about('retry', operation)
    turn(world)
    turn(world)
    assert world.stack('bay')['parameters']['removed'] == ['2']
    after = world.stack('bay')['nodes']
    assert sorted(after) == ['0', '1', '3']
    assert {after['0'], after['1']} == {before['0'], before['1']}
    assert list(armed(world, uuid)) == ['worker'], 'the new node has to register'
    nodes = reporters(world, uuid)
    nodes.report()
    turn(world)
    for given in nodes.report(*nodes.masters):
        assert given['parameters']['nodes'] == [nodes.masters[0].replace('master-0', 'node-2')]
        nodes.result(nodes.masters[0], given['id'])
    turn(world)
    assert state(world, uuid) == 'SUCCEEDED'


def test_what_did_not_become_ready_is_what_a_smaller_count_takes_away(world: World) -> None:
    """No other node is drained, and taken out of the cluster."""
    uuid = built(world, workers=1)
    world.ask('resize', uuid, 3)
    world.worker().turn()
    turn(world)
    nodes = reporters(world, uuid)
    nodes.report(*nodes.masters, nodes.workers[0], nodes.workers[2])
    nodes.report(nodes.workers[1], state='failed', step='40-docker', lines=['no docker'])
    turn(world)
    assert state(world, uuid) == 'FAILED'
    world.ask('resize', uuid, 2)
    world.worker().turn()
    (given,) = nodes.report(*nodes.masters)
    assert (given['verb'], given['parameters']['nodes']) == ('drain', [nodes.workers[1]])
    nodes.result(nodes.masters[0], given['id'])
    turn(world)
    turn(world)
    assert sorted(world.stack('bay')['nodes']) == ['0', '2']


@pytest.mark.parametrize('how', ['index given again', 'upgrade cancelled'])
def test_a_resize_waits_for_a_node_that_was_there_before_by_its_name(
    world: World, uuid_of_three: str, how: str
) -> None:
    uuid = uuid_of_three
    before = dict(world.stack('bay')['nodes'])
    world.conf.set_override('drain_timeout', 0, 'nodes')
    if how == 'upgrade cancelled':
        # Heat is to replace two nodes, and is stopped before it comes to them.
        operation = world.ask('upgrade', uuid, world.new_baymodel(), max_batch_size=2)
        world.worker().turn()
        world.worker().turn()
        world.about('cancel', operation)
        world.worker().turn()
    else:
        # It has removed a node, and the resize failed.
        world.ask('resize', uuid, 2)
        world.worker().turn()
        world.cloud.fails_after = 'nodes'
    world.cloud.settle('FAILED')
    world.pass_time(30)
    world.worker().watch()
    world.worker().turn()
    assert state(world, uuid) in ('CANCELLED', 'FAILED')
    world.ask('resize', uuid, 3)
    world.worker().turn()
    turn(world)
    after = world.stack('bay')['nodes']
    new = [index for index in after if after[index] != before.get(index)]
    assert len(new) == (2 if how == 'upgrade cancelled' else 1)
    assert reason(world, uuid).startswith(
        '0 of 2 nodes are ready.' if how == 'upgrade cancelled' else '2 of 3 nodes are ready.'
    )
    assert list(armed(world, uuid)) == ['worker']


def test_nodes_of_an_operation_that_succeeded_are_never_replaced(world: World) -> None:
    """Whatever became of what they say."""
    uuid = built(world, workers=2)
    with world.database.writing() as session:
        session.execute(sa.update(models.Node).values(state='building'))
    world.ask('resize', uuid, 3)
    world.worker().turn()
    assert world.stack('bay')['parameters']['removed'] == []


def test_a_resize_does_not_wait_for_nodes_of_earlier_operations(world: World) -> None:
    uuid = built(world, workers=2)
    with world.database.writing() as session:
        session.execute(sa.update(models.Node).values(state='failed'))
    world.ask('resize', uuid, 2)
    world.worker().turn()
    turn(world)
    assert state(world, uuid) == 'SUCCEEDED'


def test_the_next_batch_begins_when_the_last_is_ready(world: World) -> None:
    uuid = built(world, workers=2)
    nodes = reporters(world, uuid)
    nodes.report()
    world.ask('upgrade', uuid, world.new_baymodel())
    world.worker().turn()                               # settles what it is about
    world.worker().turn()
    (given,) = nodes.report(*nodes.masters)
    assert (given['verb'], given['parameters']['nodes']) == ('drain', [nodes.workers[0]])
    nodes.result(nodes.masters[0], given['id'])
    turn(world)
    (given,) = nodes.report(*nodes.masters)
    assert (given['verb'], given['parameters']['nodes']) == ('remove', [nodes.workers[0]])
    assert world.cloud.calls.count('orchestration.replace_stack') == 0
    nodes.result(nodes.masters[0], given['id'])
    turn(world)
    assert world.cloud.calls.count('orchestration.replace_stack') == 1
    assert world.stack('bay')['parameters']['kept'] == {'1': 'debian'}
    turn(world)
    stack = f'bay-{short_id(uuid)}'
    assert reason(world, uuid) == (
        f'0 of 1 nodes are ready. {stack}-node-0: not heard of yet'
    ), 'the old one does not count'
    assert world.cloud.calls.count('orchestration.replace_stack') == 1
    with world.database.writing() as session:
        session.execute(
            sa.update(models.Node).where(models.Node.name == nodes.workers[0])
            .values(operation_uuid=world.operations(uuid)[-1].uuid)
        )
    turn(world)
    turn(world)
    (given,) = nodes.report(*nodes.masters)
    assert (given['verb'], given['parameters']['nodes']) == ('drain', [nodes.workers[1]])


def test_stacks_that_heat_waits_for(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakeDriver, 'nodes_report', lambda driver, version: False)
    uuid = world.create(name='bay')
    world.build(uuid)
    assert world.bay(uuid).status == 'CREATE_COMPLETE'
