"""Another number of masters: one joins or leaves at a time, while the others serve."""

import datetime
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from magnum.clients.errors import CloudRefused
from magnum.db import models
from magnum.operations.accept.errors import MastersUnfinished, OperationInProgress
from magnum.operations.steps.master_count import leaving
from tests.fakes.driver import FakeDriver
from tests.fakes.reporters import Reporters
from tests.operations.conftest import Killed, World, error_of
from tests.operations.test_new_masters import count, settle, silence, told

pytestmark = pytest.mark.slow

ALL = ' '.join(f'10.0.1.{number}' for number in range(9))
LONG_AGO = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)


@pytest.fixture
def uuid(world: World, monkeypatch: pytest.MonkeyPatch) -> str:
    """A bay of a master, which reports, and two workers."""
    made = world.built(workers=2)
    monkeypatch.setattr(FakeDriver, 'nodes_report', lambda driver, version: True)
    return made


@pytest.fixture
def three(world: World, uuid: str) -> str:
    """The bay with three masters."""
    count(world, 3)
    return uuid


def masters(world: World) -> int:
    return world.nodegroup('default-master').node_count


def ask(world: World, uuid: str, number: int) -> models.Operation:
    asked: models.Operation = world.ask('resize_masters', uuid, number)
    for _ in range(3):
        world.go_on_soon()
    return asked


def name_of(nodes: Reporters, index: int) -> str:
    return f'{nodes.masters[0].removesuffix("-0")}-{index}'


def come_up(world: World, nodes: Reporters, index: int, asked: models.Operation) -> str:
    """Heat makes a master, which becomes ready."""
    world.cloud.settle()
    name = name_of(nodes, index)
    nodes.join(name, asked.uuid)
    nodes.report()
    settle(world)
    for _ in range(3):
        world.go_on_soon()
    return name


def learn(world: World, nodes: Reporters) -> None:
    """All masters take over who there is, one after the other."""
    for master in list(nodes.masters):
        ((name, given),) = nodes.told().items()
        assert (name, given['verb']) == (master, 'upgrade')
        assert given['parameters']['settings'] == {'MAGNUM_MASTER_ADDRESSES': ALL}
        nodes.result(name, given['id'])
        world.go_on_soon()


def do(world: World, nodes: Reporters, verb: str, master: str, **more: Any) -> None:
    """Another master does something with one."""
    ((name, given),) = nodes.told().items()
    assert name != master
    assert (given['verb'], given['parameters']['nodes']) == (verb, [master])
    nodes.result(name, given['id'], **more)
    world.go_on_soon()


def leave(world: World, nodes: Reporters, master: str) -> None:
    """It is drained, taken out of the cluster, and only then removed."""
    before = told(world, world.rows(models.Bay)[0].uuid).get('number_of_masters')
    do(world, nodes, 'drain', master)
    assert told(world, world.rows(models.Bay)[0].uuid).get('number_of_masters') == before
    do(world, nodes, 'retire', master)
    world.go_on_soon()
    nodes.forget(master)
    world.cloud.settle()
    settle(world)
    nodes.report()
    for _ in range(3):
        world.go_on_soon()


def free_addresses(world: World, nodes: Reporters) -> None:
    """Heat is asked once more, when the servers are gone."""
    for _ in range(3):
        world.go_on_soon()
    assert nodes.told() == {}, 'masters are told when nothing is left'
    settle(world)
    for _ in range(2):
        world.go_on_soon()


def be_done(world: World, nodes: Reporters, asked: models.Operation) -> None:
    """The last that goes has left, and those that stay hear of it."""
    free_addresses(world, nodes)
    learn(world, nodes)
    world.go_on_soon()
    assert world.again(asked).state == 'SUCCEEDED'


def test_one_joins_after_the_other(world: World, uuid: str, nodes: Reporters) -> None:
    asked = ask(world, uuid, 3)
    found = told(world, uuid)
    assert (found['number_of_masters'], found['master_revision']) == (2, 1)
    assert found['kept_masters'] == {'0': 'as made'}, 'who lives stays as it is'
    assert found['master_token']
    assert masters(world) == 2
    come_up(world, nodes, 1, asked)
    found = told(world, uuid)
    assert found['number_of_masters'] == 3
    assert found['kept_masters'].keys() == {'0', '1'}
    come_up(world, nodes, 2, asked)
    learn(world, nodes)
    world.go_on_soon()
    assert world.again(asked).state == 'SUCCEEDED'
    assert masters(world) == 3
    assert world.statuses(uuid)['bay'] == 'UPDATE_COMPLETE'


