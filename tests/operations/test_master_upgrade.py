"""Masters take another release over, one after the other, before any node is replaced."""

import datetime
from typing import Any

import pytest
import sqlalchemy as sa

from magnum.db import models
from magnum.domain.parameters import Upgrade
from magnum.domain.stack_names import short_id
from magnum.operations import half_made
from tests.fakes.reporters import Reporters
from tests.operations.conftest import World, error_of
from tests.operations.test_new_masters import check

pytestmark = pytest.mark.slow

MASTERS = 3
RELEASE = {'MAGNUM_KUBE_VERSION': 'v2'}


@pytest.fixture
def uuid(world: World) -> str:
    """A bay of three masters and two workers."""
    made = world.built(workers=2)
    with world.database.writing() as session:
        session.execute(
            sa.update(models.Nodegroup).filter_by(name='default-master').values(node_count=MASTERS)
        )
    return made


def upgrade(world: World, uuid: str, **more: Any) -> models.Operation:
    asked: models.Operation = world.ask(
        'upgrade', uuid, world.new_baymodel(labels={'kube_tag': 'v2'}), **more
    )
    world.go_on_soon()
    return asked


def ended(world: World, nodes: Reporters, master: str, **more: Any) -> None:
    """A master ends what it is told, and a conductor goes on."""
    nodes.result(master, nodes.told()[master]['id'], **more)
    world.go_on_soon()


def events(world: World, uuid: str) -> list[str]:
    return [
        event.message for event in world.rows(models.Event, bay_uuid=uuid)
        if event.kind.startswith('bay.upgrade.master')
    ]


def test_one_after_the_other_and_then_the_nodes(
    world: World, uuid: str, nodes: Reporters
) -> None:
    upgrade(world, uuid, max_batch_size=2)
    check(world, nodes.masters, nodes)
    for master in nodes.masters:
        ((name, given),) = nodes.told().items()
        assert name == master, 'one at a time, in the order of their indexes'
        assert given['verb'] == 'upgrade'
        assert given['parameters'] == {'settings': RELEASE, 'seconds': 1500}
        world.go_on_soon()
        assert nodes.told()[master]['id'] == given['id'], 'the same until its result'
        assert 'orchestration.replace_stack' not in world.cloud.calls
        assert world.bay(uuid).coe_version != 'v2'
        nodes.result(master, given['id'])
        world.go_on_soon()
    assert world.bay(uuid).coe_version == 'v2'
    world.go_on_soon()                                 # drained
    (drain,) = nodes.told().values()
    nodes.result(nodes.masters[0], drain['id'])
    world.go_on_soon()
    (remove,) = nodes.told().values()
    assert remove['verb'] == 'remove'
    nodes.result(nodes.masters[0], remove['id'])
    world.go_on_soon()
    told = world.stack(short_id(uuid))['parameters']
    assert told['masters'] == RELEASE, 'new nodes are told what the masters have'
    assert world.statuses(uuid)['default-worker'] == 'UPDATE_IN_PROGRESS'
    assert events(world, uuid) == [
        *(f'the master {name} is being upgraded' for name in nodes.masters),
        'all masters have v2',
    ]


REFUSAL = {'outcome': 'failed', 'lines': ['programs ask for what v2 leaves out']}


def test_no_master_is_upgraded_where_one_refuses(
    world: World, uuid: str, nodes: Reporters
) -> None:
    """Each API server knows what it was asked for, and no other."""
    asked = upgrade(world, uuid)
    given = nodes.told()
    assert list(given) == nodes.masters, 'all at once'
    for one in given.values():
        assert (one['verb'], one['parameters']) == ('check', {'settings': RELEASE})
    check(world, nodes.masters, nodes, **{'1': REFUSAL, '2': REFUSAL})
    error = error_of(world.again(asked))
    _, second, third = nodes.masters
    assert (error['code'], error['resource']) == ('node_failed', second)
    line = REFUSAL['lines'][0]
    assert error['reason'].endswith(f'this upgrade changed nothing: {line} | {third}: {line}')
    assert world.rows(models.Directive, verb='upgrade') == []
    assert nodes.told() == {}
    # It stands in the way of nothing else.
    with world.database.reading() as session:
        assert half_made.unfinished_upgrade(session, uuid) is None
    again = world.about('retry', asked)
    world.go_on_soon()
    check(world, nodes.masters, nodes)
    for master in nodes.masters:
        ended(world, nodes, master)
    assert world.bay(uuid).coe_version == 'v2'
    assert world.again(again).state == 'QUEUED', 'workers follow'


