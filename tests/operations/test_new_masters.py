"""Masters are replaced one at a time: by others of another image, or where one is lost."""

import dataclasses
import datetime
from collections.abc import Sequence
from typing import Any

import pytest
import sqlalchemy as sa

from magnum.db import models
from magnum.domain.stack_names import short_id
from magnum.operations.accept.errors import MastersUnfinished
from tests.fakes.driver import FakeDriver
from tests.fakes.reporters import Reporters
from tests.operations.conftest import World, error_of

pytestmark = pytest.mark.slow

MASTERS = 3
LONG_AGO = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)


@pytest.fixture
def uuid(world: World, monkeypatch: pytest.MonkeyPatch) -> str:
    """A bay of three masters, which can be replaced, and two workers."""
    return replaceable(world, monkeypatch, masters=MASTERS, workers=2)


def replaceable(
    world: World, monkeypatch: pytest.MonkeyPatch, masters: int, workers: int
) -> str:
    """A bay of masters that can be replaced, if they are not too few."""
    made = world.built(workers=workers)
    count(world, masters)
    able = dataclasses.replace(FakeDriver.capabilities, upgrades=('master', 'worker'))
    monkeypatch.setattr(FakeDriver, 'capabilities', able)
    monkeypatch.setattr(FakeDriver, 'nodes_report', lambda driver, version: True)
    return made


def count(world: World, masters: int) -> None:
    with world.database.writing() as session:
        session.execute(
            sa.update(models.Nodegroup).filter_by(name='default-master').values(node_count=masters)
        )


def silence(world: World, name: str, is_silent: bool = True) -> None:
    with world.database.writing() as session:
        session.execute(sa.update(models.Node).filter_by(name=name).values(is_silent=is_silent))


def own_baymodel(world: World, uuid: str) -> models.Baymodel:
    (found,) = world.rows(models.Baymodel, uuid=world.bay(uuid).baymodel_id)
    baymodel: models.Baymodel = found
    return baymodel


def succeed(world: World, operation: models.Operation) -> None:
    """It is done, however."""
    with world.database.writing() as session:
        session.execute(sa.update(models.Operation).filter_by(uuid=operation.uuid).values(
            state='SUCCEEDED', active_for=None
        ))


def with_another_group(world: World, uuid: str) -> None:
    """It has a node group, "gpu", in a stack of its own."""
    succeed(world, world.add_nodegroup(uuid))
    with world.database.writing() as session:
        session.merge(world.nodegroup('gpu')).stack_id = 'stack-of-gpu'


def renew(world: World, uuid: str) -> models.Operation:
    """New masters as they are: the bay's own template, and their node group alone."""
    asked: models.Operation = world.ask(
        'upgrade', uuid, own_baymodel(world, uuid),
        nodegroup_uuid=world.nodegroup('default-master').uuid,
    )
    world.go_on_soon()
    world.go_on_soon()
    return asked


def check(world: World, masters: Sequence[str], nodes: Reporters, **refusals: Any) -> None:
    """Masters say at once whether they can be upgraded, and a conductor goes on.

    :param refusals: what else one says, by its index.
    """
    asked = world.rows(models.Directive, verb='check', outcome=None)
    assert {one.node for one in asked} == {*masters}
    assert world.rows(models.Directive, verb='upgrade', outcome=None) == []
    for one in asked:
        nodes.result(one.node, one.uuid, **refusals.get(one.node.rpartition('-')[2], {}))
    world.go_on_soon()


def let_go(world: World, nodes: Reporters, master: str) -> None:
    """Another master drains one, and takes it out of the cluster."""
    for verb in ('drain', 'remove'):
        ((name, given),) = nodes.told().items()
        assert name != master
        assert (given['verb'], given['parameters']['nodes']) == (verb, [master])
        nodes.result(name, given['id'])
        world.go_on_soon()


def settle(world: World) -> None:
    """Heat does what it was asked, and a conductor what is due."""
    world.cloud.settle()
    world.pass_time(30)
    world.worker().watch()
    world.worker().turn()


def told(world: World, uuid: str) -> dict[str, Any]:
    """Parameters of the bay's stack."""
    parameters: dict[str, Any] = world.stack(short_id(uuid))['parameters']
    return parameters


