"""The nodes that a resize removes are those that were named for it."""

from collections.abc import Callable

import pytest

from magnum.clients.errors import CloudUnavailable
from magnum.db import models
from magnum.domain.parameters import Resize
from tests.fakes.cloud import FakeHeat
from tests.operations.conftest import World, error_of

pytestmark = pytest.mark.slow


@pytest.fixture
def uuid(world: World) -> str:
    """A bay of four workers."""
    return world.built(workers=4)


def _nodes(world: World) -> dict[str, str]:
    """Server ids of the default workers by index."""
    return dict(world.cloud.living()[0]['nodes'])


def _resize(world: World, uuid: str, count: int, *names: str) -> models.Operation:
    made: models.Operation = world.ask('resize', uuid, count, nodes_to_remove=names)
    return made


def test_two_that_wait_remove_what_both_name(world: World, uuid: str) -> None:
    before = _nodes(world)
    first = _resize(world, uuid, 3, before['0'])
    second = _resize(world, uuid, 2, before['1'])
    assert second.uuid == first.uuid
    world.build(uuid)
    assert _nodes(world) == {'2': before['2'], '3': before['3']}
    assert world.nodegroup('default-worker').node_count == 2


def test_a_count_alone_does_not_drop_names(world: World, uuid: str) -> None:
    """As an update of the bay's ``node_count`` is."""
    before = _nodes(world)
    _resize(world, uuid, 3, before['0'])
    world.ask('resize', uuid, 2)
    world.build(uuid)
    assert _nodes(world) == {'1': before['1'], '2': before['2']}


def test_a_node_named_twice_is_one(world: World, uuid: str) -> None:
    before = _nodes(world)
    _resize(world, uuid, 3, before['0'], '0')
    operation = _resize(world, uuid, 2, '0', '1')
    assert Resize.of(operation).nodes_to_remove == (before['0'], '0', '1')
    world.build(uuid)
    assert _nodes(world) == {'2': before['2'], '3': before['3']}


@pytest.mark.parametrize('count', [3, 4, 5])
def test_more_named_than_the_count_takes_away_are_replaced(
    world: World, uuid: str, count: int
) -> None:
    before = _nodes(world)
    _resize(world, uuid, count, before['0'], before['3'])
    world.build(uuid)
    after = _nodes(world)
    assert len(after) == count
    assert set(after.values()) & set(before.values()) == {before['1'], before['2']}


@pytest.mark.parametrize('name', ['7', '01', 'node-0', '00000000-1111-2222-3333-444444444444'])
def test_what_is_not_of_the_group_removes_nothing(world: World, uuid: str, name: str) -> None:
    """As one that has left it since the request was accepted."""
    before = _nodes(world)
    operation = _resize(world, uuid, 2, '0', name)
    world.build(uuid)
    failed = world.operations(uuid)[-1]
    assert (failed.uuid, failed.state) == (operation.uuid, 'FAILED')
    assert (error_of(failed)['code'], error_of(failed)['owner']) == ('node_unknown', 'user')
    assert name in error_of(failed)['reason']
    assert _nodes(world) == before
    assert world.nodegroup('default-worker').node_count == 4
    assert world.cloud.calls.count('orchestration.update_stack') == 1    # the fixture's


def test_a_retry_whose_named_node_is_gone(world: World, uuid: str) -> None:
    """The first attempt removed it, and failed at what followed."""
    before = _nodes(world)
    failed = _resize(world, uuid, 4, before['0'])
    world.cloud.fails_after = 'nodes'
    world.fail()
    assert before['0'] not in _nodes(world).values()
    world.about('retry', failed)
    world.build(uuid)
    assert world.operations(uuid)[-1].state == 'SUCCEEDED'
    after = set(_nodes(world).values())
    assert after & set(before.values()) == {before[index] for index in '123'}
    assert len(after) == 4