def test_all_masters_are_heard_before_the_first_is_upgraded(
    world: World, uuid: str, nodes: Reporters
) -> None:
    asked = upgrade(world, uuid)
    *some, last = world.rows(models.Directive, verb='check')
    for one in some:
        nodes.result(one.node, one.uuid)
    world.go_on_soon()
    assert world.rows(models.Directive, verb='upgrade') == []
    with world.database.writing() as session:
        session.merge(last).created_at -= datetime.timedelta(minutes=29)
    world.go_on_soon()
    error = error_of(world.again(asked))
    assert (error['code'], error['resource']) == ('node_silent', last.node)
    assert 'in 28 minutes whether it can be upgraded' in error['reason']


def test_masters_that_an_earlier_release_made_are_not_asked(
    world: World, uuid: str, nodes: Reporters
) -> None:
    """They look when it is their turn."""
    first, second, third = nodes.masters
    earlier = {'directives': 'drain reencrypt remove retire upgrade'}
    nodes.report(first, versions={})
    nodes.report(second, versions=earlier)
    upgrade(world, uuid)
    (asked,) = world.rows(models.Directive)
    assert (asked.verb, asked.node) == ('check', third)
    nodes.report(third, versions=earlier)       # of another server that is older
    world.go_on_soon()
    (given,) = world.rows(models.Directive, verb='upgrade')
    assert given.node == first


def test_nobody_is_asked_when_a_master_is_at_work(
    world: World, uuid: str, nodes: Reporters
) -> None:
    """A conductor of an earlier release began it."""
    first, second, third = nodes.masters
    for name in nodes.masters:
        nodes.report(name, versions={})
    upgrade(world, uuid)
    ended(world, nodes, first)
    assert nodes.told().keys() == {second}, 'they know more now'
    ended(world, nodes, second)
    ended(world, nodes, third)
    assert world.bay(uuid).coe_version == 'v2'
    assert world.rows(models.Directive, verb='check') == []


def test_each_master_has_its_own_time(world: World, uuid: str, nodes: Reporters) -> None:
    with world.database.writing() as session:
        session.execute(sa.update(models.Bay).values(create_timeout=1))
    asked = upgrade(world, uuid)
    check(world, nodes.masters, nodes)
    for master in nodes.masters:
        found = world.operations(uuid)[-1]
        assert found.deadline - asked.created_at > datetime.timedelta(minutes=25)
        world.pass_time(900)
        nodes.report()
        ended(world, nodes, master)
    assert world.bay(uuid).coe_version == 'v2'


def test_nothing_changes_for_masters(world: World, uuid: str, nodes: Reporters) -> None:
    world.ask('upgrade', uuid, world.new_baymodel())
    world.go_on_soon()
    world.go_on_soon()
    assert {given['verb'] for given in nodes.told().values()} == {'drain'}
    assert events(world, uuid) == []


def test_a_master_that_fails_ends_it_and_a_retry_goes_on(
    world: World, uuid: str, nodes: Reporters
) -> None:
    asked = upgrade(world, uuid)
    check(world, nodes.masters, nodes)
    first, second, _ = nodes.masters
    ended(world, nodes, first)
    lines = ['the step 60-control-plane failed:', 'unknown flag', 'it has v1 again']
    ended(world, nodes, second, outcome='failed', lines=lines)
    failed = world.operations(uuid)[-1]
    assert (failed.state, world.bay(uuid).status) == ('FAILED', 'UPDATE_FAILED')
    error = error_of(failed)
    assert (error['code'], error['resource']) == ('node_failed', second)
    assert 'unknown flag | it has v1 again' in error['reason']
    assert 'orchestration.replace_stack' not in world.cloud.calls

    world.about('retry', asked)
    world.go_on_soon()
    check(world, nodes.masters, nodes)
    for master in nodes.masters:
        ((name, given),) = nodes.told().items()
        assert (name, given['parameters']['settings']) == (master, RELEASE)
        nodes.result(master, given['id'])
        world.go_on_soon()
    assert world.bay(uuid).coe_version == 'v2'


