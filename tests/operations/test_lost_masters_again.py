"""A replacement of a lost master that failed: it is tried again, or left to the user."""

from typing import Any

import pytest
import sqlalchemy as sa

from magnum.clients.errors import CloudRefused, CloudUnavailable
from magnum.db import models
from magnum.domain.parameters import Upgrade
from magnum.operations.accept.errors import MastersUnfinished
from magnum.operations.healer import NOT_REPLACED
from tests.fakes.cloud import FakeHeat
from tests.fakes.reporters import Reporters
from tests.operations.conftest import World, error_of
from tests.operations.lost_masters import (
    DOWN,
    begin,
    come_back,
    complete,
    let_lost_go,
    to_be_healed,
)
from tests.operations.test_healing import Conductor, begin_and_fail, lose
from tests.operations.test_new_masters import own_baymodel, renew, settle, succeed, told

pytestmark = pytest.mark.slow


@pytest.fixture
def uuid(world: World, monkeypatch: pytest.MonkeyPatch) -> str:
    """A bay of three masters and three workers, to be healed."""
    return to_be_healed(world, monkeypatch, 3)


@pytest.fixture
def conductor(world: World) -> Conductor:
    return Conductor(world)


def failed(
    world: World, uuid: str, nodes: Reporters, conductor: Conductor, lost: str
) -> models.Operation:
    """The new master does not come up."""
    lose(world, nodes, lost)
    asked = begin(world, uuid, conductor)
    let_lost_go(world, nodes, lost)
    settle(world)
    nodes.boot(lost, asked.uuid)
    nodes.report(lost, state='failed', step='50-etcd', lines=['no quorum'])
    settle(world)
    assert error_of(world.again(asked))['resource'] == lost
    return asked


def test_a_failure_is_left_to_somebody_who_tries_again(
    world: World, uuid: str, nodes: Reporters, conductor: Conductor
) -> None:
    world.conf.set_override('heal_pause', 0, 'nodes')
    world.conf.set_override('heal_retries', 0, 'nodes')
    lost = nodes.masters[1]
    asked = failed(world, uuid, nodes, conductor, lost)
    lose(world, nodes, lost)
    assert world.bay(uuid).status == 'UPDATE_FAILED'
    assert [conductor.heal(), conductor.heal()] == [0, 0]
    (told_once,) = world.rows(models.Event, kind=NOT_REPLACED)
    assert told_once.operation_uuid == asked.uuid
    with pytest.raises(MastersUnfinished) as refused:
        world.ask('resize', uuid, 4)
    assert refused.value.operation_uuid == asked.uuid
    again = world.about('retry', asked)
    world.go_on_soon()
    let_lost_go(world, nodes, lost)
    found = told(world, uuid)
    assert (found['master_revision'], sorted(found['kept_masters'])) == (2, ['0', '2'])
    come_back(world, nodes, lost, again)
    assert world.again(again).state == 'SUCCEEDED'


def fail_again(
    world: World, uuid: str, nodes: Reporters, lost: str
) -> models.Operation:
    """What the healer has just begun ends as it did before."""
    world.go_on_soon()
    world.go_on_soon()
    asked = world.operations(uuid)[-1]
    let_lost_go(world, nodes, lost)
    settle(world)
    nodes.boot(lost, asked.uuid)
    nodes.report(lost, state='failed', step='50-etcd', lines=['no quorum'])
    settle(world)
    assert world.again(asked).state == 'FAILED'
    return asked


def test_a_failure_is_tried_again_some_times(
    world: World, uuid: str, nodes: Reporters, conductor: Conductor
) -> None:
    """After the pause, and while the others serve; the user is told what is left to him."""
    lost, other = nodes.masters[1], nodes.masters[2]
    failed(world, uuid, nodes, conductor, lost)
    assert conductor.heal() == 0, 'so soon'
    world.conf.set_override('heal_pause', 0, 'nodes')
    nodes.report(other, conditions={'ControlPlane': DOWN})
    assert conductor.heal() == 0
    nodes.report(other)
    assert conductor.heal() == 1
    second = world.operations(uuid)[-1]
    assert (second.user_id, Upgrade.of(second).nodes) == (None, ('1',))
    assert fail_again(world, uuid, nodes, lost).uuid == second.uuid
    assert conductor.heal() == 1
    third = fail_again(world, uuid, nodes, lost)
    assert [conductor.heal(), conductor.heal()] == [0, 0]
    (event,) = world.rows(models.Event, kind=NOT_REPLACED)
    assert event.operation_uuid == third.uuid


