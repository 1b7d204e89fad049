import datetime
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID
from oslo_config import cfg

from magnum.certificates import authority, errors
from magnum.certificates.authority import Authority, PrivatePair
from tests.unit.certificates import csr

BAY_UUID = '8a1c0a36-9f4b-4a53-9f50-8f9a1f3f6a10'
DAY = datetime.timedelta(days=1)


def read(pem: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pem.encode())


def now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def issue(
    conf: cfg.ConfigOpts, pair: PrivatePair, more: Sequence[authority.Extension] = ()
) -> authority.IssuedCertificate:
    """A TLS certificate of an authority, for a new key."""
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    extensions: list[authority.Extension] = [
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (authority.tls_key_usage(key), True),
        *more,
    ]
    return Authority(conf, pair).issue(csr.name(O='system:masters', CN='admin'), key, extensions)


@pytest.fixture
def pair(conf: cfg.ConfigOpts) -> PrivatePair:
    return authority.create_authority(conf, BAY_UUID, 'prod')


def test_an_authority_is_what_the_contract_says(pair: PrivatePair) -> None:
    certificate = read(pair.certificate_pem)
    certificate.verify_directly_issued_by(certificate)
    assert certificate.subject == certificate.issuer == csr.name(CN='prod')
    assert isinstance(certificate.signature_hash_algorithm, hashes.SHA256)
    assert abs(certificate.not_valid_before_utc - (now() - DAY)) < datetime.timedelta(minutes=1)
    assert abs(certificate.not_valid_after_utc - (now() + 1825 * DAY)) < DAY
    extensions = {e.value: e.critical for e in certificate.extensions}
    assert extensions == {
        x509.BasicConstraints(ca=True, path_length=0): True,
        authority.key_usage('key_cert_sign'): True,
        x509.SubjectKeyIdentifier.from_public_key(certificate.public_key()): False,
    }


def test_serials_are_random(conf: cfg.ConfigOpts) -> None:
    serials = {
        read(authority.create_authority(conf, BAY_UUID, 'prod').certificate_pem).serial_number
        for _ in range(3)
    }
    assert len(serials) == 3
    assert min(serials) > 2**64


@pytest.mark.parametrize(
    ('bay_name', 'common_name'),
    [
        ('a' * 64, 'a' * 64),
        ('a' * 65, BAY_UUID),
        ('a' * 242, BAY_UUID),
        ('', BAY_UUID),
        (None, BAY_UUID),
        ('ünï', 'ünï'),
    ],
)
def test_the_common_name_is_the_bays_name_or_its_uuid(
    conf: cfg.ConfigOpts, bay_name: str | None, common_name: str
) -> None:
    pair = authority.create_authority(conf, BAY_UUID, bay_name)
    assert read(pair.certificate_pem).subject == csr.name(CN=common_name)


@pytest.mark.parametrize(
    ('options', 'key_type', 'key_size'),
    [
        ({}, ec.EllipticCurvePublicKey, 256),
        ({'key_type': 'rsa'}, rsa.RSAPublicKey, 2048),
        ({'key_type': 'rsa', 'rsa_key_size': 3072}, rsa.RSAPublicKey, 3072),
    ],
)
def test_keys_are_of_the_configured_kind(
    conf: cfg.ConfigOpts, options: dict[str, object], key_type: type, key_size: int
) -> None:
    for option, value in options.items():
        conf.set_override(option, value, 'x509')
    key = read(authority.create_authority(conf, BAY_UUID, 'prod').certificate_pem).public_key()
    assert isinstance(key, key_type)
    assert isinstance(key, ec.EllipticCurvePublicKey | rsa.RSAPublicKey)
    assert key.key_size == key_size


def test_rsa_keys_may_encipher_keys_too() -> None:
    key = rsa.generate_private_key(65537, 2048).public_key()
    assert authority.tls_key_usage(key) == authority.key_usage(
        'digital_signature', 'key_encipherment'
    )


def test_no_certificate_outlives_its_authority(conf: cfg.ConfigOpts) -> None:
    conf.set_override('term_of_validity', 10, 'x509')
    pair = authority.create_authority(conf, BAY_UUID, 'prod')
    conf.set_override('term_of_validity', 1000, 'x509')
    issued = read(issue(conf, pair).pem)
    assert issued.not_valid_after_utc == read(pair.certificate_pem).not_valid_after_utc


def test_an_expired_authority_signs_no_more(
    conf: cfg.ConfigOpts, pair: PrivatePair, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = read(pair.certificate_pem).not_valid_after_utc + DAY
    monkeypatch.setattr(authority, '_now', lambda: later)
    with pytest.raises(errors.AuthorityExpired):
        issue(conf, pair)


def test_the_description_matches_the_certificate(conf: cfg.ConfigOpts, pair: PrivatePair) -> None:
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    issued = Authority(conf, pair).issue(csr.name(O='team', CN='me'), key, [])
    certificate = read(issued.pem)
    assert int(issued.serial, 16) == certificate.serial_number
    assert issued.subject == 'CN=me,O=team'
    assert re.fullmatch('[0-9a-f]{64}', issued.fingerprint)
    assert issued.not_before == certificate.not_valid_before_utc
    assert issued.not_after == certificate.not_valid_after_utc


def test_a_private_key_is_not_shown(pair: PrivatePair) -> None:
    assert 'PRIVATE' not in repr(pair)
    assert b'PRIVATE KEY' in pair.private_key_pem


def test_openssl_verifies_the_chain_strictly(
    conf: cfg.ConfigOpts, pair: PrivatePair, tmp_path: Path
) -> None:
    (tmp_path / 'ca.pem').write_text(pair.certificate_pem)
    client_only = (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), False)
    (tmp_path / 'own.pem').write_text(issue(conf, pair, [client_only]).pem)
    command = ['openssl', 'verify', '-x509_strict', '-purpose', 'sslclient', '-CAfile']
    subprocess.run([*command, tmp_path / 'ca.pem', tmp_path / 'own.pem'], check=True)
