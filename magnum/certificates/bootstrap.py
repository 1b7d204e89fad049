"""Tokens by which nodes that are being built ask for their certificates.

A token is armed for the nodes of one role, by an operation that builds such
nodes, and opens nothing any more when that operation ends. It is written
nowhere: it is computed again from a stored salt and the operator's key. What
a node shows is compared by its HMAC, so whoever reads the database can
neither use nor verify a token.
"""

import dataclasses
import hashlib
import hmac
from collections.abc import Iterable

from sqlalchemy.orm import Session

from magnum.certificates.errors import EncryptionKeyUnknown
from magnum.certificates.sealing import Sealer
from magnum.db import models
from magnum.db.repositories import tokens
from magnum.drivers.contract import MASTER, WORKER

#: Every role has a token of its own: a worker's opens nothing of a master.
ROLES = (MASTER, WORKER)


@dataclasses.dataclass(frozen=True)
class ShownToken:
    """What a good token was armed for."""

    role: str
    operation_uuid: str


class BootstrapTokens:
    """Arms and verifies, in the caller's transaction."""

    def __init__(self, sealer: Sealer):
        self._sealer = sealer

    def arm(
        self, session: Session, bay_uuid: str, operation_uuid: str, roles: Iterable[str]
    ) -> dict[str, str]:
        """Tokens by role; the same ones whenever it is the same operation.

        :param roles: those of which the operation builds nodes.
        :raises EncryptionKeyUnknown: the key is gone that the operation's
            tokens were made with.
        """
        rows = {row.role: row for row in tokens.of_operation(session, operation_uuid)}
        for role in set(roles) - rows.keys():
            salt = self._sealer.new_salt()
            token = self._token(salt, bay_uuid, operation_uuid, role)
            rows[role] = models.BootstrapToken(
                bay_uuid=bay_uuid,
                operation_uuid=operation_uuid,
                role=role,
                salt=salt,
                token_hash=self._sealer.authenticate(salt, token),
            )
        for role, row in rows.items():
            row.armed = role in roles
        tokens.save(session, list(rows.values()))
        return self.armed(session, operation_uuid)

    def armed(self, session: Session, operation_uuid: str) -> dict[str, str]:
        """The operation's tokens that open something, by role.

        :raises EncryptionKeyUnknown: as ``arm``.
        """
        return {
            row.role: self._token(row.salt, row.bay_uuid, operation_uuid, row.role)
            for row in tokens.of_operation(session, operation_uuid)
            if row.armed
        }

    def verify(self, session: Session, bay_uuid: str, token: str) -> ShownToken | None:
        """What the armed token of that bay is for, or None.

        Anything may be passed in; the work done is the same for whatever is
        wrong.
        """
        matching = [
            ShownToken(row.role, row.operation_uuid)
            for row in tokens.armed(session, bay_uuid)
            if self._is_of(token, row.salt, row.token_hash)
        ]
        return matching[0] if matching else None

    def _token(self, salt: str, bay_uuid: str, operation_uuid: str, role: str) -> str:
        return self._sealer.derive_token(salt, f'bootstrap/{bay_uuid}/{operation_uuid}/{role}')

    def _is_of(self, token: str, salt: str, kept: str) -> bool:
        """Whether the kept HMAC, or an earlier release's hash, is of this token."""
        try:
            shown = self._sealer.authenticate(salt, token)
        except EncryptionKeyUnknown:
            return False
        return any(
            # Both are compared, whichever it is.
            [hmac.compare_digest(kept, shown), hmac.compare_digest(kept, _plain_hash(token))]
        )


def _plain_hash(token: str) -> str:
    """What the release before this one kept of a token; operations may be under way."""
    return hashlib.sha256(token.encode('utf-8', 'replace')).hexdigest()