@pytest.mark.parametrize('returns', [False, True])
def test_a_failure_before_anything_was_done_is_tried_again(
    world: World, uuid: str, nodes: Reporters, conductor: Conductor, returns: bool
) -> None:
    """Once the others serve; one that reports again by then stays."""
    world.conf.set_override('heal_pause', 0, 'nodes')
    lost, other = nodes.masters[1:]
    lose(world, nodes, lost)
    assert conductor.heal() == 1
    first = world.operations(uuid)[-1]
    lose(world, nodes, lost, other)
    world.go_on_soon()
    world.go_on_soon()
    assert error_of(world.again(first))['resource'] == other
    assert set(world.statuses(uuid).values()) >= {'UPDATE_FAILED'}
    assert conductor.heal() == 0, 'the other does not serve yet'
    nodes.report(other)
    if returns:
        nodes.report(lost)
    assert conductor.heal() == 1
    again = world.operations(uuid)[-1]
    assert Upgrade.of(again).nodes == Upgrade.of(again).if_silent == ('1',)
    world.go_on_soon()
    world.go_on_soon()
    if not returns:
        let_lost_go(world, nodes, lost)
        come_back(world, nodes, lost, again)
    assert world.again(again).state == 'SUCCEEDED'
    assert set(world.statuses(uuid).values()) == {'UPDATE_COMPLETE'}
    assert world.cloud.calls.count('orchestration.replace_stack') == (not returns)


@pytest.mark.parametrize('by', ['user', 'service'])
def test_one_that_was_let_go_is_replaced_although_it_reports_again(
    world: World, uuid: str, nodes: Reporters, conductor: Conductor,
    monkeypatch: pytest.MonkeyPatch, by: str,
) -> None:
    """It is in the cluster no more, and only a new one comes in."""
    world.conf.set_override('heal_pause', 0, 'nodes')
    lost = nodes.masters[1]
    lose(world, nodes, lost)
    with monkeypatch.context() as patch:
        patch.setattr(FakeHeat, 'replace', _no_heat)
        asked = begin(world, uuid, conductor)
        let_lost_go(world, nodes, lost)
        world.pass_time(120)
        world.worker().turn()
    assert world.again(asked).state == 'FAILED'
    with world.database.writing() as session:       # a refusal is not tried again by itself
        row = session.merge(world.again(asked))
        row.error = {**(row.error or {}), 'retryable': True}
    nodes.report()
    if by == 'user':
        world.about('retry', asked)
    else:
        assert conductor.heal() == 1
    again = world.operations(uuid)[-1]
    world.go_on_soon()
    world.go_on_soon()
    let_lost_go(world, nodes, lost)
    come_back(world, nodes, lost, again)
    assert world.again(again).state == 'SUCCEEDED'
    assert not world.rows(models.Event, kind='bay.node.returned')
    assert world.cloud.calls.count('orchestration.replace_stack') == 1


def _no_heat(*_: object) -> None:
    raise CloudRefused('orchestration', 'no such property')


def test_a_second_attempt_mends_it(
    world: World, uuid: str, nodes: Reporters, conductor: Conductor
) -> None:
    """Nobody has to do anything, and resizes go on."""
    world.conf.set_override('heal_pause', 0, 'nodes')
    lost = nodes.masters[1]
    failed(world, uuid, nodes, conductor, lost)
    assert conductor.heal() == 1
    world.go_on_soon()
    world.go_on_soon()
    again = world.operations(uuid)[-1]
    let_lost_go(world, nodes, lost)
    come_back(world, nodes, lost, again)
    assert world.again(again).state == 'SUCCEEDED'
    assert world.bay(uuid).status == 'UPDATE_COMPLETE'
    world.ask('resize', uuid, 4)


@pytest.mark.parametrize('why', ['cancelled', 'not retryable', 'not wanted', 'to go'])
def test_a_failure_that_is_not_tried_again(
    world: World, uuid: str, nodes: Reporters, conductor: Conductor, why: str
) -> None:
    world.conf.set_override('heal_pause', 0, 'nodes')
    asked = failed(world, uuid, nodes, conductor, nodes.masters[1])
    all_values: dict[str, dict[str, Any]] = {
        'cancelled': {'state': 'CANCELLED'},
        'not retryable': {'error': {**error_of(world.again(asked)), 'retryable': False}},
        'not wanted': {}, 'to go': {},
    }
    with world.database.writing() as session:
        row = session.merge(world.again(asked))
        for name, value in all_values[why].items():
            setattr(row, name, value)
        if why == 'not wanted':
            session.merge(world.bay(uuid)).labels = {}
        if why == 'to go':      # a delete of the bay has failed
            session.merge(world.bay(uuid)).status = 'DELETE_FAILED'
    assert conductor.heal() == 0