def test_a_master_that_an_upgrade_broke_is_mended_first(
    world: World, uuid: str, nodes: Reporters
) -> None:
    """While it does not work none of the others may be told, and they would be before it."""
    asked = upgrade(world, uuid)
    check(world, nodes.masters, nodes)
    first, second, third = nodes.masters
    ended(world, nodes, first)
    down = {'ControlPlane': {'status': 'False', 'reason': 'APINotReady', 'message': 'refused'}}
    (given,) = nodes.report(second, conditions=down)
    nodes.result(second, given['id'], outcome='failed', lines=['it does not work either way'])
    world.go_on_soon()
    assert world.operations(uuid)[-1].state == 'FAILED'

    world.about('retry', asked)
    world.go_on_soon()
    check(world, nodes.masters, nodes)
    (given,) = nodes.report(second, conditions=down)
    world.go_on_soon()
    assert nodes.told()[second] == given, 'still at work, and says that it serves'
    world.go_on_soon()
    assert nodes.told().keys() == {second}
    nodes.result(second, given['id'])
    world.go_on_soon()
    for master in (first, third):
        ((name, given),) = nodes.told().items()
        assert name == master
        nodes.result(master, given['id'])
        world.go_on_soon()
    assert world.bay(uuid).coe_version == 'v2'


def test_another_upgrade_takes_back_what_one_left_half_done(
    world: World, uuid: str, nodes: Reporters
) -> None:
    """The first master has it, and the stack knows nothing of it."""
    world.ask(
        'upgrade', uuid, world.new_baymodel(labels={'kube_tag': 'v2', 'options': '--wrong'})
    )
    world.go_on_soon()
    check(world, nodes.masters, nodes)
    first, second, _ = nodes.masters
    ended(world, nodes, first)
    ended(world, nodes, second, outcome='failed')
    assert world.operations(uuid)[-1].state == 'FAILED'
    upgrade(world, uuid)
    check(world, nodes.masters, nodes)
    given = nodes.told()[first]['parameters']['settings']
    assert given == {**RELEASE, 'MAGNUM_OPTIONS': ''}


def test_no_way_back_while_a_master_has_the_release(
    world: World, uuid: str, nodes: Reporters
) -> None:
    """An upgrade to what the bay has would succeed, and all would think it has that."""
    own = world.rows(models.Baymodel, uuid=world.bay(uuid).baymodel_id)[0]
    asked = upgrade(world, uuid)
    check(world, nodes.masters, nodes)
    first, second, third = nodes.masters
    ended(world, nodes, first)
    ended(world, nodes, second, outcome='failed')
    world.ask('upgrade', uuid, own)
    world.go_on_soon()
    error = error_of(world.operations(uuid)[-1])
    assert error['code'] == 'plan_refused'
    assert f'{first} may have it. Name its baymodel' in error['reason']
    (target,) = world.rows(models.Baymodel, uuid=Upgrade.of(asked).baymodel)
    world.ask('upgrade', uuid, target)
    world.go_on_soon()
    check(world, nodes.masters, nodes)
    for master in (first, second, third):
        ended(world, nodes, master)
    assert world.bay(uuid).coe_version == 'v2'


def test_back_to_what_all_masters_have(world: World, uuid: str, nodes: Reporters) -> None:
    """The first one did not take the release over, and the others were not asked."""
    own = world.rows(models.Baymodel, uuid=world.bay(uuid).baymodel_id)[0]
    upgrade(world, uuid)
    check(world, nodes.masters, nodes)
    ended(world, nodes, nodes.masters[0], outcome='failed')
    world.ask('upgrade', uuid, own)
    world.go_on_soon()
    world.go_on_soon()
    assert world.operations(uuid)[-1].state == 'QUEUED'
    assert [given['verb'] for given in nodes.told().values()] == ['drain']


def test_one_at_a_time_whatever_an_earlier_upgrade_ended_at(
    world: World, uuid: str, nodes: Reporters
) -> None:
    asked = upgrade(world, uuid)
    check(world, nodes.masters, nodes)
    first, second, _ = nodes.masters
    ended(world, nodes, first)
    ended(world, nodes, second, outcome='failed')
    world.about('retry', asked)
    world.go_on_soon()
    check(world, nodes.masters, nodes)
    assert nodes.told().keys() == {first}
    down = {'ControlPlane': {'status': 'False', 'reason': 'APINotReady', 'message': 'refused'}}
    assert nodes.report(second, conditions=down) == []
    world.go_on_soon()
    assert nodes.report(second, conditions=down) == []
    assert world.operations(uuid)[-1].state == 'QUEUED'


def test_a_check_that_nobody_answers_changes_nothing(
    world: World, uuid: str, nodes: Reporters
) -> None:
    asked = upgrade(world, uuid)
    with world.database.writing() as session:
        for given in session.scalars(sa.select(models.Directive).filter_by(verb='check')):
            given.created_at -= datetime.timedelta(seconds=1500 + 120 + 73)
    world.go_on_soon()
    assert error_of(world.again(asked))['code'] == 'node_silent'
    with world.database.reading() as session:
        assert half_made.unfinished_upgrade(session, uuid) is None