@pytest.mark.parametrize('far', ['nothing', 'named', 'nodes'])
@pytest.mark.parametrize('names', [(), ('1',)])
def test_a_resize_after_one_that_failed(
    world: World, uuid: str, far: str, names: tuple[str, ...]
) -> None:
    """It takes what the failed one named before it takes a node that nobody named."""
    before = _nodes(world)
    _resize(world, uuid, 3, before['0'])
    world.cloud.fails_after = far
    world.fail()
    _resize(world, uuid, 3 - len(names), *names)
    world.build(uuid)
    gone = {'0', *names}
    assert _nodes(world) == {
        index: server for index, server in before.items() if index not in gone
    }


def test_what_failed_takes_nothing_that_need_not_go(world: World, uuid: str) -> None:
    before = _nodes(world)
    _resize(world, uuid, 3, before['0'])
    world.fail()
    _resize(world, uuid, 5)
    world.build(uuid)
    assert before.items() < _nodes(world).items()


def test_who_cancels_takes_names_back(world: World, uuid: str) -> None:
    before = _nodes(world)
    world.about('cancel', _resize(world, uuid, 3, before['0']))
    _resize(world, uuid, 3)
    world.build(uuid)
    assert _nodes(world) == {index: before[index] for index in '012'}


def test_an_upgrade_puts_other_nodes_into_named_places(world: World, uuid: str) -> None:
    before = _nodes(world)
    _resize(world, uuid, 3, before['0'])
    world.fail()
    world.ask('upgrade', uuid, world.new_baymodel())
    world.build(uuid)
    renewed = _nodes(world)
    assert not set(renewed.values()) & set(before.values())
    _resize(world, uuid, 2)
    world.build(uuid)
    assert _nodes(world) == {index: renewed[index] for index in '01'}


@pytest.mark.parametrize('point', ['before', 'after'])
def test_a_worker_dies_asking_heat(
    world: World, uuid: str, die_at: Callable[[str], None], point: str
) -> None:
    before = _nodes(world)
    _resize(world, uuid, 2, before['0'], '1')
    die_at(f'{point}:orchestration.update_stack')
    world.worker('dead').die()
    world.cloud.settle()
    world.pass_time(130)
    world.build(uuid)
    assert world.bay(uuid).status == 'UPDATE_COMPLETE'
    assert _nodes(world) == {'2': before['2'], '3': before['3']}


def test_heat_is_away_when_nodes_are_looked_up(world: World, uuid: str) -> None:
    before = _nodes(world)
    _resize(world, uuid, 3, before['0'])
    down = CloudUnavailable('orchestration', 'refused')
    world.cloud.faults['orchestration.get_output'] = down
    world.worker().turn()
    assert world.operations(uuid)[-1].state == 'QUEUED'
    world.cloud.faults.clear()
    world.pass_time(30)
    world.build(uuid)
    assert _nodes(world) == {index: before[index] for index in '123'}


def test_heat_does_not_say_which_nodes_there_are(
    world: World, uuid: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = _nodes(world)
    monkeypatch.setattr(FakeHeat, 'output', lambda *_: None)
    _resize(world, uuid, 3, before['0'])
    world.build(uuid)
    assert error_of(world.operations(uuid)[-1])['code'] == 'stack_failed'
    assert _nodes(world) == before
    _resize(world, uuid, 3)     # names none: the lowest indexes stay
    world.build(uuid)
    assert _nodes(world) == {index: before[index] for index in '012'}


def test_a_further_group_has_nodes_of_its_own(world: World, uuid: str) -> None:
    world.add_nodegroup(uuid, 'gpu', node_count=3)
    world.build(uuid)
    group = world.nodegroup('gpu').uuid
    own, bays = world.stack('gpu')['nodes'], _nodes(world)
    world.ask('resize', uuid, 2, nodegroup_uuid=group, nodes_to_remove=(bays['0'],))
    world.build(uuid)
    assert error_of(world.operations(uuid)[-1])['code'] == 'node_unknown'
    world.ask('resize', uuid, 2, nodegroup_uuid=group, nodes_to_remove=(own['0'],))
    world.build(uuid)
    assert world.stack('gpu')['nodes'] == {'1': own['1'], '2': own['2']}