def test_one_at_a_time_and_then_the_workers(
    world: World, uuid: str, nodes: Reporters
) -> None:
    asked = world.ask('upgrade', uuid, world.new_baymodel(), max_batch_size=2)
    world.go_on_soon()
    world.go_on_soon()
    assert world.statuses(uuid)['default-master'] == 'UPDATE_IN_PROGRESS'
    for number, master in enumerate(nodes.masters):
        assert told(world, uuid)['image'] == 'debian', 'workers follow'
        let_go(world, nodes, master)
        later = [str(index) for index in range(number + 1, MASTERS)]
        found = told(world, uuid)
        assert (found['master_image'], found['master_revision']) == ('debian-13', 1)
        assert found['kept_masters'] == dict.fromkeys(later, 'as made')
        settle(world)
        assert nodes.told() == {}, 'nobody is told anything before the new one is ready'
        nodes.boot(master, asked.uuid)
        nodes.report(master)
        settle(world)
        world.go_on_soon()
    assert world.nodegroup('default-master').image_id == 'debian-13'
    assert world.statuses(uuid)['default-worker'] == 'UPDATE_IN_PROGRESS'


def test_who_lets_masters_go_stays_the_longest(
    world: World, uuid: str, nodes: Reporters
) -> None:
    """What it keeps of etcd before the first one goes is there as long as it can be."""
    asked = renew(world, uuid)
    first, _, third = nodes.masters
    by = []
    for master in nodes.masters:
        ((name, _),) = nodes.told().items()
        by.append(name)
        let_go(world, nodes, master)
        settle(world)
        nodes.boot(master, asked.uuid)
        nodes.report(master)
        settle(world)
        world.go_on_soon()
    assert by == [third, first, first]


def test_what_a_master_notes_is_told(world: World, uuid: str, nodes: Reporters) -> None:
    renew(world, uuid)
    first, _, third = nodes.masters
    nodes.result(third, nodes.told()[third]['id'], lines=['pod "a" evicted'])
    world.go_on_soon()
    lines = ['node "x" deleted', 'note what etcd has is kept in /a/b.db']
    nodes.result(third, nodes.told()[third]['id'], lines=lines)
    world.go_on_soon()
    assert [
        event.message for event in world.rows(models.Event, bay_uuid=uuid)
        if event.kind in ('bay.upgrade.drained', 'bay.upgrade.removed')
    ] == [
        f'drained: {first}',
        f'removed from the cluster: {first}; {third}: what etcd has is kept in /a/b.db',
    ]


def test_masters_stay_where_nothing_of_them_changes(
    world: World, uuid: str, nodes: Reporters
) -> None:
    world.ask('upgrade', uuid, world.new_baymodel(image_id='debian', labels={'a': 'b'}))
    world.go_on_soon()
    assert world.statuses(uuid)['default-master'] == 'CREATE_COMPLETE'
    assert world.statuses(uuid)['default-worker'] == 'UPDATE_IN_PROGRESS'


def test_two_masters_stay(world: World, uuid: str, nodes: Reporters) -> None:
    """One that is left would not serve alone."""
    count(world, 2)
    world.ask('upgrade', uuid, world.new_baymodel())
    world.go_on_soon()
    assert world.statuses(uuid)['default-master'] == 'CREATE_COMPLETE'
    assert world.nodegroup('default-master').image_id == 'debian'


