"""Replacing the authority of a bay, step by step."""

import pytest
from sqlalchemy.orm import Session

from magnum.certificates.service import CertificateService
from magnum.db import models
from magnum.db.repositories import node_trust
from tests.unit.certificates import csr
from tests.unit.certificates.test_service import MASTERS, read

BEGIN = '-----BEGIN CERTIFICATE-----'


@pytest.fixture
def old(service: CertificateService, session: Session, bay: models.Bay) -> str:
    """The bay's authority, another bay having one too."""
    service.ensure_authority(session, bay.uuid, bay.name)
    service.ensure_authority(session, 'other', 'other')
    return service.trusted(session, bay.uuid) or ''


def _trusted(service: CertificateService, session: Session, bay: models.Bay) -> list[str]:
    bundle = service.trusted(session, bay.uuid) or ''
    return [BEGIN + part for part in bundle.split(BEGIN)[1:]]


def _check_signs(
    service: CertificateService, session: Session, bay: models.Bay, authority: str
) -> None:
    issued = service.sign_user_csr(
        session, bay.uuid, 'kubernetes', csr.make(MASTERS), ['admin'], 'me'
    )
    read(issued.pem).verify_directly_issued_by(read(authority))


def test_both_are_trusted_until_the_former_one_is_retired(
    service: CertificateService, session: Session, bay: models.Bay, old: str
) -> None:
    service.introduce_authority(session, bay.uuid, bay.name)
    first, new = _trusted(service, session, bay)
    assert first == old
    assert read(new).subject == csr.name(CN=bay.name)
    _check_signs(service, session, bay, old)

    service.switch_authority(session, bay.uuid)
    assert _trusted(service, session, bay) == [new, old]
    _check_signs(service, session, bay, new)

    service.retire_authority(session, bay.uuid)
    assert _trusted(service, session, bay) == [new]
    _check_signs(service, session, bay, new)


def test_each_step_is_taken_once(
    service: CertificateService, session: Session, bay: models.Bay, old: str
) -> None:
    for step in (
        lambda: service.introduce_authority(session, bay.uuid, bay.name),
        lambda: service.switch_authority(session, bay.uuid),
        lambda: service.retire_authority(session, bay.uuid),
    ):
        step()
        after = _trusted(service, session, bay)
        step()
        assert _trusted(service, session, bay) == after


def test_a_rotation_that_goes_on_makes_no_third_authority(
    service: CertificateService, session: Session, bay: models.Bay, old: str
) -> None:
    service.introduce_authority(session, bay.uuid, bay.name)
    service.switch_authority(session, bay.uuid)
    before = _trusted(service, session, bay)

    service.introduce_authority(session, bay.uuid, bay.name)

    assert _trusted(service, session, bay) == before


def test_without_a_next_authority_nothing_is_switched(
    service: CertificateService, session: Session, bay: models.Bay, old: str
) -> None:
    service.switch_authority(session, bay.uuid)
    service.retire_authority(session, bay.uuid)
    assert _trusted(service, session, bay) == [old]


def test_another_bay_keeps_its_authority(
    service: CertificateService, session: Session, bay: models.Bay, old: str
) -> None:
    other = service.trusted(session, 'other')
    service.introduce_authority(session, bay.uuid, bay.name)
    service.switch_authority(session, bay.uuid)
    service.retire_authority(session, bay.uuid)
    assert service.trusted(session, 'other') == other


def test_nodes_that_have_to_follow(
    service: CertificateService, session: Session, bay: models.Bay, old: str
) -> None:
    node_trust.expect(session, bay.uuid, [('worker', 'a'), ('worker', 'b')])
    assert service.nodes_to_follow(session, bay.uuid) == ['a', 'b']
    node_trust.confirm(session, bay.uuid, 'worker', 'a', node_trust.fingerprint(old))
    assert service.nodes_to_follow(session, bay.uuid) == ['b']
    service.introduce_authority(session, bay.uuid, bay.name)
    assert service.nodes_to_follow(session, bay.uuid) == ['a', 'b']


def test_nobody_follows_an_authority_that_was_thrown_away(
    service: CertificateService, session: Session, bay: models.Bay, old: str
) -> None:
    node_trust.expect(session, bay.uuid, [('worker', 'a')])
    service.discard_authority(session, bay.uuid)
    assert service.trusted(session, bay.uuid) is None
    assert service.nodes_to_follow(session, bay.uuid) == []
