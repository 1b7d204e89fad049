import base64
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID
from oslo_config import cfg
from sqlalchemy.orm import Session

from magnum.certificates import authority, errors
from magnum.certificates.service import CertificateService
from magnum.db import models
from magnum.domain.node_certificates import NodeAddresses, NodeCertificate
from tests.unit.certificates import csr

MASTERS = csr.name(O='system:masters', CN='admin')
VIEWER = csr.name(O='magnum:viewers', CN='eve')
KUBELET = NodeCertificate('system:node:{node}', 'system:nodes', server=True, client=True)
SAN = (x509.SubjectAlternativeName([x509.DNSName('kubernetes')]), False)


@pytest.fixture
def ready(service: CertificateService, session: Session, bay: models.Bay) -> CertificateService:
    """The service, the bay's authority made."""
    service.ensure_authority(session, bay.uuid, bay.name)
    session.commit()
    return service


def read(pem: str | None) -> x509.Certificate:
    assert pem is not None
    return x509.load_pem_x509_certificate(pem.encode())


def issued_rows(session: Session) -> list[models.IssuedCertificate]:
    return list(session.scalars(sa.select(models.IssuedCertificate)))


def test_an_authority_is_made_once(
    ready: CertificateService, session: Session, bay: models.Bay
) -> None:
    first = ready.trusted(session, bay.uuid)
    ready.ensure_authority(session, bay.uuid, bay.name)
    assert first == ready.trusted(session, bay.uuid)
    assert read(first).subject == csr.name(CN=bay.name)
    assert [row.purpose for row in session.scalars(sa.select(models.KeyPair))] == ['ca']


def test_a_key_to_encrypt_with_is_made_once_and_outlives_authorities(
    service: CertificateService, session: Session, bay: models.Bay
) -> None:
    for _ in range(2):
        service.ensure_authority(session, bay.uuid, bay.name, with_encryption_key=True)
    key = service.encryption_key(session, bay.uuid)
    assert key is not None
    assert len(base64.b64decode(key, validate=True)) == 32
    service.introduce_authority(session, bay.uuid, bay.name)
    service.switch_authority(session, bay.uuid)
    service.retire_authority(session, bay.uuid)
    assert service.encryption_key(session, bay.uuid) == key
    (row,) = session.scalars(sa.select(models.KeyPair).filter_by(purpose='encryption'))
    assert key not in (row.certificate, row.sealed_private_key)
    # Who has shown a second key for a master may have it.
    service.discard_authority(session, bay.uuid)
    assert service.encryption_key(session, bay.uuid) is None
    service.ensure_authority(session, bay.uuid, bay.name, with_encryption_key=True)
    assert service.encryption_key(session, bay.uuid) not in (None, key)


def test_a_bay_that_has_an_authority_gets_no_key_to_encrypt_with(
    ready: CertificateService, session: Session, bay: models.Bay
) -> None:
    """Its masters live, and could not read what another one encrypts."""
    ready.ensure_authority(session, bay.uuid, bay.name, with_encryption_key=True)
    assert ready.encryption_key(session, bay.uuid) is None


