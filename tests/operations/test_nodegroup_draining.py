"""Nodes of a group that is deleted are drained before, and taken out of the cluster."""

import contextlib
import datetime
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from magnum.clients.errors import CloudRefused
from magnum.db import models
from magnum.domain.parameters import DeleteNodegroup
from tests.fakes.driver import FakeDriver
from tests.fakes.reporters import Reporters
from tests.operations.conftest import Killed, World, mortal_claims
from tests.operations.test_draining import directive, finish, pass_time_of_directives, told

NOT_DRAINED = 'nodes that go are not drained: '
DELETES = 'orchestration.delete_stack'


@pytest.fixture
def uuid(world: World) -> str:
    """A bay with a further node group of two nodes."""
    made = world.built(workers=1)
    world.add_nodegroup(made)
    world.build(made)
    return made


@pytest.fixture
def group(world: World, uuid: str) -> Reporters:
    return nodes_of(world, uuid, 'gpu')


def nodes_of(world: World, uuid: str, name: str) -> Reporters:
    made = Reporters(world.conf, world.database, world.tools.certificates, uuid, name)
    made.report()
    return made


def delete(world: World, uuid: str, name: str = 'gpu') -> models.Operation:
    """Ask for it, and let a worker begin."""
    asked: models.Operation = world.ask(
        'delete_nodegroup', uuid, world.nodegroup(name).uuid
    )
    world.go_on_soon()
    return asked


def asked_heat(world: World) -> int:
    return world.cloud.calls.count(DELETES)


def is_gone(world: World, uuid: str) -> bool:
    return not world.rows(models.Nodegroup, name='gpu') and (
        world.bay(uuid).status == 'UPDATE_COMPLETE'
    )


def test_they_are_drained_and_then_removed(
    world: World, uuid: str, nodes: Reporters, group: Reporters
) -> None:
    asked = delete(world, uuid)
    (master,) = nodes.masters
    given = directive(nodes)
    assert (given['verb'], given['parameters']) == (
        'drain', {'nodes': group.workers, 'seconds': 240}
    )
    world.go_on_soon()
    assert directive(nodes)['id'] == given['id']     # the same until its result
    assert asked_heat(world) == 0
    assert world.nodegroup('gpu').status == 'DELETE_IN_PROGRESS'
    nodes.result(master, given['id'])
    world.go_on_soon()
    assert asked_heat(world) == 1
    assert nodes.report(master) == []

    finish(world)
    given = directive(nodes)
    assert (given['verb'], given['parameters']) == ('remove', {'nodes': group.workers})
    assert world.again(asked).state == 'QUEUED'
    assert world.nodegroup('gpu').status == 'DELETE_IN_PROGRESS'
    nodes.result(master, given['id'])
    world.go_on_soon()
    assert is_gone(world, uuid)
    names = ', '.join(group.workers)
    assert told(world, uuid) == [
        ('bay.delete_nodegroup.drained', f'drained: {names}'),
        ('bay.delete_nodegroup.removed', f'removed from the cluster: {names}'),
    ]


@pytest.mark.parametrize('answers', [True, False])
def test_what_is_not_done_is_told_and_the_delete_goes_on(
    world: World, uuid: str, nodes: Reporters, group: Reporters, answers: bool
) -> None:
    """The master says why, or is not heard of in time."""
    delete(world, uuid)
    (master,) = nodes.masters
    for heat_is_asked in (1, 1):
        given = directive(nodes)
        if answers:
            nodes.result(master, given['id'], outcome='failed', lines=['a', 'budget of x'])
        else:
            # It hears of it after up to 72 s, and then has 300.
            pass_time_of_directives(world, 350)
            world.go_on_soon()
            assert directive(nodes)['id'] == given['id']
            pass_time_of_directives(world, 23)
        world.go_on_soon()
        assert asked_heat(world) == heat_is_asked
        finish(world)
    assert is_gone(world, uuid)
    why = f'{master}: a | budget of x' if answers else (
        f'{master} did not say in time that it is done'
    )
    names = ', '.join(group.workers)
    assert told(world, uuid) == [
        ('bay.delete_nodegroup.not_drained', f'nodes that go are not drained ({names}): {why}'),
        (
            'bay.delete_nodegroup.not_removed',
            f'nodes that go are not removed from the cluster ({names}): {why}',
        ),
    ]


def test_a_bay_whose_masters_report_nothing_any_more(
    world: World, uuid: str, nodes: Reporters, group: Reporters
) -> None:
    with world.database.writing() as session:
        session.execute(sa.update(models.Node).filter_by(role='master').values(is_silent=True))
    delete(world, uuid)
    world.build(uuid)
    assert is_gone(world, uuid)
    assert [kind for kind, _ in told(world, uuid)] == [
        'bay.delete_nodegroup.not_drained', 'bay.delete_nodegroup.not_removed',
    ]
    assert all(words.endswith('no master reports') for _, words in told(world, uuid))