def test_the_next_waits_until_the_last_serves(world: World, uuid: str, nodes: Reporters) -> None:
    asked = ask(world, uuid, 3)
    world.cloud.settle()
    name = name_of(nodes, 1)
    nodes.join(name, asked.uuid)
    down = {'status': 'False', 'reason': 'NotReady', 'message': 'etcd'}
    nodes.report(conditions={'Services': down})
    settle(world)
    for _ in range(3):
        world.go_on_soon()
    assert told(world, uuid)['number_of_masters'] == 2
    with world.database.writing() as session:
        session.execute(sa.update(models.OperationStep).values(started_at=LONG_AGO))
    world.go_on_soon()
    error = error_of(world.again(asked))
    assert error['code'] == 'node_failed'
    assert 'default-master has 2 of 3 masters, an even number' in error['reason']


def test_none_joins_while_the_only_one_is_lost(world: World, uuid: str, nodes: Reporters) -> None:
    silence(world, nodes.masters[0])
    asked = ask(world, uuid, 3)
    assert error_of(world.again(asked))['code'] == 'node_silent'
    assert masters(world) == 1
    assert 'orchestration.replace_stack' not in world.cloud.calls


def test_one_leaves_after_the_other(world: World, three: str, nodes: Reporters) -> None:
    asked = ask(world, three, 1)
    leave(world, nodes, name_of(nodes, 2))
    found = told(world, three)
    assert found['kept_masters'].keys() == {'0', '1'}
    assert not found['master_token'], 'nobody joins'
    assert masters(world) == 2
    leave(world, nodes, name_of(nodes, 1))
    be_done(world, nodes, asked)
    assert masters(world) == 1


def test_a_lost_one_leaves_first(world: World, three: str, nodes: Reporters) -> None:
    lost = name_of(nodes, 1)
    silence(world, lost)
    nodes.forget(lost)
    asked = ask(world, three, 1)
    do(world, nodes, 'drain', lost)
    do(world, nodes, 'drain', name_of(nodes, 2))
    do(world, nodes, 'retire', lost)
    do(world, nodes, 'retire', name_of(nodes, 2))
    world.go_on_soon()
    assert told(world, three)['number_of_masters'] == 1
    assert world.again(asked).state in ('WAITING', 'QUEUED')


@pytest.mark.parametrize('outcome', ['done', 'failed'])
def test_what_became_of_each_is_told_once(
    world: World, three: str, nodes: Reporters, outcome: str
) -> None:
    """However long the others that leave with it take."""
    lost, above = name_of(nodes, 1), name_of(nodes, 2)
    silence(world, lost)
    nodes.forget(lost)
    ask(world, three, 1)
    for verb in ('drain', 'retire'):
        do(world, nodes, verb, lost, outcome=outcome if verb == 'drain' else 'done')
        for _ in range(3):
            world.go_on_soon()
        do(world, nodes, verb, above)
    events = [
        (event.kind.rpartition('.')[2], event.message)
        for event in world.rows(models.Event, bay_uuid=three)
        if event.kind.endswith(('drained', 'retired'))
    ]
    assert [kind for kind, _ in events] == [
        'drained' if outcome == 'done' else 'not_drained', 'drained', 'retired', 'retired'
    ], events


def test_a_lost_one_that_would_stay_is_in_the_way(
    world: World, three: str, nodes: Reporters
) -> None:
    silence(world, nodes.masters[0])
    asked = ask(world, three, 1)
    error = error_of(world.again(asked))
    assert (error['code'], error['resource']) == ('node_silent', nodes.masters[0])
    assert masters(world) == 3


def test_one_that_the_others_do_not_let_go_stays(
    world: World, three: str, nodes: Reporters
) -> None:
    asked = ask(world, three, 1)
    do(world, nodes, 'drain', name_of(nodes, 2))
    do(world, nodes, 'retire', name_of(nodes, 2), outcome='failed', lines=['no quorum'])
    world.go_on_soon()
    error = error_of(world.again(asked))
    assert 'and stays: ' in error['reason']
    assert 'no quorum' in error['reason']
    assert masters(world) == 3
    assert 'orchestration.replace_stack' not in world.cloud.calls


def failed_half_way(world: World, uuid: str, nodes: Reporters) -> models.Operation:
    """The first that joins does not come up."""
    asked = ask(world, uuid, 3)
    world.cloud.settle()
    name = name_of(nodes, 1)
    nodes.join(name, asked.uuid)
    nodes.report(name, state='failed', step='50-etcd', lines=['no quorum'])
    settle(world)
    assert error_of(world.again(asked))['resource'] == name
    return asked


def test_a_retry_makes_the_one_that_failed_once_more(
    world: World, uuid: str, nodes: Reporters
) -> None:
    """Where it has become a member it is let go first: it would be lost for the others."""
    failed = failed_half_way(world, uuid, nodes)
    assert masters(world) == 2
    again = world.about('retry', failed)
    for _ in range(3):
        world.go_on_soon()
    do(world, nodes, 'retire', name_of(nodes, 1))
    world.go_on_soon()
    found = told(world, uuid)
    assert (found['number_of_masters'], found['master_revision']) == (2, 2)
    assert found['kept_masters'].keys() == {'0'}
    come_up(world, nodes, 1, again)
    come_up(world, nodes, 2, again)
    learn(world, nodes)
    world.go_on_soon()
    assert world.again(again).state == 'SUCCEEDED'