def test_a_master_that_says_nothing(world: World, uuid: str, nodes: Reporters) -> None:
    upgrade(world, uuid)
    check(world, nodes.masters, nodes)
    margin = 60     # seconds that a slow machine may take from here to the look
    with world.database.writing() as session:
        (given,) = session.scalars(sa.select(models.Directive).filter_by(verb='upgrade'))
        given.created_at -= datetime.timedelta(seconds=1500 + 120 + 72 - margin)
    world.go_on_soon()
    assert world.operations(uuid)[-1].state == 'QUEUED'
    with world.database.writing() as session:
        (given,) = session.scalars(sa.select(models.Directive).filter_by(verb='upgrade'))
        given.created_at -= datetime.timedelta(seconds=margin + 1)
    world.go_on_soon()
    error = error_of(world.operations(uuid)[-1])
    assert (error['code'], error['resource']) == ('node_silent', nodes.masters[0])


@pytest.mark.parametrize('how', ['silent', 'not working'])
def test_none_is_upgraded_while_another_does_not_work(
    world: World, uuid: str, nodes: Reporters, how: str
) -> None:
    last = nodes.masters[-1]
    if how == 'silent':
        with world.database.writing() as session:
            session.execute(sa.update(models.Node).filter_by(name=last).values(is_silent=True))
    else:
        down = {'status': 'False', 'reason': 'APINotReady', 'message': 'etcd'}
        nodes.report(last, conditions={'ControlPlane': down})
    upgrade(world, uuid)
    assert nodes.told() == {}
    error = error_of(world.operations(uuid)[-1])
    assert error['resource'] == last
    assert error['code'] == ('node_silent' if how == 'silent' else 'node_failed')


def test_one_that_was_upgraded_is_given_time_to_say_that_it_works(
    world: World, uuid: str, nodes: Reporters
) -> None:
    """Its result may come before its next report."""
    upgrade(world, uuid)
    check(world, nodes.masters, nodes)
    first, second, _ = nodes.masters
    down = {'status': 'False', 'reason': 'APINotReady', 'message': 'refused'}
    ((given,),) = [nodes.report(first, conditions={'ControlPlane': down})]
    nodes.result(first, given['id'])
    world.go_on_soon()
    assert world.operations(uuid)[-1].state == 'QUEUED', 'it is waited for'
    assert nodes.told() == {}              # all say that they work
    world.go_on_soon()
    ((name, given),) = nodes.told().items()
    assert name == second
    nodes.report(first, conditions={'ControlPlane': down})
    nodes.result(second, given['id'])
    with world.database.writing() as session:
        for one in session.scalars(sa.select(models.Directive).filter_by(verb='upgrade')):
            assert one.updated_at
            one.updated_at = one.updated_at - datetime.timedelta(minutes=3)
    world.go_on_soon()
    error = error_of(world.operations(uuid)[-1])
    assert (error['code'], error['resource']) == ('node_failed', first)


def test_masters_that_do_not_report(world: World, uuid: str) -> None:
    upgrade(world, uuid)
    error = error_of(world.operations(uuid)[-1])
    assert error['code'] == 'node_silent'
    assert '0 of 3 masters report' in error['reason']


def test_with_one_group_alone_too(world: World, uuid: str, nodes: Reporters) -> None:
    """As Horizon asks for every upgrade."""
    world.add_nodegroup(uuid)
    world.build(uuid)
    upgrade(world, uuid, nodegroup_uuid=world.nodegroup_of(uuid).uuid)
    check(world, nodes.masters, nodes)
    for master in nodes.masters:
        ended(world, nodes, master)
    assert world.bay(uuid).coe_version == 'v2'
    names = [one.name for one in Upgrade.of(world.operations(uuid)[-1]).groups]
    assert names == ['default-worker']


def test_cancelled_between_two_masters(world: World, uuid: str, nodes: Reporters) -> None:
    asked = upgrade(world, uuid)
    check(world, nodes.masters, nodes)
    first = nodes.masters[0]
    given = nodes.told()[first]
    world.about('cancel', asked)
    world.go_on_soon()
    assert world.operations(uuid)[-1].state == 'CANCELLED'
    assert f'Of the masters, {first} may be upgraded: retry this.' in str(
        world.bay(uuid).status_reason
    )
    assert nodes.told() == {}, 'the others are not told'
    nodes.result(first, given['id'])            # it was at work
    world.go_on_soon()
    assert nodes.told() == {}
