"""Who signed a request: a node that is registered, of a bay that is there."""

import email.utils
import time
from typing import Any, Final

import sqlalchemy as sa
import webob

from magnum.api import errors
from magnum.api.bootstrap import signatures
from magnum.api.bootstrap.access import (
    LONGEST,
    Parts,
    argument,
    body,
    json_of,
    limit,
    refused,
)
from magnum.api.bootstrap.rate_limits import RateLimiter
from magnum.db.repositories import reports as repository
from magnum.db.selections import Row
from magnum.drivers.contract import MASTER

#: Seconds that the clocks of a node and of the service may be apart.
_CLOCKS_APART: Final = 300
_SIGNING: Final = signatures.PURPOSE


class SignedRequests:
    """Verifies the requests of nodes, and bounds how many each may send.

    :param per_node: counts these requests alone; None: those that have no bound of their own.
    """

    def __init__(self, parts: Parts, per_node: RateLimiter | None = None):
        self._parts = parts
        self._per_node = per_node or parts.per_node

    def by(self, request: webob.Request, bay: str, tag: str) -> tuple[Row, bytes]:
        """The node that signed a request, and the body.

        :param tag: of the signature.
        :raises APIError: bootstrap.REFUSED, whatever the reason; bootstrap.CLOCK to who has a
            good key; bootstrap.GONE.
        """
        text = body(request, LONGEST)
        claim = signatures.claim(request.headers, request.method, text)
        if claim is None or (claim.bay, claim.node, claim.tag) != (
            bay, argument(request, 'node'), tag
        ):
            raise refused()
        with self._parts.at_once() as connection:
            node = repository.find(connection, claim.bay, claim.role, claim.node)
            if not claim.is_by(_key_of(node)) or node is None:
                raise _gone_or_refused(connection, claim.bay)
        now = time.time()
        if abs(now - claim.created) > _CLOCKS_APART:
            raise errors.APIError(
                errors.bootstrap.CLOCK, "The node's clock is more than 5 minutes off.",
                {'Date': email.utils.formatdate(now, usegmt=True)},
            )
        limit(self._per_node, f'{claim.bay}/{claim.role}/{claim.node}')
        return node, text

    def document(
        self, request: webob.Request, bay: str, tag: str, *members: str
    ) -> tuple[Row, dict[str, Any]]:
        """The node that signed a request, and the members of the body.

        :param members: that the body may have.
        :raises APIError: as by ``by``; requests.INVALID_VALUE, the body has another member.
        """
        node, text = self.by(request, bay, tag)
        document = json_of(text)
        for name in document.keys() - set(members):
            raise errors.invalid(name, '', 'There is no such member.')
        return node, document

    def by_master(
        self, request: webob.Request, bay: str, tag: str, *members: str
    ) -> tuple[Row, dict[str, Any]]:
        """The master that signed a request, and the members of the body, as ``document``."""
        node, document = self.document(request, bay, tag, *members)
        if node.role != MASTER:
            raise refused()
        return node, document


def _key_of(node: Row | None) -> str | None:
    """The key that the node's requests are signed with, if they are taken."""
    if node is None or node.signing_key is None:
        return None
    bound = node.public_keys.get(_SIGNING)
    return node.signing_key if bound == signatures.fingerprint(node.signing_key) else None


def _gone_or_refused(connection: sa.Connection, bay_uuid: str) -> errors.APIError:
    if repository.is_gone(connection, bay_uuid):
        return errors.APIError(errors.bootstrap.GONE, 'The bay was deleted.')
    return refused()