def test_a_retry_leaves_what_came_up_late(world: World, uuid: str, nodes: Reporters) -> None:
    failed = failed_half_way(world, uuid, nodes)
    nodes.report()
    with world.database.writing() as session:
        session.execute(sa.update(models.Node).values(state='ready'))
    world.about('retry', failed)
    for _ in range(3):
        world.go_on_soon()
    assert nodes.told() == {}
    assert told(world, uuid)['kept_masters'].keys() == {'0', '1'}


def test_workers_wait_until_the_masters_are_whole(
    world: World, uuid: str, nodes: Reporters
) -> None:
    failed_half_way(world, uuid, nodes)
    with pytest.raises(MastersUnfinished):
        world.ask('resize', uuid, 3)


def test_what_failed_is_taken_back(world: World, uuid: str, nodes: Reporters) -> None:
    failed_half_way(world, uuid, nodes)
    asked = ask(world, uuid, 1)
    nodes.told()
    do(world, nodes, 'drain', name_of(nodes, 1))
    do(world, nodes, 'retire', name_of(nodes, 1))
    world.go_on_soon()
    nodes.forget(name_of(nodes, 1))
    world.cloud.settle()
    settle(world)
    be_done(world, nodes, asked)
    world.ask('resize', uuid, 3)


def test_a_cancel_between_two_tells_how_many_there_are(
    world: World, uuid: str, nodes: Reporters
) -> None:
    asked = ask(world, uuid, 3)
    world.cloud.settle()
    nodes.join(name_of(nodes, 1), asked.uuid)
    nodes.report()
    world.about('cancel', asked)
    settle(world)
    world.go_on_soon()
    ended = world.again(asked)
    assert ended.state == 'CANCELLED'
    assert 'default-master has 2 of 3 masters, an even number' in error_of(ended)['reason']
    assert masters(world) == 2


@pytest.mark.parametrize('where', ['orchestration.replace_stack', 'after'])
def test_a_worker_that_dies_asks_heat_once(
    world: World, uuid: str, nodes: Reporters, die_at: Callable[[str], None], where: str
) -> None:
    world.ask('resize_masters', uuid, 3)
    die_at(f'{"after" if where == "after" else "before"}:orchestration.replace_stack')

    def go_on() -> None:
        for _ in range(4):
            world.go_on_soon()

    with pytest.raises(Killed):
        go_on()
    world.pass_time(300)
    for _ in range(3):
        world.go_on_soon()
    assert world.cloud.calls.count('orchestration.replace_stack') == 1
    assert told(world, uuid)['number_of_masters'] == masters(world) == 2


def test_one_that_heat_refuses_is_none(
    world: World, uuid: str, nodes: Reporters
) -> None:
    world.cloud.faults['orchestration.replace_stack'] = CloudRefused('orchestration', 'no')
    asked = ask(world, uuid, 3)
    assert world.again(asked).state == 'FAILED'
    assert masters(world) == 1
    del world.cloud.faults['orchestration.replace_stack']
    world.ask('resize', uuid, 3)


def test_other_changes_wait(world: World, uuid: str, nodes: Reporters) -> None:
    world.ask('resize', uuid, 3)
    asked = world.ask('resize_masters', uuid, 3)
    assert asked.state == 'PENDING'
    assert world.ask('resize_masters', uuid, 5).uuid == asked.uuid, 'it is not begun'
    later = world.ask('resize', uuid, 4)
    assert later.state in ('PENDING', 'QUEUED')
    world.ask('delete', uuid)
    with pytest.raises(OperationInProgress):
        world.ask('resize_masters', uuid, 3)


def test_the_number_that_there_is_changes_nothing(
    world: World, uuid: str, nodes: Reporters
) -> None:
    assert world.ask('resize_masters', uuid, 1) is None


@pytest.mark.parametrize(
    ('present', 'wanted', 'lost', 'batches'),
    [
        (5, 1, '', [('4', 4), ('3', 3), ('2', 2), ('1', 1)]),
        (3, 1, '1', [('12', 1)]),
        (3, 1, '12', [('21', 1)]),
        (5, 1, '2', [('243', 2), ('1', 1)]),
        (5, 3, '1', [('4', 4), ('3', 3)]),
    ],
)
def test_the_highest_leave_and_lost_ones_first(
    present: int, wanted: int, lost: str, batches: list[tuple[str, int]]
) -> None:
    serving = {str(index) for index in range(present)} - set(lost)
    found = leaving(present, wanted, serving)
    assert [(''.join(batch), count) for batch, count in found] == batches
