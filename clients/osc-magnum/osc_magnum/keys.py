"""Keys of users, made on this machine and never sent anywhere, and requests for certificates."""

import dataclasses
from collections.abc import Callable
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from osc_lib import exceptions

#: Of Kubernetes: who may do everything.
ADMINISTRATORS: Final = '/O=system:masters/CN=admin'
_ATTRIBUTES: Final = {
    'CN': NameOID.COMMON_NAME,
    'O': NameOID.ORGANIZATION_NAME,
    'OU': NameOID.ORGANIZATIONAL_UNIT_NAME,
    'C': NameOID.COUNTRY_NAME,
    'ST': NameOID.STATE_OR_PROVINCE_NAME,
    'L': NameOID.LOCALITY_NAME,
    'UID': NameOID.USER_ID,
}


@dataclasses.dataclass(frozen=True)
class KeyPair:
    """A private key and a request for its certificate, in PEM."""

    key: str
    request: str


def add_subject(add_argument: Callable[..., object], meaning: str) -> None:
    """Add the option that chooses the subject of a certificate.

    :param add_argument: of a parser, or of a group in it.
    """
    add_argument(
        '--subject',
        metavar='<subject>',
        default=ADMINISTRATORS,
        help=f'{meaning} (default: {ADMINISTRATORS})',
    )


def new(subject: str) -> KeyPair:
    """A new key, and a request for a subject.

    :param subject: as ``openssl req -subj`` takes it: ``/O=group/CN=user``.
    :raises CommandError: the subject cannot be understood.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    request = x509.CertificateSigningRequestBuilder().subject_name(name(subject))
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    signed = request.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    return KeyPair(pem.decode(), signed.decode())


def name(subject: str) -> x509.Name:
    """The name that a text stands for.

    :raises CommandError: it stands for none.
    """
    try:
        if not subject.startswith('/'):
            raise ValueError('it does not begin with "/"')
        return x509.Name([_attribute(part) for part in subject[1:].split('/')])
    except ValueError as error:
        raise exceptions.CommandError(
            f'--subject "{subject}": {error}. Write it as /O=<group>/CN=<user>, with any of '
            f'{", ".join(_ATTRIBUTES)}.'
        ) from error


def _attribute(part: str) -> x509.NameAttribute[str]:
    kind, equals, value = part.partition('=')
    if not equals or kind not in _ATTRIBUTES:
        raise ValueError(f'"{part}" is no attribute of a name')
    return x509.NameAttribute(_ATTRIBUTES[kind], value)
