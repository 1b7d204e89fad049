"""A master that nothing is heard of is replaced alone, where the bay asks for healing."""

from collections.abc import Callable

import pytest
import sqlalchemy as sa
from sqlalchemy import orm

from magnum.db import models
from magnum.db.repositories import locking
from magnum.domain.node_health import HEALING_POSSIBLE
from magnum.domain.parameters import Resize, Upgrade
from magnum.drivers.contract import PlanRefused
from magnum.operations.healer import EVENT, NOT_REPLACED
from magnum.operations.node_watcher import NodeWatcher
from tests.fakes.driver import FakeDriver
from tests.fakes.reporters import Reporters
from tests.operations.conftest import Killed, World
from tests.operations.lost_masters import (
    DOWN,
    begin,
    come_back,
    complete,
    heal,
    let_lost_go,
    of,
    to_be_healed,
    values,
)
from tests.operations.test_healing import Conductor, hear, lose
from tests.operations.test_new_masters import renew, settle, succeed, told, with_another_group

pytestmark = pytest.mark.slow


@pytest.fixture(params=[3])
def uuid(
    world: World, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> str:
    """A bay of three masters, or as many as a test says, and three workers, to be healed."""
    return to_be_healed(world, monkeypatch, request.param)


@pytest.fixture
def conductor(world: World) -> Conductor:
    return Conductor(world)


def test_it_is_replaced_and_no_other(
    world: World, uuid: str, nodes: Reporters, conductor: Conductor
) -> None:
    first, lost, last = nodes.masters
    masters = world.nodegroup('default-master').uuid
    before = values(world, uuid)
    lose(world, nodes, lost)
    asked = begin(world, uuid, conductor)
    parameters = Upgrade.of(asked)
    assert (parameters.nodegroup, parameters.nodes) == (masters, ('1',))
    assert (asked.user_id, asked.requester_project_id) == (None, 'demo')
    assert asked.request_id
    (event,) = world.rows(models.Event, kind=EVENT)
    assert event.message == f'not heard of for long, so replaced: {lost}'
    assert event.operation_uuid == asked.uuid
    assert conductor.heal() == 0                # while it goes on
    let_lost_go(world, nodes, lost)
    found = told(world, uuid)
    assert (found['master_revision'], found['kept_masters']) == (
        1, {'0': 'as made', '2': 'as made'}
    )
    come_back(world, nodes, lost, asked)
    assert world.again(asked).state == 'SUCCEEDED'
    assert nodes.report(first, last) == []
    assert world.cloud.calls.count('orchestration.replace_stack') == 1
    assert set(world.statuses(uuid).values()) == {'UPDATE_COMPLETE'}
    assert values(world, uuid) == before
    world.conf.set_override('heal_pause', 0, 'nodes')
    assert conductor.heal() == 0


def test_the_bays_own_values_stay(
    world: World, uuid: str, nodes: Reporters, conductor: Conductor
) -> None:
    """Also an image of masters that an upgrade has left out."""
    group = world.nodegroup('default-master').uuid
    with world.database.writing() as session:
        session.execute(
            sa.update(models.Nodegroup).filter_by(uuid=group).values(image_id='of old')
        )
    heal(world, uuid, nodes, conductor, nodes.masters[1])
    assert told(world, uuid)['master_image'] == 'of old'
    assert world.nodegroup('default-master').image_id == 'of old'


def test_one_after_the_other(
    world: World, uuid: str, nodes: Reporters, conductor: Conductor
) -> None:
    """What was replaced before stays, too, and an upgrade comes to all of them."""
    world.conf.set_override('heal_pause', 0, 'nodes')
    first, second, third = nodes.masters
    heal(world, uuid, nodes, conductor, second)
    heal(world, uuid, nodes, conductor, third)
    found = told(world, uuid)
    assert (found['master_revision'], sorted(found['kept_masters'])) == (2, ['0', '1'])
    lose(world, nodes, second)
    hear(world, second)
    renew(world, uuid)
    (given,) = nodes.report(third)      # which goes last
    assert given['parameters']['nodes'] == [first]
    (masters,) = Upgrade.of(world.operations(uuid)[-1]).groups
    assert (masters.revision, masters.later, masters.staying) == (3, ('1', '2'), ())


@pytest.mark.parametrize('labels', [{}, {'auto_healing_enabled': 'false'}])
def test_a_bay_that_does_not_ask_for_it(
    world: World, uuid: str, nodes: Reporters, conductor: Conductor, labels: dict[str, str]
) -> None:
    lose(world, nodes, nodes.masters[1])
    with world.database.writing() as session:
        session.merge(world.bay(uuid)).labels = labels
    assert conductor.heal() == 0


@pytest.mark.parametrize(('uuid', 'lost'), [
    (1, 1), (2, 1), (3, 2), (5, 2), (7, 3),
], indirect=['uuid'])
@pytest.mark.parametrize('at_most', [0, 100])
def test_too_few_are_left(
    world: World, uuid: str, nodes: Reporters, conductor: Conductor, lost: int, at_most: int
) -> None:
    """Of one or two none serves meanwhile; etcd takes nobody in while another one is lost."""
    world.conf.set_override('heal_at_most', at_most, 'nodes')
    lose(world, nodes, *nodes.masters[:lost])
    assert conductor.heal() == 0


@pytest.mark.parametrize(('uuid', 'locked'), [(1, 0), (2, 0), (3, 1)], indirect=['uuid'])
def test_no_look_locks_a_bay_whose_master_cannot_be_replaced(
    world: World, uuid: str, nodes: Reporters, conductor: Conductor, locked: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It may be silent for months."""
    looked: list[str] = []
    lock = locking.lock_bay

    def lock_bay(session: orm.Session, bay_uuid: str) -> models.Bay:
        looked.append(bay_uuid)
        return lock(session, bay_uuid)

    lose(world, nodes, nodes.masters[-1])
    monkeypatch.setattr(locking, 'lock_bay', lock_bay)
    conductor.heal()
    assert len({*looked}) == locked


@of(7)
def test_one_of_seven(world: World, uuid: str, nodes: Reporters, conductor: Conductor) -> None:
    lose(world, nodes, nodes.masters[6])
    assert Upgrade.of(begin(world, uuid, conductor)).nodes == ('6',)


def test_masters_that_the_driver_cannot_replace(
    world: World, uuid: str, nodes: Reporters, conductor: Conductor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(FakeDriver, 'nodes_report', lambda driver, version: False)
    lose(world, nodes, nodes.masters[1])
    assert conductor.heal() == 0


@pytest.mark.parametrize('members', [
    {'conditions': {'ControlPlane': DOWN}}, {'conditions': {'Services': DOWN}},
    {'state': 'failed', 'step': '50-etcd', 'lines': ['no quorum']},
])
def test_all_others_have_to_serve(
    world: World, uuid: str, nodes: Reporters, conductor: Conductor, members: dict[str, object]
) -> None:
    lose(world, nodes, nodes.masters[1])
    nodes.report(nodes.masters[2], **members)
    assert conductor.heal() == 0
    nodes.report(nodes.masters[2])
    assert conductor.heal() == 1


def test_all_others_have_to_report(
    world: World, uuid: str, nodes: Reporters, conductor: Conductor
) -> None:
    lose(world, nodes, nodes.masters[1])
    with world.database.writing() as session:
        session.execute(sa.delete(models.Node).filter_by(name=nodes.masters[2]))
    assert conductor.heal() == 0


def test_not_beside_anything(
    world: World, uuid: str, nodes: Reporters, conductor: Conductor
) -> None:
    """An upgrade is about the whole bay."""
    with_another_group(world, uuid)
    complete(world, uuid)
    lose(world, nodes, nodes.masters[1])
    beside = world.ask('resize', uuid, 3, nodegroup_uuid=world.nodegroup('gpu').uuid)
    assert conductor.heal() == 0
    succeed(world, beside)
    complete(world, uuid)
    assert conductor.heal() == 1


def refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on the driver has nothing to make the bay of."""

    def refused(*_: object) -> None:
        raise PlanRefused('labels/kube_tag', 'v1.20.0 is past its life.')

    monkeypatch.setattr(FakeDriver, 'check_upgrade', refused)


def test_a_bay_that_the_driver_refuses_today(
    world: World, uuid: str, nodes: Reporters, conductor: Conductor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing is begun, nothing fails, and the user is told why, once."""
    master = nodes.masters[1]
    lose(world, nodes, master)
    with monkeypatch.context() as patch:
        refuse(patch)
        before, operations = world.bay(uuid).status, len(world.operations(uuid))
        assert [conductor.heal(), conductor.heal()] == [0, 0]
        assert (world.bay(uuid).status, len(world.operations(uuid))) == (before, operations)
        (event,) = world.rows(models.Event, kind=NOT_REPLACED)
        condition = (world.bay(uuid).conditions or {})[HEALING_POSSIBLE]
        assert (condition['status'], condition['message']) == ('False', event.message)
        assert master in event.message
        assert 'labels/kube_tag: v1.20.0 is past its life.' in event.message
    assert conductor.heal() == 1
    assert HEALING_POSSIBLE not in (world.bay(uuid).conditions or {})


def test_a_refused_master_keeps_no_worker_from_being_replaced(
    world: World, uuid: str, nodes: Reporters, conductor: Conductor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    refuse(monkeypatch)
    lose(world, nodes, nodes.masters[1], nodes.workers[0])
    assert conductor.heal() == 1
    assert Resize.of(world.operations(uuid)[-1]).nodes_to_remove == ('0',)


def test_a_refused_master_that_comes_back(
    world: World, uuid: str, nodes: Reporters, conductor: Conductor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    refuse(monkeypatch)
    lose(world, nodes, nodes.masters[1])
    conductor.heal()
    assert HEALING_POSSIBLE in (world.bay(uuid).health_status_reason or {})
    nodes.report(nodes.masters[1])
    NodeWatcher(world.conf, world.database, world.tools.drivers).look()
    assert HEALING_POSSIBLE not in (world.bay(uuid).conditions or {})


def test_one_that_comes_back_before_anything_is_done(
    world: World, uuid: str, nodes: Reporters, conductor: Conductor
) -> None:
    """It stays, and the operation is done."""
    lost = nodes.masters[1]
    lose(world, nodes, lost)
    assert conductor.heal() == 1
    nodes.report()
    world.go_on_soon()
    world.go_on_soon()
    asked = world.operations(uuid)[-1]
    assert (asked.state, asked.error) == ('SUCCEEDED', None)
    assert [nodes.report(name) for name in nodes.masters] == [[], [], []]
    assert 'orchestration.replace_stack' not in world.cloud.calls
    assert set(world.statuses(uuid).values()) == {'UPDATE_COMPLETE'}
    (event,) = world.rows(models.Event, kind='bay.node.returned')
    assert event.message == f'not replaced, as heard of again: {lost}'
    assert world.rows(models.BootstrapToken, operation_uuid=asked.uuid) == []
    world.ask('resize', uuid, 4)


def test_one_that_comes_back_when_it_is_drained_goes(
    world: World, uuid: str, nodes: Reporters, conductor: Conductor
) -> None:
    """Its work is elsewhere by then, and nothing would give it any."""
    lost = nodes.masters[1]
    lose(world, nodes, lost)
    asked = begin(world, uuid, conductor)
    hear(world, lost)
    let_lost_go(world, nodes, lost)
    come_back(world, nodes, lost, asked)
    assert world.again(asked).state == 'SUCCEEDED'
    assert world.cloud.calls.count('orchestration.replace_stack') == 1


def test_before_workers(
    world: World, uuid: str, nodes: Reporters, conductor: Conductor
) -> None:
    """Also where the worker was missed first."""
    master, worker = nodes.masters[1], nodes.workers[0]
    lose(world, nodes, worker)
    assert conductor.heal(after=200) == 0
    lose(world, nodes, worker, master)
    assert conductor.heal(after=200) == 0, 'the worker was, for long enough'
    conductor.seconds += 200
    asked = begin(world, uuid, conductor)
    let_lost_go(world, nodes, master)
    settle(world)
    nodes.boot(master, asked.uuid)
    nodes.report(*nodes.masters)
    settle(world)
    assert world.again(asked).state == 'SUCCEEDED'
    assert conductor.heal() == 0, 'so soon'
    world.conf.set_override('heal_pause', 0, 'nodes')
    assert conductor.heal() == 1
    assert Resize.of(world.operations(uuid)[-1]).nodes_to_remove == ('0',)


def test_workers_do_not_wait_for_masters_that_cannot_be_replaced(
    world: World, uuid: str, nodes: Reporters, conductor: Conductor
) -> None:
    lose(world, nodes, *nodes.masters[1:], nodes.workers[0])
    assert conductor.heal() == 1
    assert Resize.of(world.operations(uuid)[-1]).nodes_to_remove == ('0',)


@pytest.mark.parametrize('call', ['get_stack', 'replace_stack'])
@pytest.mark.parametrize('when', ['before', 'after'])
def test_a_conductor_that_dies(
    world: World, uuid: str, nodes: Reporters, conductor: Conductor,
    die_at: Callable[[str], None], call: str, when: str,
) -> None:
    world.conf.set_override('drain_timeout', 0, 'nodes')
    lost = nodes.masters[1]
    lose(world, nodes, lost)
    asked = begin(world, uuid, conductor)
    (given,) = nodes.report(nodes.masters[0])
    nodes.result(nodes.masters[0], given['id'])
    die_at(f'{when}:orchestration.{call}')
    with pytest.raises(Killed):
        world.go_on_soon()
    world.pass_time(121)
    world.go_on_soon()
    found = told(world, uuid)
    assert (found['master_revision'], sorted(found['kept_masters'])) == (1, ['0', '2'])
    come_back(world, nodes, lost, asked)
    assert world.again(asked).state == 'SUCCEEDED'
    assert world.cloud.calls.count('orchestration.replace_stack') == 1
