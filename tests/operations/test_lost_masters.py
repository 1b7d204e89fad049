"""A master that nothing is heard of is replaced alone, where the bay asks for healing."""

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from magnum.clients.errors import CloudRefused, CloudUnavailable
from magnum.db import models
from magnum.db.repositories import node_watch
from magnum.domain.node_health import HEALING_POSSIBLE
from magnum.domain.parameters import Resize, Upgrade
from magnum.drivers.contract import PlanRefused
from magnum.operations import upgrading
from magnum.operations.accept.errors import MastersUnfinished
from magnum.operations.healer import EVENT, NOT_REPLACED
from magnum.operations.node_watcher import NodeWatcher
from tests.fakes.cloud import FakeHeat
from tests.fakes.driver import FakeDriver
from tests.fakes.reporters import Reporters
from tests.operations.conftest import Killed, World, error_of
from tests.operations.test_healing import Conductor, hear, lose
from tests.operations.test_new_masters import (
    own_baymodel,
    renew,
    replaceable,
    settle,
    succeed,
    told,
    with_another_group,
)

pytestmark = pytest.mark.slow

DOWN = {'status': 'False', 'reason': 'APINotReady', 'message': 'etcd'}


@pytest.fixture(params=[3])
def uuid(
    world: World, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> str:
    """A bay of three masters, or as many as a test says, and three workers, to be healed."""
    made = replaceable(world, monkeypatch, masters=request.param, workers=3)
    with world.database.writing() as session:
        session.merge(world.bay(made)).labels = {'auto_healing_enabled': 'true'}
    return made


@pytest.fixture
def conductor(world: World) -> Conductor:
    return Conductor(world)


def of(masters: int) -> pytest.MarkDecorator:
    return pytest.mark.parametrize('uuid', [masters], indirect=True)


def begin(world: World, uuid: str, conductor: Conductor) -> models.Operation:
    """The healer begins; a conductor goes on up to what another master is to do."""
    assert conductor.heal() == 1
    world.go_on_soon()
    world.go_on_soon()
    return world.operations(uuid)[-1]


def let_lost_go(world: World, nodes: Reporters, lost: str) -> None:
    """Another master drains one that is lost, and takes it out of the cluster."""
    other = next(name for name in nodes.masters if name != lost)
    for verb in ('drain', 'remove'):
        (given,) = nodes.report(other)
        assert (given['verb'], given['parameters']['nodes']) == (verb, [lost])
        nodes.result(other, given['id'])
        world.go_on_soon()


def come_back(world: World, nodes: Reporters, lost: str, operation: models.Operation) -> None:
    """Heat has made the server, and it is ready."""
    settle(world)
    nodes.boot(lost, operation.uuid)
    nodes.report()
    settle(world)


def heal(
    world: World, uuid: str, nodes: Reporters, conductor: Conductor, lost: str
) -> models.Operation:
    """From the loss to the end."""
    lose(world, nodes, lost)
    asked = begin(world, uuid, conductor)
    let_lost_go(world, nodes, lost)
    come_back(world, nodes, lost, asked)
    assert world.again(asked).state == 'SUCCEEDED'
    return asked


def values(world: World, uuid: str) -> tuple[dict[str, object], ...]:
    """What follows a baymodel in an upgrade: of the bay, and of each node group."""
    bay = world.bay(uuid)
    names = ('baymodel_id', 'labels', 'kept', 'flavor_id', 'master_flavor_id',
             'docker_volume_size')
    return (
        {name: getattr(bay, name) for name in names},
        *map(upgrading.columns_of, world.rows(models.Nodegroup, bay_uuid=uuid)),
    )


def complete(world: World, uuid: str) -> None:
    """Let the bay be complete, whatever has failed."""
    with world.database.writing() as session:
        session.merge(world.bay(uuid)).status = 'UPDATE_COMPLETE'


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
    (given,) = nodes.report(second)
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


@pytest.mark.parametrize(('uuid', 'found'), [(2, 0), (3, 1)], indirect=['uuid'])
def test_no_look_finds_a_master_that_cannot_be_replaced(
    world: World, uuid: str, nodes: Reporters, found: int
) -> None:
    """It may be silent for months; each look would lock the bay."""
    lose(world, nodes, nodes.masters[1])
    with world.database.reading() as session:
        assert len(node_watch.silent_nodes(session, upgrading.FEWEST_MASTERS)) == found


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
