"""Signatures of nodes' requests: RFC 9421, in the one form that nodes send.

::

    Content-Digest: sha-256=:<SHA-256 of the body>:
    Signature-Input: magnum=("@method" "content-digest");created=<seconds>;
        nonce="<at least 16 bytes>";keyid="<bay>/<role>/<node>";
        alg="ecdsa-p256-sha256";tag="magnum/report"
    Signature: magnum=:<r and s>:

Proxies rewrite paths: instead of the path, the key id and the tag are signed,
and compared with the route. Requests may be repeated by who hears them, as
reports have numbers of their own and a directive has one result.
"""

import base64
import dataclasses
import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from magnum.api.bootstrap.access import NODE_NAME
from magnum.certificates.bootstrap import ROLES
from magnum.domain import uuids

#: The headers of a signature, as they are written.
HEADERS: Final = ('Content-Digest', 'Signature-Input', 'Signature')

#: The purpose that signing keys are bound under; no certificate has it.
PURPOSE: Final = 'agent'

_DIGEST: Final = re.compile(r'sha-256=:([A-Za-z0-9+/]{43}=):')
_INPUT: Final = re.compile(
    r'magnum=(?P<parameters>\("@method" "content-digest"\)'
    r';created=(?P<created>[1-9][0-9]{0,11})'
    r';nonce="[A-Za-z0-9+/]{22,86}={0,2}"'
    rf';keyid="(?P<bay>{uuids.CANONICAL})/(?P<role>{"|".join(ROLES)})/(?P<node>{NODE_NAME})"'
    r';alg="ecdsa-p256-sha256"'
    r';tag="(?P<tag>magnum/[a-z0-9/-]{1,64})")'
)
_SIGNATURE: Final = re.compile(r'magnum=:([A-Za-z0-9+/]{86}==):')
_HALF: Final = 32   # bytes of r, and of s
_ALGORITHM: Final = ec.ECDSA(hashes.SHA256())
# Verified with in place of a key that is not known, so that both take as long.
_NOBODYS: Final = ec.generate_private_key(ec.SECP256R1()).public_key()


class InvalidKey(Exception):
    """What is shown is no public key that requests may be signed with."""


@dataclasses.dataclass(frozen=True)
class Claim:
    """What a request says that is signed.

    :ivar bay: uuid of the bay.
    :ivar node: name of the node.
    :ivar created: when it was signed, by the node's clock, in seconds.
    """

    bay: str
    role: str
    node: str
    tag: str
    created: int
    base: bytes
    signature: bytes

    def is_by(self, key: str | None) -> bool:
        """Whether it is signed with the private key of a public one.

        :param key: of :func:`public_key`; None takes as long and is False.
        """
        public_key = _NOBODYS if key is None else _loaded(base64.b64decode(key))
        try:
            public_key.verify(self.signature, self.base, _ALGORITHM)
        except InvalidSignature:
            return False
        return key is not None


def claim(headers: Mapping[str, str], method: str, body: bytes) -> Claim | None:
    """What a request claims; None without a signature of the form, or with another body."""
    digest, signed, signature = (
        pattern.fullmatch(headers.get(name, ''))
        for name, pattern in zip(HEADERS, (_DIGEST, _INPUT, _SIGNATURE), strict=True)
    )
    if digest is None or signed is None or signature is None:
        return None
    shown = base64.b64decode(digest[1])
    if not hmac.compare_digest(shown, hashlib.sha256(body).digest()):
        return None
    numbers = base64.b64decode(signature[1])
    base = (
        f'"@method": {method}\n'
        f'"content-digest": {digest[0]}\n'
        f'"@signature-params": {signed["parameters"]}'
    )
    return Claim(
        signed['bay'], signed['role'], signed['node'], signed['tag'], int(signed['created']),
        base.encode(),
        encode_dss_signature(
            int.from_bytes(numbers[:_HALF], 'big'), int.from_bytes(numbers[_HALF:], 'big')
        ),
    )


def public_key(pem: str) -> str:
    """A public key as it is kept: base64 of its SubjectPublicKeyInfo.

    :raises InvalidKey: it is no PEM of one of P-256.
    """
    try:
        key = serialization.load_pem_public_key(pem.encode())
    except Exception as error:      # the library's own, of several kinds
        raise InvalidKey from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise InvalidKey
    return base64.b64encode(key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )).decode()


def fingerprint(key: str) -> str:
    """SHA-256, hexadecimal, of a key of :func:`public_key`."""
    return hashlib.sha256(base64.b64decode(key)).hexdigest()


def _loaded(encoded: bytes) -> ec.EllipticCurvePublicKey:
    key = serialization.load_der_public_key(encoded)
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise TypeError(f'no key of a node: {type(key).__name__}')
    return key
