"""A bay's masters get an application credential of the bay's own Keystone user."""

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from magnum.clients.errors import CloudForbidden, CloudUnavailable, Unauthenticated
from magnum.db import models
from magnum.operations import cloud_secrets, seals
from tests.fakes.reporters import Reporters
from tests.operations.conftest import Killed, World, error_of
from tests.operations.test_broken_seals import OTHER

pytestmark = pytest.mark.slow

WANTED = {'cloud_provider_enabled': 'true'}
CALLS = (
    'identity.issue_token', 'identity.create_application_credential',
    'identity.use_application_credential',
)


@pytest.fixture
def uuid(world: World) -> str:
    """A bay that is built and has a credential."""
    made = world.create(name='bay', labels=WANTED)
    world.build(made)
    assert world.bay(made).status == 'CREATE_COMPLETE', world.bay(made).status_reason
    return made


def of_keystone(world: World) -> dict[str, dict[str, Any]]:
    """The credentials that there are, by id."""
    (user,) = world.cloud.users.values()
    found: dict[str, dict[str, Any]] = user['credentials']
    return found


def rows(world: World) -> list[models.CloudCredential]:
    return world.rows(models.CloudCredential)


def entries(world: World) -> list[models.LedgerEntry]:
    return world.rows(models.LedgerEntry, kind='application_credential')


def check_whole(world: World, uuid: str, generation: int) -> None:
    """There is one, and Keystone, the row and the ledger say the same of it."""
    (row,), (entry,) = rows(world), entries(world)
    ((found, credential),) = of_keystone(world).items()
    assert row.generation == generation
    assert row.credential_id == entry.external_id == found
    assert row.name == entry.name == credential['name'] == f'{uuid}-{generation}'
    assert cloud_secrets.unseal(world.tools.sealer, row) == credential['secret']
    assert row.access == {
        'auth_url': 'http://keystone/v3', 'region': 'RegionOne',
        'external_network_id': 'id-of-public',
    }


def told(world: World, uuid: str) -> str:
    """All that users see of a bay, and what operations keep."""
    return str([
        [vars(one) for one in (*world.operations(uuid), *world.rows(models.Event))],
        [stack['parameters'] for stack in world.cloud.stacks.values()],
    ])


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


def killed_creation(
    world: World, die_at: Callable[[str], None], where: str, labels: dict[str, str] = WANTED
) -> str:
    """A bay whose worker was killed while it was made."""
    uuid = world.create(labels=labels)
    die_at(where)
    with pytest.raises(Killed):
        world.worker('doomed').turn()
    return uuid


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
    assert not world.has_bay(uuid)
    assert world.cloud.users == {}
    assert (rows(world), world.rows(models.LedgerEntry)) == ([], [])


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


# Purposes -----------------------------------------------------------------
PURPOSES = ('cloud-provider', 'cinder-csi', 'autoscaler')
APART = {**WANTED, 'purposes': ' '.join(PURPOSES)}
#: How often a creation or a rotation calls what: once for each.
TIMES = range(1, len(PURPOSES) + 1)
KNOWING = {'cloud-purposes': 'true'}
every_call = pytest.mark.parametrize('where', [
    f'{when}:{call}:{time}' for when in ('before', 'after') for call in CALLS[1:] for time in TIMES
])


def check_apart(world: World, uuid: str, generation: int) -> None:
    """There is one for each purpose, and Keystone, the rows and the ledger say the same."""
    (row,), of_purposes = rows(world), world.rows(models.PurposeCredential)
    name = f'{uuid}-{generation}'
    secrets = {
        name: cloud_secrets.unseal(world.tools.sealer, row),
        **{f'{name}-{one.purpose}': cloud_secrets.unseal(world.tools.sealer, one, one.purpose)
           for one in of_purposes},
    }
    ids = {one.name: one.credential_id for one in (row, *of_purposes)}
    there = {one['name']: ident for ident, one in of_keystone(world).items()}
    assert there == ids == {one.name: one.external_id for one in entries(world)}
    assert {one['name']: one['secret'] for one in of_keystone(world).values()} == secrets
    assert len(set(secrets.values())) == len(PURPOSES)
    assert {one['name']: one['rules'] for one in of_keystone(world).values()} == {
        name: ['cloud-provider GET /**'],
        **{f'{name}-{purpose}': [f'{purpose} GET /**'] for purpose in PURPOSES[1:]},
    }
    assert {one.generation for one in (row, *of_purposes)} == {generation}
    assert row.access is not None
    said = told(world, uuid)
    assert not any(secret in said for secret in secrets.values())


