"""A bay's masters get an application credential for each purpose, where that is asked for."""

from collections.abc import Callable

import pytest
import sqlalchemy as sa

from magnum.clients.errors import CloudForbidden
from magnum.db import models
from magnum.operations import cloud_secrets
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
from tests.operations.conftest import World

pytestmark = pytest.mark.slow

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
    return built(world, APART)


@pytest.fixture
def knowing(world: World, apart: str) -> Reporters:
    """Its nodes, of which the master has the credentials, and says that it knows more than one."""
    return nodes_of(world, apart, KNOWING)


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


@pytest.mark.parametrize('where', [
    f'{when}:identity.delete_application_credential:{time}'
    for when in ('before', 'after') for time in TIMES
])
def test_a_crash_while_they_are_revoked(
    world: World, apart: str, die_at: Callable[[str], None], where: str
) -> None:
    world.ask('delete', apart)
    die_at(where)
    world.worker('doomed').die()
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
    world.worker('doomed').die()
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


def test_secrets_of_purposes_that_cannot_be_opened_are_listed(world: World, apart: str) -> None:
    context = f'cloud_credential/{apart}/1/autoscaler'
    errors = broken_by_another_key(world, models.PurposeCredential, context)
    assert len(errors) == len(PURPOSES) - 1
    assert context in errors[-1]
