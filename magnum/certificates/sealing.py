"""Envelope encryption of the secrets that the database keeps.

A sealed value is text of five fields joined by dots::

    v1.<key id>.<wrapped data key>.<nonce>.<ciphertext and tag>

Each value has a data key of its own: AES-256-GCM, with the value's context
as associated data, so that a value moved to another row does not open. The
data key is wrapped (RFC 3394) with one derived from the operator's key that
the key id names. Binary fields are URL-safe base64 without padding.
"""

import base64
import binascii
import hashlib
import hmac
import logging
import os
import pathlib
import stat
from collections.abc import Iterable, Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, keywrap
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from oslo_config import cfg

from magnum.certificates import errors
from magnum.domain.plain_text import one_line

LOG = logging.getLogger(__name__)

KEY_BYTES = 32
_NONCE_BYTES = 12
_SALT_BYTES = 24
_VERSION = 'v1'


def generate_key() -> str:
    """A new operator's key, as the configuration wants it."""
    return base64.b64encode(os.urandom(KEY_BYTES)).decode()


class _OperatorKey:
    """What one operator's key is used for, each use with a derived key."""

    def __init__(self, key: bytes):
        self.id = _derive(key, 'key id', 8).hex()
        self._wrapping_key = _derive(key, 'wrap data keys', KEY_BYTES)
        self._token_key = _derive(key, 'derive tokens', KEY_BYTES)
        self._authentication_key = _derive(key, 'authenticate tokens', KEY_BYTES)

    def wrap(self, data_key: bytes) -> bytes:
        return keywrap.aes_key_wrap(self._wrapping_key, data_key)

    def unwrap(self, wrapped: bytes) -> bytes:
        return keywrap.aes_key_unwrap(self._wrapping_key, wrapped)

    def token(self, message: bytes) -> bytes:
        return hmac.digest(self._token_key, message, hashlib.sha256)

    def authentication(self, message: bytes) -> bytes:
        return hmac.digest(self._authentication_key, message, hashlib.sha256)


class Sealer:
    """Seals and opens values with the operator's keys.

    :param keys: 32 bytes each, newest first; the first one seals.
    :raises EncryptionKeyMissing: there are none.
    :raises EncryptionKeyInvalid: one is not 32 bytes.
    """

    def __init__(self, keys: Sequence[bytes]):
        if not keys:
            raise errors.EncryptionKeyMissing()
        if any(len(key) != KEY_BYTES for key in keys):
            raise errors.EncryptionKeyInvalid(f'A key is not {KEY_BYTES} bytes long.')
        operator_keys = [_OperatorKey(key) for key in keys]
        self._newest = operator_keys[0]
        self._by_id = {key.id: key for key in operator_keys}

    @classmethod
    def from_config(cls, conf: cfg.ConfigOpts) -> 'Sealer':
        """A sealer with the keys of ``[certificates]``.

        :raises EncryptionKeyMissing: no key is configured.
        :raises EncryptionKeyInvalid: a key is malformed or the file unreadable.
        """
        options = conf.certificates
        keys = list(_decoded(options.encryption_keys, '[certificates] encryption_keys'))
        if options.encryption_key_file:
            lines = _key_lines(pathlib.Path(options.encryption_key_file))
            keys.extend(_decoded(lines, options.encryption_key_file))
        return cls(keys)

    def seal(self, plaintext: bytes, context: str) -> str:
        """Encrypt a value for one place.

        :param context: names the place, such as ``key_pair/<bay uuid>/ca``;
            the value opens with the same context only.
        """
        data_key, nonce = os.urandom(KEY_BYTES), os.urandom(_NONCE_BYTES)
        ciphertext = AESGCM(data_key).encrypt(nonce, plaintext, context.encode())
        binary = (self._newest.wrap(data_key), nonce, ciphertext)
        return '.'.join([_VERSION, self._newest.id, *map(_to_text, binary)])

    def unseal(self, text: str, context: str) -> bytes:
        """Decrypt what :meth:`seal` made for the same context.

        :raises EncryptionKeyUnknown: its key is configured no longer.
        :raises SealBroken: it was changed, or sealed for another context.
        """
        try:
            version, key_id, *binary = text.split('.')
            wrapped, nonce, ciphertext = map(_from_text, binary)
        except ValueError:
            raise errors.SealBroken(context) from None
        if version != _VERSION:
            raise errors.SealBroken(context)
        key = self._key(key_id, context)
        try:
            data_key = key.unwrap(wrapped)
            return AESGCM(data_key).decrypt(nonce, ciphertext, context.encode())
        except (keywrap.InvalidUnwrap, InvalidTag, ValueError):
            raise errors.SealBroken(context, key_id) from None

    def new_salt(self) -> str:
        """Salt for :meth:`derive_token`, at most 64 characters.

        It names the key to derive with, so that a token stays the same when
        the operator puts a newer key in front.
        """
        return f'{self._newest.id}.{_to_text(os.urandom(_SALT_BYTES))}'

    def derive_token(self, salt: str, context: str) -> str:
        """A secret of 43 URL-safe characters: the same for the same arguments.

        :raises EncryptionKeyUnknown: the salt's key is configured no longer.
        """
        key_id = salt.partition('.')[0]
        return _to_text(self._key(key_id, context).token(f'{salt}\n{context}'.encode()))

    def authenticate(self, salt: str, text: str) -> str:
        """HMAC-SHA256 of a text that somebody shows, hexadecimal.

        :param salt: of :meth:`new_salt`; names the key, and is part of it.
        :raises EncryptionKeyUnknown: the salt's key is configured no longer.
        """
        message = f'{salt}\n'.encode() + text.encode('utf-8', 'replace')
        key = self._key(salt.partition('.')[0], 'A stored hash')
        return key.authentication(message).hex()

    def _key(self, key_id: str, context: str) -> _OperatorKey:
        try:
            return self._by_id[key_id]
        except KeyError:
            raise errors.EncryptionKeyUnknown(one_line(key_id, 40), context) from None


def _derive(key: bytes, purpose: str, length: int) -> bytes:
    info = f'magnum {_VERSION} {purpose}'.encode()
    return HKDF(algorithm=hashes.SHA256(), length=length, salt=None, info=info).derive(key)


def _to_text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip('=')


def _from_text(text: str) -> bytes:
    """:raises ValueError: it is no base64."""
    padded = text + '=' * (-len(text) % 4)
    return base64.b64decode(padded, altchars=b'-_', validate=True)


def _decoded(texts: Iterable[str], source: str) -> Iterable[bytes]:
    """Keys from their base64; errors tell the place, never the text."""
    for position, text in enumerate(texts, start=1):
        try:
            key = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            key = b''
        if len(key) != KEY_BYTES:
            raise errors.EncryptionKeyInvalid(
                f'Key {position} of {source} is not base64 of {KEY_BYTES} bytes.'
            )
        yield key


def _key_lines(path: pathlib.Path) -> list[str]:
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        lines = [line.strip() for line in path.read_text().splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise errors.EncryptionKeyInvalid(
            f'[certificates] encryption_key_file {path} cannot be read: '
            f'{getattr(error, "strerror", None) or "it is not text"}.'
        ) from None
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        LOG.warning('%s is open to others than its owner (mode %04o); 0600 is safe.', path, mode)
    return [line for line in lines if line and not line.startswith('#')]
