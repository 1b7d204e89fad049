"""A reader wants to be somebody else in a bay."""

import pytest
import sqlalchemy as sa
from cryptography import x509

from magnum.certificates.sealing import Sealer
from magnum.db import models
from tests.attacks.running import RunningService
from tests.unit.certificates import csr


def _sign(
    service: RunningService, bay: str, subject: x509.Name, token: str = 'reader'
) -> tuple[int, str]:
    answer = service.ask('POST', '/certificates', token, json={
        'cluster_uuid': bay, 'csr': csr.make(subject),
    })
    return answer.status_code, answer.text


@pytest.fixture(scope='module')
def bay(service: RunningService) -> str:
    uuid = service.create_bay('readers')
    service.world.worker().turn()
    return uuid


@pytest.mark.parametrize(
    'name', ['member-user', 'admin-user', 'admin', 'eve', 'reader-user2', 'Reader-User', '.*']
)
def test_a_reader_bears_no_other_name(service: RunningService, bay: str, name: str) -> None:
    code, text = _sign(service, bay, csr.name(CN=name, O='magnum:viewers'))
    assert code == 403, text
    assert 'magnum.certificate.subject_refused' in text
    assert '{user_name}' in text, 'the rule is named'


def test_a_reader_bears_the_own_name(service: RunningService, bay: str) -> None:
    code, text = _sign(service, bay, csr.name(CN='reader-user', O='magnum:viewers'))
    assert code == 201, text


def test_a_broken_seal_is_told(service: RunningService) -> None:
    bay = service.create_bay('sealed')
    service.world.worker().turn()
    sealed = Sealer([b'x' * 32]).seal(b'', f'key_pair/{bay}/ca')
    with service.database.writing() as session:
        session.execute(
            sa.update(models.KeyPair).filter_by(bay_uuid=bay, purpose='ca')
            .values(sealed_private_key=sealed)
        )
    answer = service.ask('POST', '/certificates', 'member', json={
        'cluster_uuid': bay, 'csr': csr.make(csr.name(CN='admin')),
    })
    (error,) = answer.json()['errors']
    assert (answer.status_code, error['code']) == (500, 'magnum.seal_broken')
    for said in (f'key_pair/{bay}/ca', sealed.split('.')[1]):
        assert said in error['detail']
        assert said in service.log.read_text()