def test_no_key_is_made_for_an_authority_that_is_there(
    ready: CertificateService, session: Session, bay: models.Bay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr('magnum.certificates.service.create_authority', None)
    ready.ensure_authority(session, bay.uuid, bay.name)


def test_an_authority_of_a_bay_without_a_name(
    service: CertificateService, session: Session, bay: models.Bay
) -> None:
    service.ensure_authority(session, bay.uuid, None)
    service.introduce_authority(session, bay.uuid, None)
    own, following = x509.load_pem_x509_certificates(
        (service.trusted(session, bay.uuid) or '').encode()
    )
    assert own.subject == following.subject == csr.name(CN=bay.uuid)


def test_without_an_authority_there_is_nothing(
    service: CertificateService, session: Session, bay: models.Bay
) -> None:
    assert service.trusted(session, bay.uuid) is None
    with pytest.raises(errors.AuthorityMissing, match=f'Bay {bay.uuid} has no certificate auth'):
        service.sign_user_csr(session, bay.uuid, 'kubernetes', csr.make(MASTERS), ['admin'], 'me')


@pytest.mark.parametrize('ca_key_type', ['ecdsa', 'rsa'])
@pytest.mark.parametrize(
    'new_key',
    [
        lambda: rsa.generate_private_key(65537, 2048),
        lambda: ec.generate_private_key(ec.SECP256R1()),
        ed25519.Ed25519PrivateKey.generate,
    ],
    ids=['rsa', 'ecdsa', 'ed25519'],
)
def test_authorities_of_each_kind_sign_keys_of_each_kind(
    conf: cfg.ConfigOpts,
    session: Session,
    bay: models.Bay,
    ca_key_type: str,
    new_key: Callable[[], CertificateIssuerPrivateKeyTypes],
) -> None:
    conf.set_override('key_type', ca_key_type, 'x509')
    service = CertificateService(conf)
    service.ensure_authority(session, bay.uuid, bay.name)
    key = new_key()
    issued = service.sign_user_csr(
        session, bay.uuid, 'kubernetes', csr.make(MASTERS, key=key), ['member'], 'me'
    )
    certificate = read(issued.pem)
    certificate.verify_directly_issued_by(read(service.trusted(session, bay.uuid)))
    assert certificate.public_key() == key.public_key()
    assert certificate.subject == MASTERS
    assert isinstance(certificate.signature_hash_algorithm, hashes.SHA256)


def test_a_plain_request_gets_the_key_identifiers_and_nothing_else(
    ready: CertificateService, session: Session, bay: models.Bay
) -> None:
    issued = ready.sign_user_csr(
        session, bay.uuid, 'kubernetes', csr.make(MASTERS), ['member'], 'me'
    )
    certificate = read(issued.pem)
    ca = read(ready.trusted(session, bay.uuid))
    ca_key_id = ca.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    assert [e.value for e in certificate.extensions] == [
        x509.SubjectKeyIdentifier.from_public_key(certificate.public_key()),
        x509.AuthorityKeyIdentifier(ca_key_id.digest, None, None),
    ]


def test_extensions_of_a_member_follow_the_rules(
    ready: CertificateService, session: Session, bay: models.Bay
) -> None:
    asked = [
        SAN,
        (authority.key_usage('digital_signature', 'key_cert_sign'), False),
        (x509.BasicConstraints(ca=True, path_length=None), False),
        (x509.SubjectKeyIdentifier(b'mine'), False),
        (x509.OCSPNoCheck(), False),
    ]
    issued = ready.sign_user_csr(
        session, bay.uuid, 'kubernetes', csr.make(MASTERS, asked), ['member'], 'me'
    )
    values = [e.value for e in read(issued.pem).extensions]
    assert values[:4] == [
        SAN[0],
        authority.key_usage('digital_signature'),
        x509.BasicConstraints(ca=False, path_length=None),
        x509.SubjectKeyIdentifier(b'mine'),
    ]
    assert [type(value) for value in values[4:]] == [x509.AuthorityKeyIdentifier]


def test_what_is_signed_is_written_down(
    ready: CertificateService, session: Session, bay: models.Bay
) -> None:
    issued = ready.sign_user_csr(
        session, bay.uuid, 'kubernetes', csr.make(MASTERS), ['member'], 'user-id'
    )
    (row,) = issued_rows(session)
    assert (row.bay_uuid, row.issued_to) == (bay.uuid, 'user-id')
    for field in ('serial', 'subject', 'fingerprint', 'not_before', 'not_after'):
        assert getattr(row, field) == getattr(issued, field)


def test_a_reader_gets_a_clients_certificate(
    ready: CertificateService, session: Session, bay: models.Bay
) -> None:
    issued = ready.sign_user_csr(
        session, bay.uuid, 'kubernetes', csr.make(VIEWER), ['reader'], 'eve'
    )
    purposes = read(issued.pem).extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    assert list(purposes.value) == [ExtendedKeyUsageOID.CLIENT_AUTH]


def test_a_reader_is_known_by_name_too(
    ready: CertificateService, session: Session, bay: models.Bay
) -> None:
    asked = (session, bay.uuid, 'kubernetes', csr.make(VIEWER), ['reader'], '0e5e')
    assert read(ready.sign_user_csr(*asked, 'eve').pem).subject == VIEWER
    for user_name in ('bob', None):
        with pytest.raises(errors.SubjectRefused):
            ready.sign_user_csr(*asked, user_name)


@pytest.mark.parametrize(
    ('pem', 'roles', 'error'),
    [
        (csr.make(MASTERS), ['reader'], errors.SubjectRefused),
        (csr.make(MASTERS), [], errors.SubjectRefused),
        (csr.make(VIEWER, [SAN]), ['reader'], errors.ExtensionRefused),
        (csr.make(MASTERS, [(x509.OCSPNoCheck(), True)]), ['admin'], errors.ExtensionRefused),
        (csr.with_another_key(csr.make(MASTERS)), ['admin'], errors.InvalidCSR),
        ('nonsense', ['admin'], errors.InvalidCSR),
    ],
)
def test_a_refused_request_changes_nothing(
    ready: CertificateService,
    session: Session,
    bay: models.Bay,
    pem: str,
    roles: list[str],
    error: type[Exception],
) -> None:
    with pytest.raises(error) as caught:
        ready.sign_user_csr(session, bay.uuid, 'kubernetes', pem, roles, 'eve')
    assert issued_rows(session) == []
    assert not session.new
    assert not session.dirty
    assert 'BEGIN CERTIFICATE REQUEST' not in str(caught.value)


def test_readers_of_other_engines_get_nothing(
    service: CertificateService, session: Session, swarm_bay: models.Bay
) -> None:
    service.ensure_authority(session, swarm_bay.uuid, swarm_bay.name)
    with pytest.raises(errors.SubjectRefused):
        service.sign_user_csr(session, swarm_bay.uuid, 'swarm', csr.make(VIEWER), ['reader'], 'eve')
    service.sign_user_csr(session, swarm_bay.uuid, 'swarm', csr.make(MASTERS), ['member'], 'me')


def test_a_node_gets_what_the_driver_says(
    ready: CertificateService, session: Session, bay: models.Bay
) -> None:
    issued = ready.sign_node_csr(
        session, bay.uuid, 'worker', 'node-1', 'kubelet', KUBELET, NodeAddresses(),
        csr.make(MASTERS),
    )
    certificate = read(issued.pem)
    certificate.verify_directly_issued_by(read(ready.trusted(session, bay.uuid)))
    assert certificate.subject == csr.name(O='system:nodes', CN='system:node:node-1')
    (row,) = issued_rows(session)
    assert row.issued_to == 'worker/node-1/kubelet'


def test_a_node_is_refused_another_name(
    ready: CertificateService, session: Session, bay: models.Bay
) -> None:
    with pytest.raises(errors.InvalidCSR, match='kubernetes'):
        ready.sign_node_csr(
            session, bay.uuid, 'worker', 'node-1', 'kubelet', KUBELET, NodeAddresses(),
            csr.make(MASTERS, [SAN]),
        )
    assert issued_rows(session) == []


def test_the_longest_node_name_fits_the_record(
    ready: CertificateService, session: Session, bay: models.Bay
) -> None:
    plain = NodeCertificate('kube-proxy')
    ready.sign_node_csr(
        session, bay.uuid, 'worker', 'n' * 253, 'kube-proxy', plain, NodeAddresses(),
        csr.make(MASTERS),
    )
    (row,) = issued_rows(session)
    assert len(row.issued_to) == 255


def test_forgetting_leaves_the_record_only(
    ready: CertificateService, session: Session, bay: models.Bay
) -> None:
    ready.sign_user_csr(session, bay.uuid, 'kubernetes', csr.make(MASTERS), ['member'], 'me')
    ready.tokens.arm(session, bay.uuid, 'operation', ['worker'])
    ready.forget(session, bay.uuid)
    ready.forget(session, bay.uuid)
    assert ready.trusted(session, bay.uuid) is None
    assert session.scalars(sa.select(models.KeyPair)).all() == []
    assert session.scalars(sa.select(models.BootstrapToken)).all() == []
    assert len(issued_rows(session)) == 1


def test_the_service_does_not_start_without_keys(conf: cfg.ConfigOpts) -> None:
    conf.set_override('encryption_keys', [], 'certificates')
    with pytest.raises(errors.EncryptionKeyMissing):
        CertificateService(conf)


def test_no_private_key_is_in_the_database(
    ready: CertificateService, session: Session, bay: models.Bay
) -> None:
    for row in session.scalars(sa.select(models.KeyPair)):
        assert 'PRIVATE' not in f'{row.certificate}{row.sealed_private_key}'
