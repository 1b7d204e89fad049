"""A bay's masters get an application credential of the bay's own Keystone user."""

from collections.abc import Callable

import pytest
import sqlalchemy as sa

from magnum.clients.errors import CloudForbidden, CloudUnavailable, Unauthenticated
from magnum.db import models
from tests.fakes.reporters import Reporters
from tests.operations.cloud_credentials import (
    CALLS,
    WANTED,
    broken_by_another_key,
    built,
    check_nothing_is_left,
    check_whole,
    entries,
    killed_creation,
    nodes_of,
    of_keystone,
    rows,
    told,
)
from tests.operations.conftest import World, error_of

pytestmark = pytest.mark.slow


@pytest.fixture
def uuid(world: World) -> str:
    """A bay that is built and has a credential."""
    return built(world, WANTED)


def test_a_bay_that_asks_for_it_gets_one(world: World, uuid: str) -> None:
    check_whole(world, uuid, 1)
    (credential,) = of_keystone(world).values()
    assert credential['roles'] == ['member']
    assert credential['rules'] == world.conf.identity.cloud_access_rules
    assert credential['secret'] not in told(world, uuid)
    assert credential['secret'] not in rows(world)[0].sealed_secret


def test_others_get_none(world: World) -> None:
    uuid = world.create()
    world.build(uuid)
    world.ask('rotate_credential', uuid)
    world.build(uuid)
    assert world.operations(uuid)[-1].state == 'SUCCEEDED'
    assert (rows(world), entries(world)) == ([], [])
    assert 'identity.create_application_credential' not in world.cloud.calls


def test_a_bay_of_when_its_labels_had_no_effect_gets_none(world: World) -> None:
    """Its masters cannot use one, and a cloud that allows none fails no rotation for it."""
    uuid = world.create()
    world.build(uuid)
    with world.database.writing() as session:
        session.execute(sa.update(models.Bay).values(labels=WANTED))
    world.cloud.faults['identity.create_application_credential'] = CloudForbidden(
        'identity', 'no', 403
    )
    world.ask('rotate_credential', uuid)
    world.build(uuid)
    assert world.operations(uuid)[-1].state == 'SUCCEEDED'
    assert (rows(world), entries(world)) == ([], [])


def test_roles_are_those_of_the_option_that_the_user_holds(world: World) -> None:
    world.conf.set_override('cloud_roles', ['Reader', 'other'], 'identity')
    uuid = world.create(labels=WANTED)
    world.worker().turn()
    operation = world.operations(uuid)[-1]
    assert (operation.state, error_of(operation)['code']) == ('FAILED', 'forbidden')
    assert 'Reader, other' in error_of(operation)['reason']
    world.conf.set_override('roles', ['member', 'reader'], 'identity')
    world.about('retry', operation)
    world.build(uuid)
    assert [one['roles'] for one in of_keystone(world).values()] == [['reader']]


@pytest.mark.parametrize('when', ['before', 'after'])
@pytest.mark.parametrize('call', CALLS)
def test_a_crash_while_it_is_made(
    world: World, die_at: Callable[[str], None], when: str, call: str
) -> None:
    uuid = killed_creation(world, die_at, f'{when}:{call}')
    world.pass_time(121)
    world.build(uuid)
    assert world.bay(uuid).status == 'CREATE_COMPLETE'
    check_whole(world, uuid, 1)


@pytest.mark.parametrize('when', ['before', 'after'])
@pytest.mark.parametrize('call', CALLS)
def test_a_delete_after_a_crash_leaves_nothing(
    world: World, die_at: Callable[[str], None], when: str, call: str
) -> None:
    uuid = killed_creation(world, die_at, f'{when}:{call}')
    world.ask('delete', uuid)
    world.pass_time(181)
    world.build(uuid)
    check_nothing_is_left(world, uuid)


def test_one_of_the_name_whose_secret_nobody_knows(world: World) -> None:
    """As when the database is older than the cloud."""
    uuid = world.create(labels=WANTED)
    world.cloud.faults['identity.create_application_credential'] = CloudUnavailable('x', 'down')
    world.worker().turn()
    world.cloud.faults.clear()
    of_keystone(world)['old'] = {'name': f'{uuid}-1', 'secret': 'unknown', 'roles': []}
    world.pass_time(60)
    world.build(uuid)
    check_whole(world, uuid, 1)


