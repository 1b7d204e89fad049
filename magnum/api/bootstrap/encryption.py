"""The keys with which masters encrypt, for those that take other ones over.

They are secrets: they are in the answer to a master that signs, or registers, and
nowhere else.
"""

import logging
from typing import Any, Final

import webob

from magnum.api.bootstrap.access import Parts
from magnum.api.bootstrap.signed import SignedRequests

LOG = logging.getLogger(__name__)

_TAG: Final = 'magnum/encryption'


class EncryptionController:
    """What masters are given to encrypt with."""

    def __init__(self, parts: Parts):
        self._parts = parts
        self._signed = SignedRequests(parts)

    def keys(self, request: webob.Request, request_id: str, bay: str) -> dict[str, Any]:
        """POST of a registered master: the bay's keys, the one that writes first."""
        node, _ = self._signed.by_master(request, bay, _TAG)
        with self._parts.reading() as session:
            keys = self._parts.certificates.encryption_key(session, bay)
        LOG.info('%s: keys to encrypt with given to the master %s of bay %s',
                 request_id, node.name, bay)
        return {'encryption_key': keys}