@pytest.fixture
def apart(world: World) -> str:
    """A bay that is built, with a credential for each purpose."""
    made = world.create(name='bay', labels=APART)
    world.build(made)
    assert world.bay(made).status == 'CREATE_COMPLETE', world.bay(made).status_reason
    return made


@pytest.fixture
def knowing(world: World, apart: str) -> Reporters:
    """Its nodes, of which the master has the credentials, and says that it knows more than one."""
    made = Reporters(world.conf, world.database, world.tools.certificates, apart)
    made.report(*made.workers)
    made.report(*made.masters, versions={**KNOWING, 'cloud-credential': '1'})
    return made


def test_each_purpose_has_one_of_its_own(world: World, apart: str) -> None:
    check_apart(world, apart, 1)


@every_call
def test_a_crash_while_they_are_made(
    world: World, die_at: Callable[[str], None], where: str
) -> None:
    uuid = killed_creation(world, die_at, where, APART)
    assert rows(world)[0].access is None, 'masters would be given some of them'
    world.pass_time(121)
    world.build(uuid)
    assert world.bay(uuid).status == 'CREATE_COMPLETE'
    check_apart(world, uuid, 1)


@every_call
def test_a_delete_after_a_crash_leaves_none_of_them(
    world: World, die_at: Callable[[str], None], where: str
) -> None:
    uuid = killed_creation(world, die_at, where, APART)
    world.ask('delete', uuid)
    world.pass_time(181)
    world.build(uuid)
    check_nothing_is_left(world, uuid)


def check_nothing_is_left(world: World, uuid: str) -> None:
    assert not world.has_bay(uuid)
    assert world.cloud.users == {}
    for table in (models.CloudCredential, models.PurposeCredential, models.LedgerEntry):
        assert world.rows(table) == []


@pytest.mark.parametrize('where', [
    f'{when}:identity.delete_application_credential:{time}'
    for when in ('before', 'after') for time in TIMES
])
def test_a_crash_while_they_are_revoked(
    world: World, apart: str, die_at: Callable[[str], None], where: str
) -> None:
    world.ask('delete', apart)
    die_at(where)
    with pytest.raises(Killed):
        world.worker('doomed').turn()
    world.pass_time(121)
    world.build(apart)
    check_nothing_is_left(world, apart)


def test_they_are_rotated_as_one(world: World, apart: str, knowing: Reporters) -> None:
    old = set(of_keystone(world))
    world.ask('rotate_credential', apart)
    worker = world.worker()
    worker.turn()
    assert len(of_keystone(world)) == 2 * len(PURPOSES)
    (master,) = knowing.masters
    assert knowing.send(master).json['cloud_credential'] == 2
    knowing.report(master, versions={**KNOWING, 'cloud-credential': '2'})
    world.pass_time(10)
    worker.turn()
    assert world.operations(apart)[-1].state == 'SUCCEEDED'
    check_apart(world, apart, 2)
    assert not old & set(of_keystone(world))


@pytest.mark.parametrize('where', [
    f'{when}:{call}:{time}' for when in ('before', 'after')
    for call in (*CALLS[1:], 'identity.delete_application_credential') for time in TIMES
])
def test_a_crash_while_they_are_rotated(
    world: World, apart: str, knowing: Reporters, die_at: Callable[[str], None], where: str
) -> None:
    world.ask('rotate_credential', apart)
    knowing.report(*knowing.masters, versions={**KNOWING, 'cloud-credential': '2'})
    die_at(where)
    with pytest.raises(Killed):
        world.worker('doomed').turn()
    (working,) = [row for row in rows(world) if row.access is not None][-1:]
    for one in (working, *world.rows(models.PurposeCredential, generation=working.generation)):
        assert one.credential_id in of_keystone(world), 'what masters are given works'
    world.pass_time(121)
    world.build(apart)
    assert world.operations(apart)[-1].state == 'SUCCEEDED'
    check_apart(world, apart, 2)


