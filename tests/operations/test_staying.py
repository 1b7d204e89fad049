"""Nodes that were drained have work again when the operation ends before they go."""

import datetime

import pytest
import sqlalchemy as sa

from magnum.clients.errors import CloudError, CloudRefused, CloudUnavailable
from magnum.db import models
from magnum.domain import directives
from magnum.operations.node_watcher import NodeWatcher
from tests.fakes.reporters import Reporters
from tests.operations.conftest import World, error_of
from tests.operations.test_node_reports import pass_time

WORKERS = 4


@pytest.fixture
def uuid(world: World) -> str:
    return world.built(workers=WORKERS)


def drained(world: World, uuid: str, nodes: Reporters) -> models.Operation:
    """A resize whose nodes are drained, and of which Heat has not heard."""
    asked: models.Operation = world.ask('resize', uuid, 2)
    world.go_on_soon()
    ((master, given),) = nodes.told().items()
    assert given['verb'] == 'drain'
    nodes.result(master, given['id'])
    return asked


def cancelled_with(world: World, uuid: str, nodes: Reporters, verbs: str) -> None:
    """A resize that is cancelled after its drain, where masters know these directives."""
    asked = drained(world, uuid, nodes)
    with world.database.writing() as session:
        session.execute(
            sa.update(models.Node).filter_by(role='master').values(versions={'directives': verbs})
        )
    world.about('cancel', asked)
    world.go_on_soon()


def told(world: World, uuid: str) -> list[tuple[str, str]]:
    return [
        (event.kind, event.message) for event in world.rows(models.Event, bay_uuid=uuid)
        if event.kind.endswith('admitted')
    ]


def test_a_cancelled_resize_lets_nodes_have_work_again(
    world: World, uuid: str, nodes: Reporters
) -> None:
    asked = drained(world, uuid, nodes)
    world.about('cancel', asked)
    world.go_on_soon()
    assert world.again(asked).active_for is None
    (master,) = nodes.masters
    ((name, given),) = nodes.told().items()
    assert name == master
    assert (given['verb'], given['parameters']) == ('admit', {'nodes': nodes.workers[2:]})
    names = ', '.join(nodes.workers[2:])
    ((kind, message),) = told(world, uuid)
    assert kind == 'bay.resize.admitted'
    assert f'stay: {names}. The master {master} is to let' in message
    nodes.result(master, given['id'])
    assert nodes.told() == {}


@pytest.mark.parametrize(('lines', 'why'), [
    (['Unable to connect to the server'], 'Unable to connect to the server'), ([], 'it failed'),
])
def test_the_user_is_told_that_nodes_have_no_work_again(
    world: World, uuid: str, nodes: Reporters, lines: list[str], why: str
) -> None:
    """Nobody waits for the master; what it says counts once."""
    asked = drained(world, uuid, nodes)
    world.about('cancel', asked)
    world.go_on_soon()
    ((master, given),) = nodes.told().items()
    for _ in range(2):
        nodes.result(master, given['id'], outcome='failed', lines=lines)
    _, (kind, message) = told(world, uuid)
    assert kind == 'bay.resize.not_admitted'
    names = ', '.join(nodes.workers[2:])
    assert message.startswith(
        f'nodes that were drained stay, and get nothing to run: {names}. {master}: {why}; '
    )
    assert 'kubectl uncordon' in message
    assert nodes.told() == {}