def test_masters_that_do_not_report_stay(
    world: World, uuid: str, nodes: Reporters, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of early releases."""
    monkeypatch.setattr(FakeDriver, 'nodes_report', lambda driver, version: False)
    world.ask('upgrade', uuid, world.new_baymodel())
    world.go_on_soon()
    assert world.statuses(uuid)['default-worker'] == 'UPDATE_IN_PROGRESS'
    assert world.statuses(uuid)['default-master'] == 'CREATE_COMPLETE'


@pytest.mark.parametrize('condition', ['ControlPlane', 'Services'])
def test_a_master_that_does_not_serve_is_the_first(
    world: World, uuid: str, nodes: Reporters, condition: str
) -> None:
    down = {'status': 'False', 'reason': 'NotReady', 'message': 'magnum-etcd is failed'}
    nodes.report(nodes.masters[2], conditions={condition: down})
    renew(world, uuid)
    (given,) = nodes.told().values()
    assert given['parameters']['nodes'] == [nodes.masters[2]]


def test_a_lost_master_is_the_first(world: World, uuid: str, nodes: Reporters) -> None:
    lost = nodes.masters[1]
    silence(world, lost)
    asked = renew(world, uuid)
    last = nodes.masters[2]
    for verb in ('drain', 'remove'):
        (given,) = nodes.report(last)
        assert (given['verb'], given['parameters']['nodes']) == (verb, [lost])
        nodes.result(last, given['id'])
        world.go_on_soon()
    assert sorted(told(world, uuid)['kept_masters']) == ['0', '2']
    settle(world)
    nodes.boot(lost, asked.uuid)
    nodes.report()
    settle(world)
    assert world.operations(uuid)[-1].state == 'QUEUED', 'the others follow'


def test_none_is_replaced_while_two_are_lost(
    world: World, uuid: str, nodes: Reporters
) -> None:
    first, _, last = nodes.masters
    for name in (first, last):
        silence(world, name)
    asked = renew(world, uuid)
    error = error_of(world.again(asked))
    assert (error['code'], error['resource']) == ('node_silent', last)
    assert 'orchestration.replace_stack' not in world.cloud.calls


def test_none_is_replaced_while_another_does_not_serve(
    world: World, uuid: str, nodes: Reporters
) -> None:
    down = {'status': 'False', 'reason': 'APINotReady', 'message': 'etcd'}
    for name in nodes.masters[1:]:      # the first of them would be replaced
        nodes.report(name, conditions={'ControlPlane': down})
    asked = renew(world, uuid)
    assert world.again(asked).state == 'QUEUED', 'it may do so in a moment'
    with world.database.writing() as session:
        session.execute(sa.update(models.OperationStep).values(started_at=LONG_AGO))
    world.go_on_soon()
    error = error_of(world.again(asked))
    assert (error['code'], error['resource']) == ('node_failed', nodes.masters[2])
    assert 'orchestration.replace_stack' not in world.cloud.calls


@pytest.mark.parametrize('how', ['failed', 'silent'])
def test_a_master_that_the_others_do_not_let_go_stays(
    world: World, uuid: str, nodes: Reporters, how: str
) -> None:
    renew(world, uuid)
    ((name, drain),) = nodes.told().items()
    nodes.result(name, drain['id'], outcome='failed', lines=['a budget forbids it'])
    world.go_on_soon()
    ((name, remove),) = nodes.told().items()
    assert remove['verb'] == 'remove', 'what could not be drained goes all the same'
    if how == 'failed':
        nodes.result(name, remove['id'], outcome='failed', lines=['no quorum'])
    else:
        with world.database.writing() as session:
            session.execute(sa.update(models.Directive).values(created_at=LONG_AGO))
    world.go_on_soon()
    error = error_of(world.operations(uuid)[-1])
    assert (error['code'], error['resource']) == ('node_failed', nodes.masters[0])
    assert ('no quorum' if how == 'failed' else 'did not say in time') in error['reason']
    assert 'orchestration.replace_stack' not in world.cloud.calls


def test_drains_that_are_switched_off_leave_the_removal(
    world: World, uuid: str, nodes: Reporters
) -> None:
    world.conf.set_override('drain_timeout', 0, 'nodes')
    renew(world, uuid)
    ((_, given),) = nodes.told().items()
    assert (given['verb'], given['parameters']) == ('remove', {'nodes': [nodes.masters[0]]})


def failed_half_way(world: World, uuid: str, nodes: Reporters) -> models.Operation:
    """An upgrade whose first new master does not come up."""
    asked = renew(world, uuid)
    let_go(world, nodes, nodes.masters[0])
    settle(world)
    nodes.boot(nodes.masters[0], asked.uuid)
    nodes.report(nodes.masters[0], state='failed', step='50-etcd', lines=['no quorum'])
    settle(world)
    assert error_of(world.again(asked))['resource'] == nodes.masters[0]
    return asked


def test_a_retry_replaces_the_one_that_failed_first(
    world: World, uuid: str, nodes: Reporters
) -> None:
    failed = failed_half_way(world, uuid, nodes)
    again = world.about('retry', failed)
    world.go_on_soon()
    first, *others = nodes.masters
    for verb in ('drain', 'remove'):
        (given,) = nodes.report(others[-1])
        assert (given['verb'], given['parameters']['nodes']) == (verb, [first])
        nodes.result(others[-1], given['id'])
        world.go_on_soon()
    assert told(world, uuid)['master_revision'] == 2
    settle(world)
    nodes.boot(first, again.uuid, 'third')
    for master in others:
        nodes.report()
        settle(world)
        world.go_on_soon()
        let_go(world, nodes, master)
        settle(world)
        nodes.boot(master, again.uuid)
    nodes.report()
    settle(world)
    assert world.again(again).state == 'SUCCEEDED'
    assert told(world, uuid)['kept_masters'] == {}


def test_workers_wait_until_the_masters_are_whole(
    world: World, uuid: str, nodes: Reporters
) -> None:
    """Heat would make the master again, which could not join."""
    failed_half_way(world, uuid, nodes)
    with pytest.raises(MastersUnfinished):
        world.ask('resize', uuid, 3)
    workers = world.nodegroup('default-worker').uuid
    with pytest.raises(MastersUnfinished):
        world.ask('upgrade', uuid, world.new_baymodel(), nodegroup_uuid=workers)
    world.add_nodegroup(uuid)     # has a stack of its own


def test_what_heat_was_not_asked_for_is_in_nobodys_way(
    world: World, uuid: str, nodes: Reporters
) -> None:
    asked = renew(world, uuid)
    world.about('cancel', asked)
    world.go_on_soon()
    assert world.again(asked).state == 'CANCELLED'
    world.ask('resize', uuid, 3)


def test_an_upgrade_of_another_group_does_not_hide_it(
    world: World, uuid: str, nodes: Reporters
) -> None:
    with_another_group(world, uuid)
    failed_half_way(world, uuid, nodes)
    succeed(world, world.ask(
        'upgrade', uuid, own_baymodel(world, uuid), nodegroup_uuid=world.nodegroup('gpu').uuid
    ))
    with pytest.raises(MastersUnfinished):
        world.ask('resize', uuid, 3)


def test_a_resize_that_waited_is_refused_then(
    world: World, uuid: str, nodes: Reporters
) -> None:
    asked = renew(world, uuid)
    waiting = world.ask('resize', uuid, 3)
    assert waiting.state == 'PENDING'
    let_go(world, nodes, nodes.masters[0])
    settle(world)
    nodes.boot(nodes.masters[0], asked.uuid)
    nodes.report(nodes.masters[0], state='failed', step='50-etcd', lines=['no quorum'])
    settle(world)
    assert world.again(asked).state == 'FAILED'
    error = error_of(world.again(waiting))
    assert 'retry that first' in error['reason']


def test_a_master_that_is_lost_in_a_release_upgrade_comes_back_with_it(
    world: World, uuid: str, nodes: Reporters
) -> None:
    first, second, third = nodes.masters
    target = world.new_baymodel(image_id='debian', labels={'kube_tag': 'v2'})
    failed = world.ask('upgrade', uuid, target)
    world.go_on_soon()
    check(world, nodes.masters, nodes)
    ((name, given),) = nodes.told().items()
    nodes.result(name, given['id'])
    silence(world, third)
    world.go_on_soon()
    assert error_of(world.again(failed))['resource'] == third
    assert error_of(world.again(renew(world, uuid)))['code'] == 'plan_refused', 'it has v1'

    masters = world.nodegroup('default-master').uuid
    world.ask('upgrade', uuid, target, nodegroup_uuid=masters)
    world.go_on_soon()
    check(world, (first, second), nodes)
    for master in (first, second):
        (given,) = nodes.report(master)
        assert given['verb'] == 'upgrade'
        nodes.result(master, given['id'])
        world.go_on_soon()
    world.go_on_soon()
    (given,) = nodes.report(second)
    assert (given['verb'], given['parameters']['nodes']) == ('drain', [third])


def test_another_upgrade_mends_masters_that_one_has_left(
    world: World, uuid: str, nodes: Reporters
) -> None:
    """Also one that changes nothing of them, and changes what masters take over in place."""
    failed_half_way(world, uuid, nodes)
    world.ask('upgrade', uuid, world.new_baymodel(image_id='debian', labels={'kube_tag': 'v2'}))
    world.go_on_soon()
    first, *others = nodes.masters
    check(world, others, nodes)
    for master in others:
        (given,) = nodes.report(master)
        assert given['verb'] == 'upgrade', 'the one that is made anew has it then'
        nodes.result(master, given['id'])
        world.go_on_soon()
    world.go_on_soon()
    (given,) = nodes.report(others[-1])
    assert (given['verb'], given['parameters']['nodes']) == ('drain', [first])
