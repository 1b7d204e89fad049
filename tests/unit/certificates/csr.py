"""Signing requests to test with."""

import base64
import textwrap
from collections.abc import Iterable

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from cryptography.x509.oid import NameOID

_OIDS = {
    'CN': NameOID.COMMON_NAME,
    'O': NameOID.ORGANIZATION_NAME,
    'OU': NameOID.ORGANIZATIONAL_UNIT_NAME,
}

Extension = tuple[x509.ExtensionType, bool]


def name(**attributes: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(_OIDS[k], v) for k, v in attributes.items()])


def make(
    subject: x509.Name,
    extensions: Iterable[Extension] = (),
    key: CertificateIssuerPrivateKeyTypes | None = None,
    hash_algorithm: hashes.SHA256 | hashes.SHA512 | None = None,
) -> str:
    """A PEM request, signed by ``key`` (default: a new P-256 key)."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    builder = x509.CertificateSigningRequestBuilder(subject)
    for value, critical in extensions:
        builder = builder.add_extension(value, critical)
    if not isinstance(key, ed448.Ed448PrivateKey | ed25519.Ed25519PrivateKey):
        hash_algorithm = hash_algorithm or hashes.SHA256()
    return builder.sign(key, hash_algorithm).public_bytes(serialization.Encoding.PEM).decode()


def with_another_key(pem: str) -> str:
    """The same request with another public key of the same size put in."""
    request = x509.load_pem_x509_csr(pem.encode())
    own, other = (
        key.public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        for key in (request.public_key(), ec.generate_private_key(ec.SECP256R1()).public_key())
    )
    der = request.public_bytes(serialization.Encoding.DER)
    return _pem(der.replace(own, other))


def _pem(der: bytes) -> str:
    body = '\n'.join(textwrap.wrap(base64.b64encode(der).decode(), 64))
    return f'-----BEGIN CERTIFICATE REQUEST-----\n{body}\n-----END CERTIFICATE REQUEST-----\n'
