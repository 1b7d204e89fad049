"""Signatures of nodes' requests (RFC 9421), made by nothing of the service's."""

import base64
import hashlib
import secrets
import time

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature


def signed(
    key: ec.EllipticCurvePrivateKey,
    body: bytes,
    keyid: str,
    tag: str,
    created: float | None = None,
    method: str = 'POST',
) -> dict[str, str]:
    """The header fields of a signed request."""
    digest = f'sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:'
    parameters = (
        f'("@method" "content-digest");created={int(created or time.time())}'
        f';nonce="{base64.b64encode(secrets.token_bytes(16)).decode()}";keyid="{keyid}"'
        f';alg="ecdsa-p256-sha256";tag="{tag}"'
    )
    base = f'"@method": {method}\n"content-digest": {digest}\n"@signature-params": {parameters}'
    r, s = decode_dss_signature(key.sign(base.encode(), ec.ECDSA(hashes.SHA256())))
    both = base64.b64encode(r.to_bytes(32, 'big') + s.to_bytes(32, 'big')).decode()
    return {
        'Content-Digest': digest, 'Signature-Input': f'magnum={parameters}',
        'Signature': f'magnum=:{both}:',
    }
