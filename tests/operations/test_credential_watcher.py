"""Bays are told when the cloud takes their application credential no more."""

import datetime

import pytest
import sqlalchemy as sa

from magnum.clients.errors import CloudForbidden, CloudUnavailable
from magnum.db import models
from magnum.drivers.contract import BayPlan
from magnum.operations.credential_watcher import EVENT, CredentialWatcher
from magnum.operations.node_watcher import NodeWatcher
from tests.fakes.driver import FakeDriver
from tests.fakes.reporters import Reporters
from tests.operations.conftest import World

CALL = 'identity.check_application_credential'


@pytest.fixture
def uuid(world: World) -> str:
    """A bay whose masters have a credential."""
    uuid = world.create(name='bay', labels={'cloud_provider_enabled': 'true'})
    world.build(uuid)
    return uuid


def look(world: World) -> int:
    """A look of one of the conductors, which have nothing in common but the database."""
    return CredentialWatcher(
        world.conf, world.database, world.tools.sealer, world.tools.application_credentials,
        world.tools.drivers,
    ).look()


def later(world: World, seconds: int = 3601) -> None:
    """Let so much time pass since the last check."""
    with world.database.writing() as session:
        for credential in session.scalars(sa.select(models.CloudCredential)):
            assert credential.checked_at is not None
            credential.checked_at -= datetime.timedelta(seconds=seconds)


def condition(world: World, uuid: str) -> dict[str, str]:
    return (world.bay(uuid).conditions or {}).get('CredentialsValid', {})


def events(world: World, uuid: str) -> list[str]:
    return [event.message for event in world.rows(models.Event, bay_uuid=uuid, kind=EVENT)]


def revoke(world: World) -> None:
    """Keystone forgets it, as when the user has lost its role."""
    (user,) = world.cloud.users.values()
    user['credentials'].clear()


def test_one_that_is_accepted(world: World, uuid: str) -> None:
    assert look(world) == 1
    assert (condition(world, uuid)['status'], events(world, uuid)) == ('True', [])
    later(world)
    assert look(world) == 0
    assert world.cloud.calls.count(CALL) == 2


def test_one_that_is_refused(world: World, uuid: str) -> None:
    assert look(world) == 1
    revoke(world)
    later(world)
    assert look(world) == 1
    found = condition(world, uuid)
    assert (found['status'], found['reason']) == ('False', 'CredentialRefused')
    assert events(world, uuid) == [found['message']]
    later(world)
    assert look(world) == 0
    assert len(events(world, uuid)) == 1


def test_one_of_a_purpose_that_is_refused(world: World) -> None:
    uuid = world.create(name='bay', labels={
        'cloud_provider_enabled': 'true', 'purposes': 'cloud-provider cinder-csi autoscaler',
    })
    world.build(uuid)
    assert look(world) == 1
    assert condition(world, uuid)['status'] == 'True'
    (user,) = world.cloud.users.values()
    (own,) = (ident for ident, one in user['credentials'].items()
              if one['name'].endswith('autoscaler'))
    del user['credentials'][own]
    later(world)
    assert look(world) == 1
    assert condition(world, uuid)['status'] == 'False'


