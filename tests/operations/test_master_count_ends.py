"""Another number of masters that is refused, cancelled, overtaken by a delete, or left alone."""

from typing import Any

import pytest
import sqlalchemy as sa

from magnum.db import models
from tests.fakes.driver import FakeDriver
from tests.fakes.reporters import Reporters
from tests.operations.conftest import Killed, World, error_of, mortal_claims
from tests.operations.test_master_count import (
    ask,
    be_done,
    come_up,
    do,
    learn,
    leave,
    masters,
    name_of,
)
from tests.operations.test_new_masters import count, settle, told

pytestmark = pytest.mark.slow


@pytest.fixture
def uuid(world: World, monkeypatch: pytest.MonkeyPatch) -> str:
    """A bay of three masters, which report."""
    made = world.built(workers=2)
    monkeypatch.setattr(FakeDriver, 'nodes_report', lambda driver, version: True)
    count(world, 3)
    return made


def forget_verbs(world: World, *names: str) -> None:
    """They are of an earlier release, which did not know the directive ``retire``."""
    with world.database.writing() as session:
        session.execute(
            sa.update(models.Node).where(models.Node.name.in_(names)).values(versions={})
        )


def test_masters_of_an_earlier_release_stay(world: World, uuid: str, nodes: Reporters) -> None:
    """Nobody is drained for it."""
    forget_verbs(world, *nodes.masters)
    asked = ask(world, uuid, 1)
    error = error_of(world.again(asked))
    assert error['code'] == 'plan_refused'
    assert 'made by an earlier release' in error['reason']
    assert nodes.told() == {}
    assert masters(world) == 3
    assert 'orchestration.replace_stack' not in world.cloud.calls


def test_one_that_stays_and_knows_how_is_enough(
    world: World, uuid: str, nodes: Reporters
) -> None:
    first, second, third = nodes.masters
    with world.database.writing() as session:
        session.execute(sa.update(models.Nodegroup).filter_by(name='default-master').values(
            node_count=5
        ))
    nodes = Reporters(world.conf, world.database, world.tools.certificates, uuid)
    nodes.report()
    forget_verbs(world, first, third)
    ask(world, uuid, 3)
    fifth = nodes.masters[4]
    with world.database.writing() as session:
        session.execute(sa.update(models.Directive).values(outcome='done'))
    world.go_on_soon()
    (retire,) = world.rows(models.Directive, verb='retire')
    assert (retire.node, retire.parameters['nodes']) == (second, [fifth])


def retired(world: World, uuid: str, nodes: Reporters) -> models.Operation:
    """One is out of the cluster, and Heat is not asked yet; the operation is cancelled."""
    asked = ask(world, uuid, 1)
    do(world, nodes, 'drain', name_of(nodes, 2))
    ((name, given),) = nodes.told().items()
    nodes.result(name, given['id'])
    world.about('cancel', asked)
    world.go_on_soon()
    ended = world.again(asked)
    assert ended.state == 'CANCELLED'
    assert f'may have left the cluster already: {name_of(nodes, 2)}' in error_of(ended)['reason']
    assert masters(world) == 3
    down = {'status': 'False', 'reason': 'NotReady', 'message': 'etcd'}
    nodes.report(name_of(nodes, 2), conditions={'ControlPlane': down, 'Services': down})
    return ended


def test_a_retry_goes_on_where_it_was_cancelled(
    world: World, uuid: str, nodes: Reporters
) -> None:
    again = world.about('retry', retired(world, uuid, nodes))
    for _ in range(3):
        world.go_on_soon()
    leave(world, nodes, name_of(nodes, 2))
    assert masters(world) == 2
    leave(world, nodes, name_of(nodes, 1))
    be_done(world, nodes, again)
    assert masters(world) == 1


def test_one_that_left_and_is_wanted_again_is_made_anew(
    world: World, uuid: str, nodes: Reporters
) -> None:
    """It is out of the cluster, and no member of it by being there."""
    retired(world, uuid, nodes)
    asked = ask(world, uuid, 3)
    do(world, nodes, 'retire', name_of(nodes, 2))
    world.go_on_soon()
    found = told(world, uuid)
    assert found['number_of_masters'] == 3
    assert found['kept_masters'].keys() == {'0', '1'}
    come_up(world, nodes, 2, asked)
    learn(world, nodes)
    world.go_on_soon()
    assert world.again(asked).state == 'SUCCEEDED', world.again(asked).error
    assert masters(world) == 3


