# roles: master worker
"""The service as a node reaches it: HTTP, signed with the node's own key."""

from __future__ import annotations

import base64
import email.utils
import hashlib
import http.client
import json
import os
import time
import urllib.error
import urllib.parse
import urllib.request
from email.message import Message

from .node import Node, openssl
from .opener import opener

KEY = '/etc/magnum/agent.key'
AUTHORITY_OF_CLOUD = '/etc/magnum/openstack-ca.pem'
MOST_BYTES = 1 << 20
#: Client errors after which the same request may succeed.
PASSING = frozenset({408, 425, 429})
#: Length of each half of a signature of P-256, in bytes.
HALF = 32


class Away(Exception):
    """The service is unavailable; ``seconds`` is its Retry-After."""

    def __init__(self, text: str, seconds: float = 0) -> None:
        super().__init__(text)
        self.seconds = seconds


class Refused(Exception):
    """The service refused; retrying is of no use."""

    def __init__(self, text: str, status: int, code: str) -> None:
        super().__init__(text)
        self.status = status
        self.code = code


class Gone(Refused):
    """The bay is gone."""


class Channel:
    """Requests of one node to the service.

    :ivar apart: seconds that the service's clock is ahead of the node's, in its last answer.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._base = f'{node.settings["MAGNUM_BOOTSTRAP_URL"]}/{node.bay}/'
        self._opener = opener(node.settings, node.path(AUTHORITY_OF_CLOUD), self._base)
        self._offset = 0.0
        self.apart = 0.0

    def register(self, body: dict[str, object]) -> dict[str, object]:
        """Register with the token.

        ``renews`` says that the node renews its certificates, and ``signs`` that it signs
        what it asks for later.

        :raises Away: the service is unavailable.
        :raises Refused: the service refused.
        """
        return self._send(
            'register', json.dumps(body).encode(), self._token(), 120, '&renews=true&signs=true'
        )

    def fail(self, body: dict[str, object]) -> None:
        """Say with the token why the boot ended before the node was registered.

        :raises Away: the service is unavailable.
        :raises Refused: the service refused.
        """
        self._send('failure', json.dumps(body).encode(), self._token(), 30)

    def signed(
        self, path: str, tag: str, body: dict[str, object], seconds: float = 30
    ) -> dict[str, object]:
        """Send a signed request.

        :param tag: purpose of the signature, in place of the path, which proxies rewrite.
        :param seconds: that the answer may take.
        :raises Away: the service is unavailable.
        :raises Refused: the service refused; Gone when the bay is gone.
        """
        content = json.dumps(body).encode()
        try:
            return self._send(path, content, self._signature(tag, content), seconds)
        except Refused as refusal:
            if refusal.code != 'magnum.bootstrap.clock':
                raise
        self._offset = self.apart
        return self._send(path, content, self._signature(tag, content), seconds)

    def _token(self) -> dict[str, str]:
        return {'X-Bootstrap-Token': self._node.settings['MAGNUM_BOOTSTRAP_TOKEN']}

    def _signature(self, tag: str, content: bytes) -> dict[str, str]:
        """The header fields of RFC 9421 for a POST."""
        node = self._node
        digest = f'sha-256=:{_base64(hashlib.sha256(content).digest())}:'
        now = int(time.time() + self._offset)
        parameters = (
            f'("@method" "content-digest");created={now};nonce="{_base64(os.urandom(18))}"'
            f';keyid="{node.bay}/{node.role}/{node.name}";alg="ecdsa-p256-sha256";tag="{tag}"'
        )
        base = f'"@method": POST\n"content-digest": {digest}\n"@signature-params": {parameters}'
        der = openssl(
            'dgst', '-sha256', '-sign', str(node.path(KEY)), given=base.encode('ascii')
        )
        return {
            'Content-Digest': digest,
            'Signature-Input': 'magnum=' + parameters,
            'Signature': f'magnum=:{_base64(raw_signature(der))}:',
        }

    def _send(
        self, path: str, content: bytes, headers: dict[str, str], seconds: float, more: str = ''
    ) -> dict[str, object]:
        url = f'{self._base}{path}?node={urllib.parse.quote(self._node.name)}{more}'
        request = urllib.request.Request(   # noqa: S310 - the opener has HTTP only
            url, content,
            {'Content-Type': 'application/json', 'Accept': 'application/json', **headers},
            method='POST',
        )
        try:
            with self._opener.open(request, timeout=seconds) as answer:
                self._compare_clocks(answer.headers)
                found = json.loads(answer.read(MOST_BYTES))
        except urllib.error.HTTPError as error:
            with error:
                self._compare_clocks(error.headers)
                raise _failure(error) from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise Away(f'{type(error).__name__}: {error}') from error
        if not isinstance(found, dict):
            raise Away('the answer is no object')
        return found

    def _compare_clocks(self, headers: Message) -> None:
        told = email.utils.parsedate_tz(headers.get('Date', ''))
        if told:
            self.apart = email.utils.mktime_tz(told) - time.time()


def raw_signature(der: bytes) -> bytes:
    """The numbers r and s side by side, of an ECDSA signature as openssl writes it.

    That is a sequence (0x30, length) of two integers (0x02, length, big-endian).
    """
    halves = []
    place = 2
    for _ in range(2):
        length = der[place + 1]
        number = int.from_bytes(der[place + 2:place + 2 + length], 'big')
        halves.append(number.to_bytes(HALF, 'big'))
        place += 2 + length
    return b''.join(halves)


def _failure(error: urllib.error.HTTPError) -> Exception:
    """The exception for an error response."""
    code, detail = '', ''
    try:
        told = json.loads(error.read(MOST_BYTES))['errors'][0]
        code, detail = str(told['code']), str(told['detail'])
    except (OSError, ValueError, LookupError, TypeError, http.client.HTTPException):
        # Not an answer of the service itself.
        detail = str(error.reason)
    text = f'{error.code} {detail} ({code})' if code else f'{error.code} {detail}'
    if error.code == 410 and code == 'magnum.bootstrap.gone':
        return Gone(text, error.code, code)
    if 400 <= error.code < 500 and error.code not in PASSING:
        return Refused(text, error.code, code)
    wait = error.headers.get('Retry-After', '')
    return Away(text, float(wait) if wait.isdigit() else 0)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode('ascii')