@pytest.mark.parametrize('attempts', [1, 2])
def test_what_heat_refuses_is_in_nobodys_way(
    world: World, uuid: str, nodes: Reporters, conductor: Conductor,
    monkeypatch: pytest.MonkeyPatch, attempts: int,
) -> None:
    """Nothing is half-made then. Where an answer never came, it may be."""
    answers: list[Exception] = [CloudRefused('orchestration', 'no such property')]
    if attempts == 2:
        answers.insert(0, CloudUnavailable('orchestration', 'no answer'))

    def refused(*_: object) -> None:
        raise answers.pop(0)

    monkeypatch.setattr(FakeHeat, 'replace', refused)
    lost = nodes.masters[1]
    lose(world, nodes, lost)
    asked = begin(world, uuid, conductor)
    let_lost_go(world, nodes, lost)
    for _ in range(4):
        world.pass_time(120)
        world.worker().turn()
    assert world.again(asked).state == 'FAILED'
    assert not answers
    if attempts == 2:
        with pytest.raises(MastersUnfinished):
            world.ask('resize', uuid, 4)
        return
    assert world.ask('resize', uuid, 4).state == 'QUEUED'


def test_nothing_is_added_to_an_upgrade_that_ended_half_way(
    world: World, uuid: str, nodes: Reporters, conductor: Conductor
) -> None:
    """Even if the bay has changed since, and is complete."""
    world.conf.set_override('heal_pause', 0, 'nodes')
    world.conf.set_override('heal_retries', 0, 'nodes')
    lost = nodes.masters[1]
    failed(world, uuid, nodes, conductor, lost)
    with world.database.writing() as session:
        session.execute(sa.update(models.Bay).values(
            status='UPDATE_COMPLETE', status_reason=None
        ))
    lose(world, nodes, lost)
    assert conductor.heal() == 0
    succeed(world, world.ask('upgrade', uuid, own_baymodel(world, uuid)))
    complete(world, uuid)
    assert conductor.heal() == 1


def test_one_that_an_upgrade_has_left_is_finished_too(
    world: World, uuid: str, nodes: Reporters, conductor: Conductor
) -> None:
    """Heat makes it anew in any case."""
    left = nodes.masters[1]
    failed(world, uuid, nodes, conductor, left)
    asked = world.ask(
        'upgrade', uuid, own_baymodel(world, uuid),
        nodegroup_uuid=world.nodegroup('default-master').uuid, nodes=('2',),
    )
    world.go_on_soon()
    world.go_on_soon()
    (masters,) = Upgrade.of(world.again(asked)).groups
    assert (masters.batch, masters.later, masters.staying) == (('1',), ('2', '0'), ('0',))


def test_a_baymodel_that_changes_meanwhile(
    world: World, uuid: str, nodes: Reporters, conductor: Conductor
) -> None:
    lose(world, nodes, nodes.masters[1])
    assert conductor.heal() == 1
    with world.database.writing() as session:
        session.execute(sa.update(models.Baymodel).values(image_id='another'))
    world.go_on_soon()
    (operation,) = world.rows(models.Operation, verb='upgrade')
    assert error_of(operation)['code'] == 'plan_refused'
    assert 'orchestration.replace_stack' not in world.cloud.calls
    assert conductor.heal() == 0


def test_a_failed_worker_waits_for_masters_that_are_half_made(
    world: World, uuid: str, nodes: Reporters, conductor: Conductor
) -> None:
    """A change of workers would have Heat make a master that cannot join."""
    world.conf.set_override('heal_pause', 0, 'nodes')
    world.conf.set_override('drain_timeout', 0, 'nodes')
    begin_and_fail(world, uuid, nodes, conductor)
    nodes.report()
    asked = renew(world, uuid)
    ((master, given),) = nodes.told().items()
    nodes.result(master, given['id'])
    world.go_on_soon()
    settle(world)
    nodes.boot(nodes.masters[0], asked.uuid)
    nodes.report(nodes.masters[0], state='failed', step='50-etcd', lines=['no quorum'])
    settle(world)
    assert world.again(asked).state == 'FAILED'
    assert world.statuses(uuid)['default-worker'] == 'UPDATE_FAILED'
    assert conductor.heal() == 0
    assert world.operations(uuid)[-1].uuid == asked.uuid