def test_a_bay_that_the_driver_stumbles_over(
    world: World, uuid: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Credentials of other bays are checked all the same."""
    other = world.create(name='other', labels={'cloud_provider_enabled': 'true'})
    world.build(other)

    def stumble(_: FakeDriver, bay: BayPlan) -> bool:
        if bay.uuid == uuid:
            raise ValueError(bay.uuid)
        return True

    monkeypatch.setattr(FakeDriver, 'wants_cloud_credential', stumble)
    assert look(world) == 1
    assert condition(world, other)['status'] == 'True'


def test_a_rotation_mends_it(world: World, uuid: str) -> None:
    revoke(world)
    assert look(world) == 1
    world.ask('rotate_credential', uuid)
    world.build(uuid)
    assert world.operations(uuid)[-1].state == 'SUCCEEDED'
    assert condition(world, uuid) == {}, 'that was about the one before'
    # The next one is looked at at once.
    assert look(world) == 1
    assert condition(world, uuid)['status'] == 'True'


def test_the_bays_health_follows(world: World, uuid: str) -> None:
    reporters = Reporters(world.conf, world.database, world.tools.certificates, uuid)
    reporters.report()
    nodes = NodeWatcher(world.conf, world.database, world.tools.drivers)
    assert nodes.look() == 1
    assert look(world) == 1
    assert world.bay(uuid).health_status == 'HEALTHY'
    revoke(world)
    later(world)
    assert look(world) == 1
    assert world.bay(uuid).health_status == 'UNHEALTHY'
    assert 'refuses' in world.bay(uuid).health_status_reason['CredentialsValid']
    # What nodes say does not hide it.
    reporters.report(conditions={'Disk': {'status': 'True', 'reason': 'Free', 'message': ''}})
    nodes.look()
    assert world.bay(uuid).health_status == 'UNHEALTHY'


@pytest.mark.parametrize('seconds', [0, 3500])
def test_none_is_checked_too_often(world: World, uuid: str, seconds: int) -> None:
    assert look(world) == 1
    later(world, seconds)
    assert look(world) == 0
    assert world.cloud.calls.count(CALL) == 1


def test_none_is_checked_where_the_operator_wants_it_so(world: World, uuid: str) -> None:
    world.conf.set_override('cloud_credential_check', 0, 'identity')
    assert look(world) == 0
    assert CALL not in world.cloud.calls


def test_bays_without_one_have_no_such_condition(world: World) -> None:
    uuid = world.create()
    world.build(uuid)
    assert look(world) == 0
    assert condition(world, uuid) == {}


def test_a_cloud_that_does_not_answer_says_nothing_of_it(world: World, uuid: str) -> None:
    world.cloud.faults[CALL] = CloudUnavailable('identity', 'not now', 503)
    assert look(world) == 0
    assert (condition(world, uuid), events(world, uuid)) == ({}, [])
    # It was not checked: that is done as soon as the cloud answers.
    del world.cloud.faults[CALL]
    assert look(world) == 1


def test_a_secret_that_cannot_be_opened_stops_no_other(world: World, uuid: str) -> None:
    other = world.create(name='other', labels={'cloud_provider_enabled': 'true'})
    world.build(other)
    with world.database.writing() as session:
        session.execute(
            sa.update(models.CloudCredential)
            .where(models.CloudCredential.bay_uuid == uuid).values(sealed_secret='broken')
        )
    assert look(world) == 1
    assert (condition(world, uuid), condition(world, other)['status']) == ({}, 'True')


def test_more_than_a_page_of_them(
    world: World, uuid: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr('magnum.operations.credential_watcher._PAGE', 1)
    other = world.create(name='other', labels={'cloud_provider_enabled': 'true'})
    world.build(other)
    assert look(world) == 2
    assert look(world) == 0


def test_a_conductor_that_stops_checks_no_more(world: World, uuid: str) -> None:
    tools = world.tools
    stopping = CredentialWatcher(
        world.conf, world.database, tools.sealer, tools.application_credentials, tools.drivers,
        lambda: True,
    )
    assert stopping.look() == 0
    assert CALL not in world.cloud.calls


def test_an_answer_that_says_nothing_of_it(world: World, uuid: str) -> None:
    """Keystone is misconfigured, say: nobody is told that a rotation helps."""
    world.cloud.faults[CALL] = CloudForbidden('identity', 'no', 403)
    assert look(world) == 0
    assert (condition(world, uuid), events(world, uuid)) == ({}, [])


def test_a_bay_that_uses_none_any_more(world: World, uuid: str) -> None:
    """An upgrade took away what used it: a rotation makes no other one."""
    revoke(world)
    assert look(world) == 1
    with world.database.writing() as session:
        session.execute(sa.update(models.Bay).values(labels={}))
    later(world)
    assert look(world) == 1
    assert condition(world, uuid) == {}


@pytest.mark.parametrize('status', ['DELETE_IN_PROGRESS', 'DELETE_FAILED'])
def test_a_bay_that_goes_is_not_told(world: World, uuid: str, status: str) -> None:
    with world.database.writing() as session:
        session.execute(sa.update(models.Bay).values(status=status))
    revoke(world)
    assert look(world) == 0
    assert events(world, uuid) == []


def test_what_a_rotation_replaced_meanwhile_is_not_told(
    world: World, uuid: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_accepted = world.tools.application_credentials.is_accepted

    def overtaken(credential_id: str, secret: str) -> bool:
        world.ask('rotate_credential', uuid)
        world.build(uuid)
        return is_accepted(credential_id, secret)

    monkeypatch.setattr(world.tools.application_credentials, 'is_accepted', overtaken)
    assert look(world) == 0
    assert (condition(world, uuid), events(world, uuid)) == ({}, [])
