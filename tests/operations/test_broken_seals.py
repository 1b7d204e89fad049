"""A secret that cannot be opened: named by row and key, in operations and checks."""

import base64
import dataclasses

import pytest
import sqlalchemy as sa

from magnum.certificates.sealing import Sealer
from magnum.certificates.service import CertificateService
from magnum.cmd.status import Checks, Code
from magnum.db import models
from magnum.operations import seals
from tests.operations.conftest import World, error_of
from tests.operations.test_authority import Bay

OTHER = Sealer([b'o' * 32])
KEY_ID = OTHER.seal(b'', '').split('.')[1]


@pytest.fixture
def bay(world: World) -> str:
    uuid = world.create()
    world.build(uuid)
    assert world.bay(uuid).status == 'CREATE_COMPLETE'
    return uuid


def _tamper_identity(world: World, uuid: str) -> None:
    (row,) = world.rows(models.BayIdentity, bay_uuid=uuid)
    *front, last = row.sealed_password.split('.')
    changed = '.'.join([*front, ('B' if last[0] == 'A' else 'A') + last[1:]])
    _set(world, models.BayIdentity, uuid, sealed_password=changed)


def _set(world: World, table: type, uuid: str, **values: str) -> None:
    with world.database.writing() as session:
        session.execute(sa.update(table).filter_by(bay_uuid=uuid).values(**values))


def _with_another_key(world: World) -> None:
    """The operator has replaced the key, and not kept the old one."""
    world.conf.set_override(
        'encryption_keys', [base64.b64encode(b'n' * 32).decode()], 'certificates'
    )
    sealer = Sealer.from_config(world.conf)
    world.tools = dataclasses.replace(
        world.tools, sealer=sealer, certificates=CertificateService(world.conf, sealer)
    )


@pytest.mark.parametrize('verb', ['resize', 'rotate_credential'])
def test_an_operation_on_a_changed_row(world: World, bay: str, verb: str) -> None:
    _tamper_identity(world, bay)
    world.ask(verb, bay, *([3] if verb == 'resize' else []))
    world.build(bay)
    operation = world.operations(bay)[-1]
    assert operation.state == 'FAILED'
    error = error_of(operation)
    assert (error['code'], error['owner']) == ('seal_broken', 'operator')
    assert f'bay_identity/{bay}' in error['reason']
    assert f'bay_identity/{bay}' in (world.bay(bay).status_reason or '')
    assert operation.attempts == 1, 'trying again does not help'


def test_an_operation_without_the_key(world: World, bay: str) -> None:
    (row,) = world.rows(models.BayIdentity, bay_uuid=bay)
    _with_another_key(world)
    world.ask('resize', bay, 3)
    world.build(bay)
    error = error_of(world.operations(bay)[-1])
    assert error['code'] == 'seal_broken'
    assert row.sealed_password.split('.')[1] in error['reason']


def _replace_authority(world: World, uuid: str) -> None:
    """Let its key be sealed with one that nobody has."""
    with world.database.writing() as session:
        session.execute(
            sa.update(models.KeyPair).filter_by(bay_uuid=uuid, purpose='ca')
            .values(sealed_private_key=OTHER.seal(b'x', f'key_pair/{uuid}/ca'))
        )


def test_a_resize_does_not_open_the_authority(world: World, bay: str) -> None:
    _replace_authority(world, bay)
    world.ask('resize', bay, 3)
    world.build(bay)
    assert world.operations(bay)[-1].state == 'SUCCEEDED', 'no certificate is signed here'


def test_a_rotation_of_an_authority_that_cannot_be_opened(world: World) -> None:
    bay = Bay(world)
    _replace_authority(world, bay.uuid)
    bay.rotate()
    bay.turn()
    for node in bay.nodes:
        node.trusted = node.news() or ''
        assert node.trusted
        assert node.news() is None
    bay.turn()
    assert (bay.operation.state, error_of(bay.operation)['code']) == ('FAILED', 'seal_broken')
    assert f'key_pair/{bay.uuid}/ca' in error_of(bay.operation)['reason']


def test_a_bay_whose_seals_are_broken_can_be_deleted(world: World, bay: str) -> None:
    _tamper_identity(world, bay)
    _with_another_key(world)
    world.ask('delete', bay)
    world.build(bay)
    assert not world.has_bay(bay)
    assert (world.cloud.living(), world.cloud.users) == ([], {})


def test_what_is_broken_is_listed(world: World, bay: str) -> None:
    with world.database.reading() as session:
        assert list(seals.broken(session, world.tools.sealer)) == []
    assert Checks(world.conf)._check_seals().code == Code.SUCCESS
    _tamper_identity(world, bay)
    _replace_authority(world, bay)
    result = Checks(world.conf)._check_seals()
    assert result.code == Code.FAILURE
    for said in (f'bay_identity/{bay}', f'key_pair/{bay}/ca', KEY_ID):
        assert said in (result.details or '')


def test_tokens_of_a_key_that_is_gone_are_listed(world: World) -> None:
    uuid = world.create()
    world.worker().turn()
    with world.database.reading() as session:
        told = ' '.join(str(error) for error in seals.broken(session, OTHER))
    operation = world.operations(uuid)[-1].uuid
    assert f'bootstrap/{uuid}/{operation}/worker' in told
