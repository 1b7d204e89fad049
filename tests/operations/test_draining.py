"""Nodes that a resize removes are drained before, and taken out of the cluster."""

import datetime
from typing import Any

import pytest
import sqlalchemy as sa

from magnum.db import models
from magnum.domain import directives as of_service
from magnum.domain.parameters import Resize
from magnum.drivers.common.node.agent import directives
from tests.fakes.reporters import Reporters
from tests.operations.conftest import World


@pytest.fixture
def uuid(world: World) -> str:
    """A bay of a master and four workers."""
    return world.built(workers=4)


def finish(world: World) -> None:
    """Heat does what it was asked, if it was."""
    world.cloud.settle()
    world.pass_time(30)
    world.worker().watch()
    world.worker().turn()


def asked(world: World) -> int:
    return world.cloud.calls.count('orchestration.update_stack')


def told(world: World, uuid: str) -> list[tuple[str, str]]:
    return [
        (event.kind, event.message) for event in world.rows(models.Event, bay_uuid=uuid)
        if event.kind.endswith(('drained', 'removed'))
    ]


def directive(nodes: Reporters) -> dict[str, Any]:
    (given,) = nodes.report(*nodes.masters)
    return given


def pass_time_of_directives(world: World, seconds: float) -> None:
    with world.database.writing() as session:
        for one in session.scalars(sa.select(models.Directive)):
            one.created_at -= datetime.timedelta(seconds=seconds)


def test_nodes_that_go_are_drained_and_then_removed(
    world: World, uuid: str, nodes: Reporters
) -> None:
    before = asked(world)
    world.ask('resize', uuid, 2)
    world.go_on_soon()
    (master,) = nodes.masters
    given = directive(nodes)
    assert (given['verb'], given['parameters']) == (
        'drain', {'nodes': nodes.workers[2:], 'seconds': 240}
    )
    assert nodes.report(*nodes.workers) == []
    world.go_on_soon()
    assert directive(nodes)['id'] == given['id']     # the same until its result
    assert asked(world) == before
    nodes.result(master, given['id'])
    world.go_on_soon()
    assert asked(world) == before + 1
    assert nodes.report(master) == []

    finish(world)
    given = directive(nodes)
    assert (given['verb'], given['parameters']) == ('remove', {'nodes': nodes.workers[2:]})
    assert world.operations(uuid)[-1].state == 'QUEUED'
    nodes.result(master, given['id'])
    world.go_on_soon()
    assert world.operations(uuid)[-1].state == 'SUCCEEDED'
    names = ', '.join(nodes.workers[2:])
    assert told(world, uuid) == [
        ('bay.resize.drained', f'drained: {names}'),
        ('bay.resize.removed', f'removed from the cluster: {names}'),
    ]


@pytest.mark.parametrize(('timeout', 'minutes', 'seconds'), [
    (300, 60, 240), (1, 60, 1),
    (3600, 60, 960),        # a third of the operation's time is all that is waited for
    (6000, 1440, 3600),     # agents of nodes take no longer time
])
def test_a_drain_ends_while_somebody_waits_for_it(
    world: World, uuid: str, nodes: Reporters, timeout: int, minutes: int, seconds: int
) -> None:
    """Its master does nothing else before."""
    world.conf.set_override('drain_timeout', timeout, 'nodes')
    world.conf.set_override('create_timeout', minutes, 'cluster_heat')
    world.ask('resize', uuid, 2)
    world.worker().turn()
    assert directive(nodes)['parameters']['seconds'] == pytest.approx(seconds, abs=5)
    assert 0 < directive(nodes)['parameters']['seconds'] <= directives.MOST_SECONDS