@pytest.mark.parametrize('masters_report', [True, False])
def test_nodes_of_an_early_release_report_nothing(
    world: World, uuid: str, request: pytest.FixtureRequest, masters_report: bool
) -> None:
    if masters_report:
        request.getfixturevalue('nodes')
    delete(world, uuid)
    world.build(uuid)
    assert is_gone(world, uuid)
    why = 'none of them reports' if masters_report else 'no master reports'
    assert told(world, uuid) == [('bay.delete_nodegroup.not_drained', NOT_DRAINED + why)]


def test_a_driver_that_is_not_installed_any_more(
    world: World, uuid: str, nodes: Reporters, group: Reporters, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world.tools.drivers, 'find', lambda name: None)
    delete(world, uuid)
    world.build(uuid)
    assert is_gone(world, uuid)
    assert [kind for kind, _ in told(world, uuid)] == ['bay.delete_nodegroup.not_drained']


def test_an_operator_may_do_without(
    world: World, uuid: str, nodes: Reporters, group: Reporters
) -> None:
    world.conf.set_override('drain_timeout', 0, 'nodes')
    delete(world, uuid)
    world.build(uuid)
    assert is_gone(world, uuid)
    assert told(world, uuid) == world.rows(models.Directive) == []


@pytest.mark.parametrize('why', ['never made', 'no nodes', 'half made'])
def test_nobody_is_asked_where_there_is_nothing_to_drain(
    world: World, uuid: str, nodes: Reporters, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeDriver, 'nodes_report', lambda self, version: why == 'half made')
    if why == 'never made':
        world.cloud.faults['orchestration.create_stack'] = CloudRefused('orchestration', 'no', 400)
    world.add_nodegroup(uuid, 'more', node_count=0 if why == 'no nodes' else 2)
    if why == 'half made':
        world.fail()
    else:
        world.build(uuid)
    world.cloud.faults.clear()
    assert world.nodegroup('more').status == (
        'CREATE_COMPLETE' if why == 'no nodes' else 'CREATE_FAILED'
    )
    delete(world, uuid, 'more')
    world.build(uuid)
    world.pass_time(61)
    world.build(uuid)
    assert world.rows(models.Nodegroup, name='more') == []
    assert told(world, uuid) == world.rows(models.Directive) == []


def test_nodes_of_a_group_that_was_half_made_are_drained(
    world: World, uuid: str, nodes: Reporters
) -> None:
    world.add_nodegroup(uuid, 'more')
    world.fail()
    made = nodes_of(world, uuid, 'more')
    delete(world, uuid, 'more')
    assert directive(nodes)['parameters']['nodes'] == made.workers


def test_a_retry_asks_for_what_is_left_to_do(
    world: World, uuid: str, nodes: Reporters, group: Reporters
) -> None:
    """Heat could not delete all of it: those that are there yet have been drained."""
    asked = delete(world, uuid)
    (master,) = nodes.masters
    nodes.result(master, directive(nodes)['id'])
    world.cloud.deletes_that_fail = 3
    world.build(uuid)
    assert world.again(asked).state == 'FAILED'
    again = world.about('retry', asked)
    world.go_on_soon()
    assert asked_heat(world) == 4
    finish(world)
    given = directive(nodes)
    assert (given['verb'], given['parameters']) == ('remove', {'nodes': group.workers})
    nodes.result(master, given['id'])
    world.go_on_soon()
    assert world.again(again).state == 'SUCCEEDED'
    assert is_gone(world, uuid)


def test_what_an_earlier_release_began_takes_its_nodes_out(
    world: World, uuid: str, nodes: Reporters, group: Reporters
) -> None:
    """Its conductor asked Heat at once, and recorded no names."""
    asked = delete(world, uuid)
    nodes.result(nodes.masters[0], directive(nodes)['id'])
    world.go_on_soon()
    with world.database.writing() as session:
        session.execute(sa.delete(models.OperationStep).filter_by(name='drain_nodes'))
        session.execute(sa.delete(models.Directive))
        operation = session.get(models.Operation, asked.id)
        assert operation is not None
        operation.parameters = DeleteNodegroup(nodegroup=world.nodegroup('gpu').uuid).stored()
    finish(world)
    given = directive(nodes)
    assert (given['verb'], given['parameters']) == ('remove', {'nodes': group.workers})
    nodes.result(nodes.masters[0], given['id'])
    world.go_on_soon()
    assert is_gone(world, uuid)


