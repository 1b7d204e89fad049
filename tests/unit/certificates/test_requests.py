import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes

from magnum.certificates import requests
from magnum.certificates.errors import InvalidCSR
from tests.unit.certificates import csr

ME = csr.name(CN='me')


@pytest.mark.parametrize(
    'key',
    [
        rsa.generate_private_key(65537, 2048),
        ec.generate_private_key(ec.SECP256R1()),
        ec.generate_private_key(ec.SECP384R1()),
        ec.generate_private_key(ec.SECP521R1()),
        ed25519.Ed25519PrivateKey.generate(),
    ],
    ids=['rsa', 'p256', 'p384', 'p521', 'ed25519'],
)
def test_strong_keys_are_read(key: CertificateIssuerPrivateKeyTypes) -> None:
    request = requests.read(csr.make(ME, key=key))
    assert request.subject == ME
    assert request.public_key == key.public_key()


@pytest.mark.parametrize(
    ('key', 'reason'),
    [
        (rsa.generate_private_key(65537, 1024), '1024 bits'),  # noqa: S505
        (ec.generate_private_key(ec.SECP256K1()), 'curve secp256k1'),
        (dsa.generate_private_key(2048), 'RSA, ECDSA or Ed25519'),
    ],
    ids=['rsa1024', 'secp256k1', 'dsa'],
)
def test_other_keys_are_refused(key: CertificateIssuerPrivateKeyTypes, reason: str) -> None:
    with pytest.raises(InvalidCSR, match=reason):
        requests.read(csr.make(ME, key=key))


def test_an_ed448_key_is_refused() -> None:
    with pytest.raises(InvalidCSR, match='RSA, ECDSA or Ed25519'):
        requests.read(csr.make(ME, key=ed448.Ed448PrivateKey.generate()))


def test_sha_512_and_organizational_units_are_read() -> None:
    subject = csr.name(OU='development', CN='me')
    request = requests.read(csr.make(subject, hash_algorithm=hashes.SHA512()))
    assert request.subject == subject


def test_a_request_signed_by_another_key_is_refused() -> None:
    with pytest.raises(InvalidCSR, match='signature is not by its own key'):
        requests.read(csr.with_another_key(csr.make(ME)))


_KEY = ec.generate_private_key(ec.SECP256R1())


@pytest.mark.parametrize(
    'pem',
    [
        '',
        'no pem',
        'kein PEM: ü',
        '\udcff',
        '-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n',
        csr.make(ME).replace('REQUEST', 'REQUESTS'),
        csr.make(ME)[:-60],
        _KEY.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode(),
        csr.make(ME) + ' ' * requests.MAX_PEM_LENGTH,
    ],
    ids=['empty', 'text', 'umlaut', 'surrogate', 'zeros', 'label', 'cut', 'key', 'long'],
)
def test_what_is_no_request_is_refused(pem: str) -> None:
    with pytest.raises(InvalidCSR, match='Received invalid csr: '):
        requests.read(pem)


def test_every_cut_of_a_request_is_refused_or_read() -> None:
    """No malformed input makes anything but InvalidCSR."""
    der_lines = csr.make(ME).splitlines()
    for index in range(1, len(der_lines) - 1):
        lines = [*der_lines[:index], 'A' * len(der_lines[index]), *der_lines[index + 1 :]]
        with pytest.raises(InvalidCSR):
            requests.read('\n'.join(lines))
