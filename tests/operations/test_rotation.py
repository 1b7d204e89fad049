"""A bay's own Keystone user gets a new password."""

from collections.abc import Callable

import pytest
import sqlalchemy as sa

from magnum.clients.errors import CloudRefused, Unauthenticated
from magnum.db import models
from magnum.operations import passwords
from tests.operations.conftest import World, error_of

CALLS = ('identity.update_user', 'orchestration.get_stack')


@pytest.fixture
def uuid(world: World) -> str:
    """A bay that is built."""
    made = world.create(name='bay')
    world.build(made)
    return made


def _known(world: World, uuid: str) -> list[str]:
    (identity,) = world.rows(models.BayIdentity, bay_uuid=uuid)
    return passwords.unseal(world.tools.sealer, uuid, identity.sealed_password)


def _accepted(world: World) -> str:
    (user,) = world.cloud.users.values()
    password: str = user['password']
    return password


def test_a_new_password(world: World, uuid: str) -> None:
    (old,) = _known(world, uuid)
    world.ask('rotate_credential', uuid)
    assert world.bay(uuid).status == 'UPDATE_IN_PROGRESS'
    world.worker().turn()
    (new,) = _known(world, uuid)
    assert new == _accepted(world) != old
    assert world.bay(uuid).status == 'UPDATE_COMPLETE'
    assert world.nodegroup('default-worker').status == 'CREATE_COMPLETE'
    assert old not in str([vars(o) for o in world.operations(uuid)])
    world.ask('resize', uuid, 3)
    world.build(uuid)
    assert world.bay(uuid).status == 'UPDATE_COMPLETE'


@pytest.mark.parametrize('when', ['before', 'after'])
@pytest.mark.parametrize('call', CALLS)
def test_whatever_a_crash_leaves_is_usable(
    world: World, uuid: str, die_at: Callable[[str], None], when: str, call: str
) -> None:
    world.ask('rotate_credential', uuid)
    die_at(f'{when}:{call}')
    world.worker('doomed').die()
    assert _accepted(world) in _known(world, uuid)
    world.pass_time(121)
    world.worker().turn()
    assert _known(world, uuid) == [_accepted(world)]
    assert world.bay(uuid).status == 'UPDATE_COMPLETE'
    assert world.cloud.calls.count('identity.update_user') <= 2


@pytest.mark.parametrize('call', CALLS)
def test_a_bay_is_usable_after_a_rotation_that_failed(
    world: World, uuid: str, call: str
) -> None:
    world.ask('rotate_credential', uuid)
    world.cloud.faults[call] = CloudRefused('cloud', 'no', 400)
    world.worker().turn()
    assert world.bay(uuid).status == 'UPDATE_FAILED'
    assert len(_known(world, uuid)) == 2
    world.cloud.faults.clear()
    world.ask('resize', uuid, 3)
    world.build(uuid)
    assert world.bay(uuid).status == 'UPDATE_COMPLETE'
    assert world.cloud.living()[0]['parameters']['number_of_minions'] == 3
    world.ask('rotate_credential', uuid)
    world.build(uuid)
    assert _known(world, uuid) == [_accepted(world)]


def test_a_new_password_that_is_not_accepted_yet(world: World, uuid: str) -> None:
    world.ask('rotate_credential', uuid)
    world.cloud.faults['orchestration.get_stack'] = Unauthenticated('cloud', 'not yet', 401)
    world.worker().turn()
    assert world.operations(uuid)[-1].state == 'QUEUED'
    world.cloud.faults.clear()
    world.pass_time(30)
    world.worker().turn()
    assert _known(world, uuid) == [_accepted(world)]


def test_a_bay_without_an_identity(world: World, uuid: str) -> None:
    with world.database.writing() as session:
        session.execute(sa.delete(models.BayIdentity))
    world.ask('rotate_credential', uuid)
    world.worker().turn()
    assert error_of(world.operations(uuid)[-1])['code'] == 'identity_missing'
    assert world.bay(uuid).status == 'UPDATE_FAILED'