@pytest.mark.parametrize('step', ['drain', 'remove'])
def test_a_delete_of_the_bay_waits_for_no_node(
    world: World, uuid: str, nodes: Reporters, group: Reporters, step: str
) -> None:
    asked = delete(world, uuid)
    if step == 'remove':
        nodes.result(nodes.masters[0], directive(nodes)['id'])
        world.go_on_soon()
        finish(world)
    assert directive(nodes)['verb'] == step
    world.ask('delete', uuid)
    assert nodes.report(*nodes.masters) == []
    world.build(uuid)
    assert world.again(asked).state == 'CANCELLED'
    assert not world.has_bay(uuid)
    assert world.cloud.living() == world.rows(models.LedgerEntry) == []


def test_at_the_deadline_nobody_waits_for_what_is_left(
    world: World, uuid: str, nodes: Reporters, group: Reporters
) -> None:
    """The stack is gone in the last moment: the delete does not fail for its nodes' sake."""
    delete(world, uuid)
    nodes.result(nodes.masters[0], directive(nodes)['id'])
    world.go_on_soon()
    world.cloud.settle()
    world.pass_time(3600)
    world.worker().watch()
    world.worker().turn()
    assert is_gone(world, uuid)
    kind, words = told(world, uuid)[-1]
    assert kind == 'bay.delete_nodegroup.not_removed'
    assert words == (
        f'nodes that go are not removed from the cluster ({", ".join(group.workers)}): '
        'the operation has no time left'
    )


@pytest.mark.parametrize('verb', ['delete_nodegroup', 'resize'])
def test_nobody_waits_in_line_to_its_end(
    world: World, uuid: str, nodes: Reporters, group: Reporters, verb: str
) -> None:
    """A master that is busy with others' nodes takes neither Heat's time nor the success."""
    world.add_nodegroup(uuid, 'more')
    world.build(uuid)
    nodes_of(world, uuid, 'more')
    first = delete(world, uuid)
    given = directive(nodes)
    number = [1] if verb == 'resize' else []
    asked = world.ask(verb, uuid, *number, nodegroup_uuid=world.nodegroup('more').uuid)
    with world.database.writing() as session:       # the first has all the time in the world
        later = datetime.timedelta(days=9)
        session.execute(sa.update(models.Directive).values(
            created_at=datetime.datetime.now(datetime.UTC) + later
        ))
        session.execute(
            sa.update(models.Operation).filter_by(uuid=first.uuid)
            .values(deadline=first.deadline + later)
        )
    told_after: dict[str, int] = {}
    worker = world.worker()
    for passed in range(0, 3600, 100):
        worker.turn()
        world.cloud.settle()
        worker.watch()
        assert directive(nodes)['id'] == given['id']
        for kind, _ in told(world, uuid):
            told_after.setdefault(kind, passed)
        world.pass_time(100)
        pass_time_of_directives(world, 100)
    assert world.again(asked).state == 'SUCCEEDED', world.again(asked).error
    drained, removed = told_after.values()
    assert [*told_after] == [f'bay.{verb}.not_drained', f'bay.{verb}.not_removed']
    assert 2400 <= drained <= 2900
    assert 3200 <= removed < 3600


#: Transactions of a delete that only its worker's claim opens.
TRANSACTIONS = 30


@pytest.mark.slow
@pytest.mark.parametrize('position', range(2, TRANSACTIONS, 3))
def test_a_conductor_dies_anywhere(
    world: World, uuid: str, nodes: Reporters, group: Reporters, position: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each is asked for once, in order, and the group goes."""
    asked = world.ask('delete_nodegroup', uuid, world.nodegroup('gpu').uuid)
    doomed = world.worker('doomed')
    transactions = mortal_claims(doomed.claims, position, monkeypatch)
    given: list[tuple[str, Any]] = []

    def go_on(turn: Callable[[], Any]) -> None:
        world.pass_time(10)
        turn()
        for one in nodes.told().values():
            given.append((one['verb'], one['parameters']['nodes']))
            assert bool(asked_heat(world)) == (one['verb'] == 'remove')
            nodes.result(nodes.masters[0], one['id'])
        world.cloud.settle()
        doomed.watch()

    with contextlib.suppress(Killed):
        for _ in range(8):
            go_on(doomed.turn)
    assert next(transactions) == position + 1, 'it has died'
    world.pass_time(121)
    for _ in range(8):
        go_on(world.worker().turn)
    assert world.again(asked).state == 'SUCCEEDED'
    assert is_gone(world, uuid)
    assert given == [('drain', group.workers), ('remove', group.workers)]
    # What it told before it died another one may tell again.
    assert list(dict.fromkeys(kind for kind, _ in told(world, uuid))) == [
        'bay.delete_nodegroup.drained', 'bay.delete_nodegroup.removed',
    ]
