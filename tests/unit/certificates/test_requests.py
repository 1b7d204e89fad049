import pytest
from cryptography import x509
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


NO_REQUEST = 'not a PEM certificate request'


@pytest.mark.parametrize(
    ('pem', 'reason'),
    [
        ('', NO_REQUEST),
        ('no pem', NO_REQUEST),
        ('kein PEM: ü', NO_REQUEST),
        ('\udcff', NO_REQUEST),
        (
            '-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n',
            NO_REQUEST,
        ),
        (csr.make(ME).replace('REQUEST', 'REQUESTS'), NO_REQUEST),
        (csr.make(ME)[:-60], NO_REQUEST),
        (
            _KEY.public_key()
            .public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            )
            .decode(),
            NO_REQUEST,
        ),
        (csr.make(ME) + ' ' * requests.MAX_PEM_LENGTH, 'longer than 16384 characters'),
    ],
    ids=['empty', 'text', 'umlaut', 'surrogate', 'zeros', 'label', 'cut', 'key', 'long'],
)
def test_what_is_no_request_is_refused(pem: str, reason: str) -> None:
    with pytest.raises(InvalidCSR, match=f'^Received invalid csr: {reason}$'):
        requests.read(pem)


def test_a_request_of_the_greatest_length_is_read() -> None:
    pem = csr.make(ME)
    assert requests.read(pem.ljust(requests.MAX_PEM_LENGTH, '\n')).subject == ME


def test_extensions_that_cannot_be_read_are_named() -> None:
    twice = [
        (x509.SubjectKeyIdentifier(b'mine'), False),
        (x509.UnrecognizedExtension(x509.ObjectIdentifier('2.5.29.15'), b'\x05\x00'), False),
    ]
    with pytest.raises(InvalidCSR, match='its subject or extensions cannot be read'):
        requests.read(csr.make(ME, twice))


def test_every_cut_of_a_request_is_refused_or_read() -> None:
    """No malformed input makes anything but InvalidCSR."""
    der_lines = csr.make(ME).splitlines()
    for index in range(1, len(der_lines) - 1):
        lines = [*der_lines[:index], 'A' * len(der_lines[index]), *der_lines[index + 1 :]]
        with pytest.raises(InvalidCSR):
            requests.read('\n'.join(lines))
