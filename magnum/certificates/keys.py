"""Private keys that the service makes, and public keys that it signs."""

import hashlib

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import (
    CertificatePublicKeyTypes,
    PrivateKeyTypes,
)
from oslo_config import cfg

from magnum.certificates.errors import InvalidCSR

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
#: Public keys that the service signs.
PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey

_MIN_RSA_BITS = 2048
_CURVES = (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)


def new_private_key(conf: cfg.ConfigOpts) -> PrivateKey:
    """A key of the kind that ``[x509] key_type`` names."""
    if conf.x509.key_type == 'rsa':
        return rsa.generate_private_key(public_exponent=65537, key_size=conf.x509.rsa_key_size)
    return ec.generate_private_key(ec.SECP256R1())


def to_pem(key: PrivateKeyTypes) -> bytes:
    """PKCS 8, not encrypted: for the store's own encryption."""
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def from_pem(pem: bytes) -> PrivateKey:
    """The key of :func:`to_pem`."""
    key = serialization.load_pem_private_key(pem, password=None)
    if not isinstance(key, PrivateKey):
        raise TypeError(f'no key of an authority: {type(key).__name__}')
    return key


def fingerprint(key: PublicKey) -> str:
    """SHA-256 of a public key (of its SubjectPublicKeyInfo), hexadecimal."""
    encoded = key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return hashlib.sha256(encoded).hexdigest()


def checked_public_key(key: CertificatePublicKeyTypes) -> PublicKey:
    """The same key, known to be strong enough.

    :raises InvalidCSR: it is of a kind or size that is not signed.
    """
    if not isinstance(key, PublicKey):
        raise InvalidCSR('keys are RSA, ECDSA or Ed25519')
    if isinstance(key, rsa.RSAPublicKey) and key.key_size < _MIN_RSA_BITS:
        raise InvalidCSR(f'an RSA key of {key.key_size} bits; {_MIN_RSA_BITS} are the least')
    if isinstance(key, ec.EllipticCurvePublicKey) and not isinstance(key.curve, _CURVES):
        raise InvalidCSR(f'the curve {key.curve.name}; P-256, P-384 and P-521 are allowed')
    return key