def test_many_nodes_have_work_again(
    world: World, uuid: str, nodes: Reporters, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many at once as a master takes."""
    monkeypatch.setattr(directives, 'MOST_NODES', 1)
    asked = drained(world, uuid, nodes)
    world.about('cancel', asked)
    world.go_on_soon()
    assert [given['verb'] for given in nodes.told().values()] == ['admit'], 'one was drained'


def test_so_does_one_that_fails(world: World, uuid: str, nodes: Reporters) -> None:
    asked = drained(world, uuid, nodes)
    with world.database.writing() as session:
        session.execute(
            sa.update(models.Operation).filter_by(uuid=asked.uuid)
            .values(deadline=datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC))
        )
    world.go_on_soon()
    assert world.again(asked).state == 'FAILED'
    assert [given['verb'] for given in nodes.told().values()] == ['admit']
    # Another group's affairs leave it as it is; the same nodes are drained anew by a retry.
    world.about('retry', asked)
    world.go_on_soon()
    assert [given['verb'] for given in nodes.told().values()] == ['drain']


def test_what_heat_was_asked_to_take_goes(world: World, uuid: str, nodes: Reporters) -> None:
    asked = world.ask('resize', uuid, 2)
    world.go_on_soon()
    ((master, given),) = nodes.told().items()
    nodes.result(master, given['id'])
    world.go_on_soon()
    world.about('cancel', asked)
    world.go_on_soon()
    assert told(world, uuid) == []
    assert nodes.told() == {}


def test_nothing_is_said_where_nodes_have_no_drain(
    world: World, uuid: str, nodes: Reporters
) -> None:
    cancelled_with(world, uuid, nodes, '')
    assert told(world, uuid) == []


def test_masters_that_do_not_know_how_are_told_of(
    world: World, uuid: str, nodes: Reporters
) -> None:
    cancelled_with(world, uuid, nodes, 'drain remove')
    ((kind, message),) = told(world, uuid)
    assert kind == 'bay.resize.not_admitted'
    assert nodes.workers[3] in message
    assert nodes.told() == {}


@pytest.mark.parametrize('others', [0, 1])
def test_a_master_that_is_lost_before_it_does_so(
    world: World, uuid: str, nodes: Reporters, others: int
) -> None:
    """Another one does it; where there is none, the user is told, and it does when it is back."""
    asked = drained(world, uuid, nodes)
    world.about('cancel', asked)
    world.go_on_soon()
    (master,) = nodes.masters
    other = master.replace('-0', '-1')
    if others:
        nodes.join(other, asked.uuid)
        nodes.report(other)
    watcher = NodeWatcher(world.conf, world.database, world.tools.drivers)
    watcher.look()
    for _ in range(2):
        pass_time(world, 400, *(set(nodes.names) - {master}))
        watcher.look()
    last, message = told(world, uuid)[-1]
    assert len(told(world, uuid)) == 2
    assert last == ('bay.resize.admitted' if others else 'bay.resize.not_admitted')
    assert ', '.join(nodes.workers[2:]) in message
    assert f'{master} is not heard of' in message
    names = [other] if others else [master]
    assert [(name, given['verb']) for name, given in nodes.told().items()] == [
        (name, 'admit') for name in names
    ]


@pytest.mark.parametrize('how', ['cancelled', 'refused', 'never heard'])
def test_nodes_that_left_the_cluster_and_stay_are_told(
    world: World, uuid: str, nodes: Reporters, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """An upgrade takes them out before Heat makes others in their places."""
    errors: dict[str, CloudError] = {
        'refused': CloudRefused('orchestration', 'flavor not found', 400),
        'never heard': CloudUnavailable('orchestration', 'no answer'),
    }
    asked = world.ask('upgrade', uuid, world.new_baymodel(), max_batch_size=2)
    world.go_on_soon()
    world.go_on_soon()
    for verb in ('drain', 'remove'):
        ((master, given),) = nodes.told().items()
        assert given['verb'] == verb
        if verb == 'remove':
            break
        nodes.result(master, given['id'])
        world.go_on_soon()
    if how in errors:
        world.cloud.faults['orchestration.replace_stack'] = errors[how]
        nodes.result(master, given['id'])
        world.go_on_soon()
    if how != 'refused':
        world.about('cancel', asked)
        world.pass_time(120)
        world.worker().turn()
    ended = world.again(asked)
    assert ended.state == ('FAILED' if how == 'refused' else 'CANCELLED')
    are = 'may be' if how == 'cancelled' else 'are'
    names = ', '.join(nodes.workers[:2])
    told_of = f'{names} {are} out of the cluster, and not replaced: retry this.'
    assert told_of in error_of(ended)['reason']
    assert told_of in str(world.bay(uuid).status_reason)
