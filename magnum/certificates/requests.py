"""Reading certificate signing requests."""

import contextlib
from collections.abc import Iterator

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

from magnum.certificates import keys
from magnum.certificates.errors import InvalidCSR

#: Longest PEM text that is read, in characters: an RSA 8192 request with
#: hundreds of names is shorter.
MAX_PEM_LENGTH = 16 * 1024


class SigningRequest:
    """A request whose sender has proved to hold the private key.

    :ivar subject: the subject it asks for.
    :ivar public_key: of a kind that is signed.
    :ivar extensions: the extensions it asks for.
    """

    def __init__(self, subject: x509.Name, public_key: keys.PublicKey, extensions: x509.Extensions):
        self.subject = subject
        self.public_key = public_key
        self.extensions = extensions


def read(pem: str) -> SigningRequest:
    """Read a PEM text.

    :raises InvalidCSR: it is malformed, not signed by its own key, or the key
        is not of a kind and size that is signed.
    """
    if len(pem) > MAX_PEM_LENGTH:
        raise InvalidCSR(f'longer than {MAX_PEM_LENGTH} characters')
    with _malformed('not a PEM certificate request'):
        request = x509.load_pem_x509_csr(pem.encode())
    with _malformed('its public key cannot be read'):
        public_key = request.public_key()
    with _malformed('its subject or extensions cannot be read'):
        subject, extensions = request.subject, request.extensions
    checked_key = keys.checked_public_key(public_key)
    with _malformed('its signature cannot be checked'):
        signature_is_valid = request.is_signature_valid
    if not signature_is_valid:
        raise InvalidCSR('its signature is not by its own key')
    return SigningRequest(subject, checked_key, extensions)


@contextlib.contextmanager
def _malformed(reason: str) -> Iterator[None]:
    """Turn what the library says of malformed input into InvalidCSR."""
    try:
        yield
    except (
        ValueError,
        TypeError,
        UnsupportedAlgorithm,
        x509.DuplicateExtension,
        x509.UnsupportedGeneralNameType,
        x509.InvalidVersion,
    ):
        raise InvalidCSR(reason) from None