def test_what_is_left_of_a_rotation_that_failed_goes_with_the_next(
    world: World, apart: str, knowing: Reporters, die_at: Callable[[str], None]
) -> None:
    fault = CloudForbidden('identity', 'no', 403)
    world.cloud.faults['identity.use_application_credential'] = fault
    world.ask('rotate_credential', apart)
    world.worker().turn()
    assert world.operations(apart)[-1].state == 'FAILED'
    assert len(of_keystone(world)) == len(PURPOSES) + 1
    world.cloud.faults.clear()
    knowing.report(*knowing.masters, versions={**KNOWING, 'cloud-credential': '3'})
    world.ask('rotate_credential', apart)
    world.worker().turn()
    assert world.operations(apart)[-1].state == 'SUCCEEDED'
    check_apart(world, apart, 3)


@pytest.mark.parametrize('versions', [{}, {'cloud-purposes': 'no'}])
def test_masters_of_an_earlier_release_have_one_for_all(
    world: World, apart: str, knowing: Reporters, versions: dict[str, str]
) -> None:
    """Then those of each purpose go; they come with the rotation after masters know them."""
    for generation, also in ((2, versions), (3, KNOWING)):
        knowing.report(*knowing.masters, versions={**also, 'cloud-credential': str(generation)})
        world.ask('rotate_credential', apart)
        world.worker().turn()
        assert world.operations(apart)[-1].state == 'SUCCEEDED'
        if also is KNOWING:
            check_apart(world, apart, generation)
        else:
            check_whole(world, apart, generation)
            (credential,) = of_keystone(world).values()
            assert credential['rules'] == world.conf.identity.cloud_access_rules


def test_a_silent_master_of_an_earlier_release_counts(
    world: World, apart: str, knowing: Reporters
) -> None:
    """It takes over what there is when it reports again."""
    knowing.report(*knowing.masters, versions={'cloud-credential': '1'})
    with world.database.writing() as session:
        session.execute(sa.update(models.Node).values(is_silent=True))
    world.ask('rotate_credential', apart)
    world.worker().turn()
    check_whole(world, apart, 2)


def test_one_of_them_that_is_gone_when_the_creation_is_tried_again(world: World) -> None:
    uuid = world.create(name='bay', labels=APART)
    world.fail()
    (operation,) = world.operations(uuid)
    (gone,) = [
        ident for ident, one in of_keystone(world).items() if one['name'].endswith('autoscaler')
    ]
    del of_keystone(world)[gone]
    world.about('retry', operation)
    world.build(uuid)
    assert world.bay(uuid).status == 'CREATE_COMPLETE'
    check_apart(world, uuid, 2)


def broken_by_another_key(
    world: World, table: type[models.CloudCredential | models.PurposeCredential], context: str
) -> list[str]:
    """Seals that are told of when another key has sealed the secrets of a table."""
    with world.database.reading() as session:
        assert list(seals.broken(session, world.tools.sealer)) == []
    with world.database.writing() as session:
        session.execute(sa.update(table).values(sealed_secret=OTHER.seal(b'x', context)))
    with world.database.reading() as session:
        return [str(error) for error in seals.broken(session, world.tools.sealer)]


def test_secrets_of_purposes_that_cannot_be_opened_are_listed(world: World, apart: str) -> None:
    context = f'cloud_credential/{apart}/1/autoscaler'
    errors = broken_by_another_key(world, models.PurposeCredential, context)
    assert len(errors) == len(PURPOSES) - 1
    assert context in errors[-1]


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
    with pytest.raises(Killed):
        world.worker('doomed').turn()
    world.pass_time(121)
    world.build(uuid)
    assert not world.has_bay(uuid)
    assert (rows(world), world.rows(models.LedgerEntry)) == ([], [])


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
    assert not world.has_bay(uuid)
    assert world.cloud.users == {}
    assert (world.rows(models.LedgerEntry), rows(world)) == ([], [])


# Rotation -----------------------------------------------------------------
@pytest.fixture
def nodes(world: World, uuid: str) -> Reporters:
    """Its nodes, of which the master has the credential."""
    made = Reporters(world.conf, world.database, world.tools.certificates, uuid)
    made.report(*made.workers)
    made.report(*made.masters, versions={'cloud-credential': '1'})
    return made


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
    with pytest.raises(Killed):
        world.worker('doomed').turn()
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