def test_many_nodes_go_as_many_at_once_as_a_master_takes(
    world: World, uuid: str, nodes: Reporters, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert of_service.MOST_NODES == directives.MOST_NODES
    monkeypatch.setattr(of_service, 'MOST_NODES', 2)
    world.ask('resize', uuid, 1)
    parts = [nodes.workers[1:3], nodes.workers[3:]]
    for verb in ('drain', 'remove'):
        for part in parts:
            world.go_on_soon()
            given = directive(nodes)
            assert (given['verb'], given['parameters']['nodes']) == (verb, part)
            nodes.result(nodes.masters[0], given['id'])
        world.go_on_soon()
        if verb == 'drain':
            finish(world)
    assert world.operations(uuid)[-1].state == 'SUCCEEDED'
    assert [message for _, message in told(world, uuid)] == [
        f'{done}: {", ".join(part)}'
        for done in ('drained', 'removed from the cluster') for part in parts
    ]


def test_nodes_that_are_named_go(world: World, uuid: str, nodes: Reporters) -> None:
    world.ask('resize', uuid, 2, nodes_to_remove=('0',))
    world.go_on_soon()
    assert directive(nodes)['parameters']['nodes'] == [nodes.workers[0], nodes.workers[3]]
    nodes.result(nodes.masters[0], directive(nodes)['id'])
    world.go_on_soon()
    world.cloud.settle()
    assert sorted(world.stack('bay')['nodes']) == ['1', '2']


def test_those_of_a_further_group(world: World, uuid: str, nodes: Reporters) -> None:
    world.add_nodegroup(uuid)
    world.build(uuid)
    more = Reporters(world.conf, world.database, world.tools.certificates, uuid, 'gpu')
    more.report()
    world.ask('resize', uuid, 1, nodegroup_uuid=world.nodegroup('gpu').uuid)
    world.go_on_soon()
    assert directive(nodes)['parameters']['nodes'] == [more.workers[1]]


def test_what_cannot_be_drained_is_told_and_the_resize_goes_on(
    world: World, uuid: str, nodes: Reporters
) -> None:
    before = asked(world)
    world.ask('resize', uuid, 3)
    world.go_on_soon()
    (master,) = nodes.masters
    nodes.result(master, directive(nodes)['id'], outcome='failed', lines=['a', 'budget of x'])
    world.go_on_soon()
    assert asked(world) == before + 1
    assert told(world, uuid) == [
        (
            'bay.resize.not_drained',
            f'nodes that go are not drained ({nodes.workers[3]}): {master}: a | budget of x',
        )
    ]


@pytest.mark.parametrize('step', ['drain', 'remove'])
def test_nobody_waits_for_long(
    world: World, uuid: str, nodes: Reporters, step: str
) -> None:
    world.ask('resize', uuid, 3)
    world.go_on_soon()
    if step == 'remove':
        nodes.result(nodes.masters[0], directive(nodes)['id'])
        world.go_on_soon()
        finish(world)
    before, given = asked(world), directive(nodes)
    assert given['verb'] == step
    # It hears of it after up to 72 s, and then has 300.
    pass_time_of_directives(world, 350)
    world.go_on_soon()
    assert directive(nodes)['id'] == given['id']
    pass_time_of_directives(world, 23)
    world.go_on_soon()
    assert nodes.report(*nodes.masters) == []
    (what, why) = told(world, uuid)[-1]
    assert what == {'drain': 'bay.resize.not_drained', 'remove': 'bay.resize.not_removed'}[step]
    assert nodes.masters[0] in why
    if step == 'drain':
        assert asked(world) == before + 1
    else:
        assert world.operations(uuid)[-1].state == 'SUCCEEDED'


def test_a_master_that_reports_seldom_has_its_time(
    world: World, uuid: str, nodes: Reporters
) -> None:
    world.conf.set_override('report_interval', 300, 'nodes')
    world.ask('resize', uuid, 3)
    world.go_on_soon()
    given = directive(nodes)
    pass_time_of_directives(world, 640)
    world.go_on_soon()
    assert directive(nodes)['id'] == given['id']


def test_an_operation_that_has_little_time_waits_less(
    world: World, uuid: str, nodes: Reporters
) -> None:
    before = asked(world)
    world.ask('resize', uuid, 3)
    with world.database.writing() as session:
        operation = session.scalars(
            sa.select(models.Operation).where(models.Operation.active_for.is_not(None))
        ).one()
        operation.deadline = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=120)
    world.worker().turn()
    pass_time_of_directives(world, 70)
    with world.database.writing() as session:
        for operation in session.scalars(sa.select(models.Operation)):
            operation.not_before = None
    world.worker().turn()
    assert asked(world) == before + 1


def test_a_bay_whose_nodes_report_nothing_goes_on_as_before(world: World, uuid: str) -> None:
    before = asked(world)
    world.ask('resize', uuid, 3)
    world.go_on_soon()
    assert asked(world) == before + 1
    assert told(world, uuid) == [
        ('bay.resize.not_drained', 'nodes that go are not drained: no master reports')
    ]
    world.build(uuid)
    assert world.operations(uuid)[-1].state == 'SUCCEEDED'
    assert len(told(world, uuid)) == 1


@pytest.mark.parametrize('why', ['silent', 'building'])
def test_a_master_that_cannot_is_not_asked(
    world: World, uuid: str, nodes: Reporters, why: str
) -> None:
    changes: dict[str, Any] = {'is_silent': True} if why == 'silent' else {'state': 'building'}
    with world.database.writing() as session:
        session.execute(sa.update(models.Node).filter_by(role='master').values(**changes))
    world.ask('resize', uuid, 3)
    world.go_on_soon()
    assert told(world, uuid)[0][1].endswith('no master reports')


def test_more_nodes_and_as_many_ask_nobody(world: World, uuid: str, nodes: Reporters) -> None:
    for count in (5, 5):
        world.ask('resize', uuid, count)
        world.build(uuid)
    assert told(world, uuid) == world.rows(models.Directive) == []


def test_an_operator_may_do_without(world: World, uuid: str, nodes: Reporters) -> None:
    world.conf.set_override('drain_timeout', 0, 'nodes')
    world.ask('resize', uuid, 3)
    world.build(uuid)
    assert world.operations(uuid)[-1].state == 'SUCCEEDED'
    assert told(world, uuid) == world.rows(models.Directive) == []


def test_names_that_are_of_no_node_are_refused_as_before(
    world: World, uuid: str, nodes: Reporters
) -> None:
    world.ask('resize', uuid, 2, nodes_to_remove=('7',))
    world.build(uuid)
    failed = world.operations(uuid)[-1]
    assert failed.state == 'FAILED'
    assert (failed.error or {})['code'] == 'node_unknown'
    assert world.rows(models.Directive) == []


def test_a_retry_drains_anew(world: World, uuid: str, nodes: Reporters) -> None:
    operation = world.ask('resize', uuid, 3)
    world.go_on_soon()
    first = directive(nodes)
    nodes.result(nodes.masters[0], first['id'])
    world.go_on_soon()
    world.cloud.settle('FAILED', 'No valid host was found')
    world.pass_time(30)
    world.worker().watch()
    world.worker().turn()
    assert world.operations(uuid)[-1].state == 'FAILED'
    world.about('retry', operation)
    world.go_on_soon()
    again = directive(nodes)
    assert again['id'] != first['id']
    assert again['verb'] == 'drain'
    assert Resize.of(world.operations(uuid)[-1]).leaving == tuple(again['parameters']['nodes'])
    # Those of operations that have ended are gone.
    assert len(world.rows(models.Directive)) == 1