def test_a_cloud_that_does_not_accept_it(world: World) -> None:
    uuid = world.create(labels=WANTED)
    world.cloud.faults['identity.use_application_credential'] = Unauthenticated(
        'network', 'set service_type', 401
    )
    worker = world.worker()
    for _ in range(5):
        worker.turn()
        world.pass_time(300)
    operation = world.operations(uuid)[-1]
    assert operation.state == 'FAILED'
    assert 'set service_type' in error_of(operation)['reason']
    assert len(of_keystone(world)) == 1
    world.cloud.faults.clear()
    world.about('retry', operation)
    world.build(uuid)
    check_whole(world, uuid, 1)


def test_one_that_is_gone_when_the_creation_is_tried_again(world: World) -> None:
    uuid = world.create(name='bay', labels=WANTED)
    world.fail()
    (operation,) = world.operations(uuid)
    world.cloud.users.clear()
    world.about('retry', operation)
    world.build(uuid)
    assert world.bay(uuid).status == 'CREATE_COMPLETE'
    check_whole(world, uuid, 2)
    world.ask('rotate_credential', uuid)
    world.build(uuid)
    check_whole(world, uuid, 3)


# Deletion -----------------------------------------------------------------
def test_it_is_revoked_before_anything_else_is_removed(world: World, uuid: str) -> None:
    world.cloud.calls.clear()
    world.ask('delete', uuid)
    world.build(uuid)
    assert not world.has_bay(uuid)
    calls = world.cloud.calls
    assert 'identity.delete_application_credential' in calls
    revoked = calls.index('identity.delete_application_credential')
    assert revoked < calls.index('load-balancer.list_load_balancers')
    assert revoked < calls.index('orchestration.delete_stack')
    assert (rows(world), world.rows(models.LedgerEntry)) == ([], [])


@pytest.mark.parametrize('when', ['before', 'after'])
def test_a_crash_while_it_is_revoked(
    world: World, uuid: str, die_at: Callable[[str], None], when: str
) -> None:
    world.ask('delete', uuid)
    die_at(f'{when}:identity.delete_application_credential')
    world.worker('doomed').die()
    world.pass_time(121)
    world.build(uuid)
    check_nothing_is_left(world, uuid)


@pytest.mark.parametrize('fault', ['refused', 'no password', 'no user', 'no user and no id'])
def test_it_goes_with_its_user_where_it_cannot_be_revoked(
    world: World, uuid: str, fault: str
) -> None:
    if fault == 'refused':
        world.cloud.faults['identity.delete_application_credential'] = CloudForbidden(
            'identity', 'not allowed', 403
        )
    elif fault == 'no password':
        with world.database.writing() as session:
            session.execute(sa.delete(models.BayIdentity))
    else:
        world.cloud.users.clear()
    if fault == 'no user and no id':
        with world.database.writing() as session:
            session.execute(
                sa.update(models.LedgerEntry).filter_by(kind='application_credential')
                .values(external_id=None)
            )
    world.ask('delete', uuid)
    world.build(uuid)
    check_nothing_is_left(world, uuid)


# Rotation -----------------------------------------------------------------
@pytest.fixture
def nodes(world: World, uuid: str) -> Reporters:
    """Its nodes, of which the master has the credential."""
    return nodes_of(world, uuid, {})


def test_the_old_one_goes_when_masters_have_the_new_one(
    world: World, uuid: str, nodes: Reporters
) -> None:
    (old,) = of_keystone(world)
    world.ask('rotate_credential', uuid)
    worker = world.worker()
    worker.turn()
    assert [row.generation for row in rows(world)] == [1, 2]
    assert len(of_keystone(world)) == len(entries(world)) == 2
    for _ in range(2):
        world.pass_time(10)
        worker.turn()
        assert old in of_keystone(world)
    (master,) = nodes.masters
    assert nodes.send(master).json['cloud_credential'] == 2
    nodes.report(master, versions={'cloud-credential': '2'})
    world.pass_time(10)
    worker.turn()
    assert world.operations(uuid)[-1].state == 'SUCCEEDED'
    check_whole(world, uuid, 2)
    assert old not in of_keystone(world)
    assert 'masters_behind' not in told(world, uuid)


def test_what_waits_names_the_masters(world: World, uuid: str, nodes: Reporters) -> None:
    world.ask('rotate_credential', uuid)
    world.worker().turn()
    error = error_of(world.operations(uuid)[-1])
    assert error['code'] == 'nodes_behind'
    assert nodes.masters[0] in error['reason']