def test_what_was_cancelled_before_it_changed_anything_is_taken_back(
    world: World, uuid: str, nodes: Reporters
) -> None:
    asked = ask(world, uuid, 5)
    world.about('cancel', asked)
    settle(world)
    world.go_on_soon()
    assert world.again(asked).state == 'CANCELLED'
    number = masters(world)
    asked = ask(world, uuid, 3)
    assert number in (3, 4)
    assert world.again(asked).state in ('QUEUED', 'WAITING', 'SUCCEEDED'), world.again(asked).error


def test_nothing_to_do_after_a_failure_ends_well(
    world: World, uuid: str, nodes: Reporters
) -> None:
    """It failed before a master was asked for."""
    count(world, 1)
    with world.database.writing() as session:
        session.execute(sa.update(models.Node).values(is_silent=True))
    asked = ask(world, uuid, 3)
    assert world.again(asked).state == 'FAILED'
    with world.database.writing() as session:
        session.execute(sa.update(models.Node).values(is_silent=False))
    asked = ask(world, uuid, 1)
    for name in [*nodes.told()]:
        assert name == nodes.masters[0]
        for one in nodes.report(name):
            nodes.result(name, one['id'])
        world.go_on_soon()
    assert world.again(asked).state == 'SUCCEEDED', world.again(asked).error
    assert world.statuses(uuid)['bay'] == 'UPDATE_COMPLETE'


@pytest.mark.parametrize('moment', ['draining', 'retired', 'asked'])
def test_a_delete_in_the_midst_leaves_nothing(
    world: World, uuid: str, nodes: Reporters, moment: str
) -> None:
    asked = ask(world, uuid, 1)
    if moment != 'draining':
        do(world, nodes, 'drain', name_of(nodes, 2))
    if moment == 'asked':
        do(world, nodes, 'retire', name_of(nodes, 2))
        world.go_on_soon()
    world.ask('delete', uuid)
    world.pass_time(300)
    world.build_all(uuid)
    assert not world.has_bay(uuid)
    assert world.again(asked).state == 'CANCELLED'
    assert list(world.cloud.living()) == []
    assert world.rows(models.Node) == world.rows(models.KeyPair) == []


#: Transactions in which one of three masters leaves.
TRANSACTIONS = 40


@pytest.mark.parametrize('position', range(4, TRANSACTIONS, 9))
def test_a_conductor_dies_anywhere_while_masters_leave(
    world: World, uuid: str, nodes: Reporters, position: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is drained, taken out and removed once, and the number that is shown is Heat's."""
    asked = world.ask('resize_masters', uuid, 1)
    doomed = world.worker('doomed')
    mortal_claims(doomed.claims, position, monkeypatch)

    def go_on(worker: Any) -> None:
        world.pass_time(10)
        worker.turn()
        shown = told(world, uuid).get('number_of_masters', 3)
        assert masters(world) in (shown, shown - 1)
        for name in nodes.masters:
            if int(name[-1]) >= shown:
                nodes.forget(name)
        for name, given in nodes.told().items():
            nodes.result(name, given['id'])
        world.cloud.settle()
        worker.watch()

    try:
        for _ in range(30):
            go_on(doomed)
    except Killed:
        world.pass_time(130)
    for _ in range(40):
        go_on(world.worker())
        if world.again(asked).state in ('SUCCEEDED', 'FAILED'):
            break
    assert world.again(asked).state == 'SUCCEEDED', world.again(asked).error
    assert masters(world) == told(world, uuid)['number_of_masters'] == 1
    given = [
        (one.verb, tuple(one.parameters['nodes']))
        for one in world.rows(models.Directive) if one.verb in ('drain', 'retire')
    ]
    assert given == [
        (verb, (name_of(nodes, index),)) for index in (2, 1) for verb in ('drain', 'retire')
    ]
    assert world.cloud.calls.count('orchestration.replace_stack') == 3
