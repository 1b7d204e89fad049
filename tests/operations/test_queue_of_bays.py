"""Upgrades and rotations, which are about a whole bay, and wait for their turn."""

import pytest

from magnum.db import models
from magnum.db.repositories import node_trust
from magnum.domain.parameters import Upgrade
from magnum.operations.accept.errors import (
    NodegroupNotCreated,
    NotRetryable,
    OperationInProgress,
)
from tests.operations.conftest import World, error_of


@pytest.fixture
def uuid(world: World) -> str:
    """A bay that is built."""
    made = world.create(name='bay')
    world.build(made)
    return made


def _expect(world: World, uuid: str) -> None:
    """As a rotation leaves it that stopped half-way."""
    with world.database.writing() as session:
        node_trust.expect(session, uuid, [('master', 'bay-master-0')])
        node_trust.confirm(session, uuid, 'master', 'bay-master-0', 'earlier')


# A rotation of the authority ends with the word of nodes; its turn is in test_side_by_side.
@pytest.mark.parametrize('verb', ['upgrade', 'rotate_credential'])
def test_what_concerns_the_bay_waits_for_changes_of_groups(
    world: World, uuid: str, verb: str
) -> None:
    world.ask('resize', uuid, 3)
    world.worker().turn()
    world.add_nodegroup(uuid)
    asked = world.ask_of_bay(verb, uuid)
    world.ask('resize', uuid, 2)            # this one goes on behind it
    assert world.history(uuid) == [
        ('resize', 'WAITING'), ('create_nodegroup', 'PENDING'), (verb, 'PENDING'),
        ('resize', 'PENDING'),
    ]
    assert world.bay(uuid).status == 'UPDATE_IN_PROGRESS'
    world.build_all(uuid)
    assert {state for _, state in world.history(uuid)} == {'SUCCEEDED'}
    ended = sorted(world.operations(uuid)[1:], key=lambda one: str(one.finished_at))
    assert [one.verb for one in ended] == ['resize', 'create_nodegroup', verb, 'resize']
    assert world.bay(uuid).status == 'UPDATE_COMPLETE'
    assert world.nodegroup('default-worker').node_count == 2
    if verb == 'upgrade':                   # of the node group, too, that was made before it
        assert world.bay(uuid).baymodel_id == Upgrade.of(asked).baymodel
        assert {one.name for one in Upgrade.of(world.again(asked)).groups} == {
            'default-worker', 'gpu',
        }


@pytest.mark.parametrize('verbs', [
    ('upgrade', 'rotate_credential'), ('rotate_credential', 'upgrade'),
])
def test_what_concerns_the_bay_waits_for_its_like(
    world: World, uuid: str, verbs: tuple[str, ...]
) -> None:
    for verb in verbs:
        world.ask_of_bay(verb, uuid)
    assert [state for _, state in world.history(uuid)] == ['QUEUED', 'PENDING']
    world.build_all(uuid)
    assert world.history(uuid) == [(verb, 'SUCCEEDED') for verb in verbs]


def test_a_waiting_upgrade_goes_on_after_a_failure(world: World, uuid: str) -> None:
    world.ask('resize', uuid, 3)
    upgrade = world.ask_of_bay('upgrade', uuid)
    world.fail()
    assert world.again(upgrade).state == 'QUEUED'
    assert world.bay(uuid).status == 'UPDATE_IN_PROGRESS'
    assert world.bay(uuid).status_reason, 'what failed meanwhile is remembered'
    world.build_all(uuid)
    assert world.again(upgrade).state == 'SUCCEEDED'
    # It has made the node group whole that the resize had left.
    assert (world.bay(uuid).status, world.bay(uuid).status_reason) == ('UPDATE_COMPLETE', None)


@pytest.mark.parametrize('verb', ['rotate_ca', 'rotate_credential'])
def test_a_rotation_does_not_follow_an_upgrade_that_failed(
    world: World, uuid: str, verb: str
) -> None:
    upgrade = world.ask_of_bay('upgrade', uuid)
    rotation = world.ask_of_bay(verb, uuid)
    world.fail()
    assert (world.again(upgrade).state, world.again(rotation).state) == ('FAILED', 'FAILED')
    assert 'retry that first' in error_of(world.again(rotation))['reason']
    assert world.bay(uuid).status == 'UPDATE_FAILED'
    world.about('retry', upgrade)
    world.build_all(uuid)
    assert world.bay(uuid).status == 'UPDATE_COMPLETE'


def test_an_upgrade_does_not_follow_a_rotation_that_failed(world: World, uuid: str) -> None:
    rotation = world.ask_of_bay('rotate_ca', uuid)
    upgrade = world.ask_of_bay('upgrade', uuid)
    worker = world.worker()
    worker.turn()
    world.pass_time(7200)                       # no node has followed
    worker.watch()
    worker.turn()
    assert (world.again(rotation).state, world.again(upgrade).state) == ('FAILED', 'FAILED')
    reason = error_of(world.again(rotation))['reason']
    assert reason in (world.bay(uuid).status_reason or ''), 'the first reason stays'
    assert world.bay(uuid).status == 'UPDATE_FAILED'
    assert world.about('retry', rotation).state == 'QUEUED'


def test_what_stood_behind_a_cancelled_one_goes_on(world: World, uuid: str) -> None:
    world.add_nodegroup(uuid)
    world.build(uuid)
    world.ask('resize', uuid, 3)
    upgrade = world.ask_of_bay('upgrade', uuid)
    behind = world.ask('resize', uuid, 3, nodegroup_uuid=world.nodegroup('gpu').uuid)
    assert behind.state == 'PENDING'
    world.about('cancel', upgrade)
    assert world.again(behind).state == 'QUEUED'    # beside the first


