"""Tokens by which nodes that are being built ask for their certificates.

A token lives as long as its operation builds nodes. It is written nowhere:
it is computed again from a stored salt and the operator's key, and what a
node shows is compared with a stored hash.
"""

import hashlib
import hmac

import sqlalchemy as sa
from sqlalchemy.orm import Session

from magnum.certificates.sealing import Sealer
from magnum.db import models
from magnum.drivers.contract import MASTER, WORKER

#: Every role has a token of its own: a worker's opens nothing of a master.
ROLES = (MASTER, WORKER)


class BootstrapTokens:
    """Arms, disarms and verifies, in the caller's transaction."""

    def __init__(self, sealer: Sealer):
        self._sealer = sealer

    def arm(self, session: Session, bay_uuid: str, operation_uuid: str) -> dict[str, str]:
        """Tokens by role; the same ones whenever it is the same operation.

        :raises EncryptionKeyUnknown: the key is gone that the operation's
            tokens were made with.
        """
        rows = session.scalars(
            sa.select(models.BootstrapToken).where(
                models.BootstrapToken.operation_uuid == operation_uuid
            )
        )
        rows_by_role = {row.role: row for row in rows}
        return {
            role: self._arm_role(session, rows_by_role.get(role), bay_uuid, operation_uuid, role)
            for role in ROLES
        }

    def _arm_role(
        self,
        session: Session,
        row: models.BootstrapToken | None,
        bay_uuid: str,
        operation_uuid: str,
        role: str,
    ) -> str:
        salt = row.salt if row else self._sealer.new_salt()
        token = self._sealer.derive_token(salt, f'bootstrap/{bay_uuid}/{operation_uuid}/{role}')
        if row:
            row.armed = True
        else:
            session.add(
                models.BootstrapToken(
                    bay_uuid=bay_uuid,
                    operation_uuid=operation_uuid,
                    role=role,
                    salt=salt,
                    token_hash=_hash(token),
                    armed=True,
                )
            )
        session.flush()
        return token

    def disarm(self, session: Session, operation_uuid: str) -> None:
        """Let the tokens of an operation open nothing any more."""
        session.execute(
            sa.update(models.BootstrapToken)
            .where(models.BootstrapToken.operation_uuid == operation_uuid)
            .values(armed=False)
        )

    def verify(self, session: Session, bay_uuid: str, token: str) -> str | None:
        """The role whose armed token of that bay this is, or None.

        Anything may be passed in; the work done is the same for whatever is
        wrong.
        """
        shown = _hash(token)
        armed = session.execute(
            sa.select(models.BootstrapToken.role, models.BootstrapToken.token_hash).where(
                models.BootstrapToken.bay_uuid == bay_uuid,
                models.BootstrapToken.armed.is_(True),
            )
        ).all()
        matching = [role for role, kept in armed if hmac.compare_digest(kept, shown)]
        return matching[0] if matching else None

    def forget(self, session: Session, bay_uuid: str) -> None:
        """Drop every token of a bay; none is fine."""
        session.execute(
            sa.delete(models.BootstrapToken).where(models.BootstrapToken.bay_uuid == bay_uuid)
        )


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode('utf-8', 'replace')).hexdigest()
