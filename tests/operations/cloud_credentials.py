"""Application credentials of a bay: those that there are, and what is left of them."""

from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa

from magnum.db import models
from magnum.operations import cloud_secrets, seals
from tests.fakes.reporters import Reporters
from tests.operations.conftest import World
from tests.operations.test_broken_seals import OTHER

WANTED = {'cloud_provider_enabled': 'true'}
CALLS = (
    'identity.issue_token', 'identity.create_application_credential',
    'identity.use_application_credential',
)


def built(world: World, labels: dict[str, str]) -> str:
    """A bay that is built, and has what its labels ask for."""
    made = world.create(name='bay', labels=labels)
    world.build(made)
    assert world.bay(made).status == 'CREATE_COMPLETE', world.bay(made).status_reason
    return made


def nodes_of(world: World, uuid: str, versions: Mapping[str, str]) -> Reporters:
    """The bay's nodes, of which the master has the first credential.

    :param versions: that it reports as well.
    """
    made = Reporters(world.conf, world.database, world.tools.certificates, uuid)
    made.report(*made.workers)
    made.report(*made.masters, versions={**versions, 'cloud-credential': '1'})
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


def check_nothing_is_left(world: World, uuid: str) -> None:
    assert not world.has_bay(uuid)
    assert world.cloud.users == {}
    for table in (models.CloudCredential, models.PurposeCredential, models.LedgerEntry):
        assert world.rows(table) == []


def killed_creation(
    world: World, die_at: Callable[[str], None], where: str, labels: dict[str, str] = WANTED
) -> str:
    """A bay whose worker was killed while it was made."""
    uuid = world.create(labels=labels)
    die_at(where)
    world.worker('doomed').die()
    return uuid


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