def test_a_rotation_follows_an_upgrade_that_was_not_begun(world: World, uuid: str) -> None:
    upgrade = world.ask_of_bay('upgrade', uuid)
    rotation = world.ask_of_bay('rotate_credential', uuid)
    world.about('cancel', upgrade)
    world.build_all(uuid)
    assert world.again(rotation).state == 'SUCCEEDED'


def test_nodes_are_expected_anew_when_a_rotation_has_its_turn(world: World, uuid: str) -> None:
    _expect(world, uuid)
    world.ask('resize', uuid, 3)
    rotation = world.ask_of_bay('rotate_ca', uuid)
    assert [row.bundle for row in world.rows(models.NodeTrust)] == ['earlier']
    world.about('cancel', rotation)
    assert [row.bundle for row in world.rows(models.NodeTrust)] == ['earlier']
    world.build_all(uuid)
    rotation = world.ask_of_bay('rotate_ca', uuid)
    world.worker().turn()
    assert 'earlier' not in {row.bundle for row in world.rows(models.NodeTrust)}


@pytest.mark.parametrize('named', [True, False], ids=['alone', 'with others'])
def test_an_upgrade_behind_a_creation_that_is_cancelled(
    world: World, uuid: str, named: bool
) -> None:
    made = world.add_nodegroup(uuid)
    group = world.nodegroup('gpu').uuid
    upgrade = world.ask(
        'upgrade', uuid, world.new_baymodel(), nodegroup_uuid=group if named else None
    )
    world.about('cancel', made)
    world.build_all(uuid)
    if named:
        assert error_of(world.again(upgrade))['code'] == 'plan_refused'
        assert 'was not created' in error_of(world.again(upgrade))['reason']
        return
    assert world.again(upgrade).state == 'SUCCEEDED'
    assert [one.name for one in Upgrade.of(world.again(upgrade)).groups] == ['default-worker']


def test_what_names_a_group_that_was_never_created(world: World, uuid: str) -> None:
    """It is refused, and so is a retry; while its creation is to come, it waits."""
    made = world.add_nodegroup(uuid)
    group = world.nodegroup('gpu').uuid
    resize = world.ask('resize', uuid, 3, nodegroup_uuid=group)
    upgrade = world.ask('upgrade', uuid, world.new_baymodel(), nodegroup_uuid=group)
    assert (resize.state, upgrade.state) == ('PENDING', 'PENDING')
    world.about('cancel', made)
    assert (world.again(resize).state, world.again(upgrade).state) == ('FAILED', 'FAILED')
    for ask in (
        lambda: world.ask('upgrade', uuid, world.new_baymodel(), nodegroup_uuid=group),
        lambda: world.ask('resize', uuid, 3, nodegroup_uuid=group),
    ):
        with pytest.raises(NodegroupNotCreated, match='gpu'):
            ask()
    for refused in (resize, upgrade):
        with pytest.raises(NotRetryable, match='not created'):
            world.about('retry', refused)


def test_a_delete_of_a_group_takes_the_place_of_its_upgrade(world: World, uuid: str) -> None:
    world.add_nodegroup(uuid)
    world.build(uuid)
    group = world.nodegroup('gpu').uuid
    world.ask('resize', uuid, 3)
    upgrade = world.ask('upgrade', uuid, world.new_baymodel(), nodegroup_uuid=group)
    world.ask('delete_nodegroup', uuid, group)
    assert world.again(upgrade).state == 'CANCELLED'
    world.build_all(uuid)
    assert world.rows(models.Nodegroup, name='gpu') == []
    assert world.bay(uuid).status == 'UPDATE_COMPLETE'


def test_a_waiting_upgrade_is_cancelled(world: World, uuid: str) -> None:
    world.ask('resize', uuid, 3)
    upgrade = world.ask_of_bay('upgrade', uuid)
    world.about('cancel', upgrade)
    world.add_nodegroup(uuid)               # nothing is in its way any more
    world.build_all(uuid)
    assert world.history(uuid) == [
        ('resize', 'SUCCEEDED'), ('upgrade', 'CANCELLED'), ('create_nodegroup', 'SUCCEEDED'),
    ]
    assert world.bay(uuid).status == 'UPDATE_COMPLETE'


def test_a_baymodel_that_changed_while_its_upgrade_waited(world: World, uuid: str) -> None:
    target = world.new_baymodel()
    world.ask('resize', uuid, 3)
    upgrade = world.ask('upgrade', uuid, target)
    with world.database.writing() as session:
        session.merge(target).docker_volume_size = 17
    world.build_all(uuid)
    assert error_of(world.again(upgrade))['code'] == 'plan_refused'
    assert world.bay(uuid).status == 'UPDATE_FAILED'


def test_an_upgrade_of_a_group_that_is_about_to_go(world: World, uuid: str) -> None:
    world.add_nodegroup(uuid)
    world.build(uuid)
    group = world.nodegroup('gpu').uuid
    target = world.new_baymodel()
    world.ask('resize', uuid, 3)
    upgrade = world.ask('upgrade', uuid, target, nodegroup_uuid=group)
    world.about('cancel', upgrade)
    gone = world.ask('delete_nodegroup', uuid, group)
    with pytest.raises(OperationInProgress) as refused:
        world.ask('upgrade', uuid, target, nodegroup_uuid=group)
    assert refused.value.active.uuid == gone.uuid