def test_masters_are_waited_for_a_bounded_time(
    world: World, uuid: str, nodes: Reporters
) -> None:
    world.ask('rotate_credential', uuid)
    worker = world.worker()
    worker.turn()
    world.pass_time(540)     # of 600, as a slow machine takes some, too
    worker.turn()
    assert len(rows(world)) == 2
    (master,) = nodes.masters
    nodes.report(master, versions={'cloud-credential': '1'}, conditions={
        'CloudCredential': {'status': 'Unknown', 'reason': 'Telling', 'message': '2 pods wait'},
    })
    world.pass_time(61)
    worker.turn()
    assert world.operations(uuid)[-1].state == 'SUCCEEDED'
    check_whole(world, uuid, 2)
    (event,) = world.rows(models.Event, kind='bay.rotate_credential.masters_behind')
    assert f': {master} (2 pods wait)' in event.message
    assert 'masters_silent' not in told(world, uuid)


def test_a_silent_master_is_named_and_not_waited_for(
    world: World, uuid: str, nodes: Reporters
) -> None:
    with world.database.writing() as session:
        session.execute(sa.update(models.Node).values(is_silent=True))
    world.ask('rotate_credential', uuid)
    world.worker().turn()
    assert world.operations(uuid)[-1].state == 'SUCCEEDED'
    check_whole(world, uuid, 2)
    assert 'masters_behind' not in told(world, uuid)
    (event,) = world.rows(models.Event, kind='bay.rotate_credential.masters_silent')
    assert nodes.masters[0] in event.message


@pytest.mark.parametrize('when', ['before', 'after'])
@pytest.mark.parametrize('call', [*CALLS, 'identity.delete_application_credential'])
def test_a_crash_in_a_rotation(
    world: World, uuid: str, die_at: Callable[[str], None], when: str, call: str
) -> None:
    world.ask('rotate_credential', uuid)
    # The password is proved, and asked for a token, before that.
    die_at(f'{when}:{call}')
    world.worker('doomed').die()
    (working,) = [row for row in rows(world) if row.access is not None][-1:]
    assert working.credential_id in of_keystone(world), 'what masters are given works'
    world.pass_time(121)
    world.build(uuid)
    assert world.operations(uuid)[-1].state == 'SUCCEEDED'
    check_whole(world, uuid, 2)


def rotate_to_the_third(world: World, uuid: str, nodes: Reporters) -> None:
    """A rotation that succeeds, after one that began the second generation."""
    nodes.report(*nodes.masters, versions={'cloud-credential': '3'})
    world.ask('rotate_credential', uuid)
    world.worker().turn()
    assert world.operations(uuid)[-1].state == 'SUCCEEDED'
    check_whole(world, uuid, 3)


def test_a_rotation_that_failed_changes_nothing_for_masters(
    world: World, uuid: str, nodes: Reporters
) -> None:
    world.cloud.faults['identity.create_application_credential'] = CloudForbidden('x', 'no', 403)
    world.ask('rotate_credential', uuid)
    world.worker().turn()
    assert world.operations(uuid)[-1].state == 'FAILED'
    assert nodes.send(nodes.masters[0]).json['cloud_credential'] == 1
    assert len(of_keystone(world)) == 1
    world.cloud.faults.clear()
    rotate_to_the_third(world, uuid, nodes)


def test_the_next_rotation_makes_another_one_whatever_the_last_left(
    world: World, uuid: str, nodes: Reporters
) -> None:
    """Masters have had the second one for as long as the first was not deleted."""
    nodes.report(*nodes.masters, versions={'cloud-credential': '2'})
    fault = CloudForbidden('identity', 'not now', 403)
    world.cloud.faults['identity.delete_application_credential'] = fault
    world.ask('rotate_credential', uuid)
    world.worker().turn()
    assert world.operations(uuid)[-1].state == 'FAILED'
    assert len(of_keystone(world)) == 2
    world.cloud.faults.clear()
    rotate_to_the_third(world, uuid, nodes)


def test_a_rotation_that_is_tried_again_ends_what_it_began(
    world: World, uuid: str, nodes: Reporters
) -> None:
    world.cloud.faults['identity.use_application_credential'] = CloudForbidden('x', 'no', 403)
    operation = world.ask('rotate_credential', uuid)
    world.worker().turn()
    assert world.operations(uuid)[-1].state == 'FAILED'
    world.cloud.faults.clear()
    nodes.report(*nodes.masters, versions={'cloud-credential': '2'})
    world.about('retry', operation)
    world.worker().turn()
    assert world.operations(uuid)[-1].state == 'SUCCEEDED'
    check_whole(world, uuid, 2)


def test_a_secret_that_cannot_be_opened_is_listed(world: World, uuid: str) -> None:
    context = f'cloud_credential/{uuid}/1'
    (error,) = broken_by_another_key(world, models.CloudCredential, context)
    assert context in error
