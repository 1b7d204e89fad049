"""Key pairs in the service's own database, private keys sealed."""

import sqlalchemy as sa
from sqlalchemy.orm import Session

from magnum.certificates.authority import PrivatePair
from magnum.certificates.sealing import Sealer
from magnum.db import models


class DatabaseStore:
    """A :class:`~magnum.certificates.stores.CertificateStore` over ``key_pair``."""

    def __init__(self, sealer: Sealer):
        self._sealer = sealer

    def save(self, session: Session, bay_uuid: str, purpose: str, pair: PrivatePair) -> None:
        """Keep a pair, unless there is one already.

        Of two transactions that save the same at once, the table's unique key
        fails the later one; run again, it finds the first one's pair.
        """
        if self.load_certificate(session, bay_uuid, purpose) is not None:
            return
        session.add(
            models.KeyPair(
                bay_uuid=bay_uuid,
                purpose=purpose,
                certificate=pair.certificate_pem,
                sealed_private_key=self._sealer.seal(
                    pair.private_key_pem, _context(bay_uuid, purpose)
                ),
            )
        )
        session.flush()

    def load(self, session: Session, bay_uuid: str, purpose: str) -> PrivatePair | None:
        """The kept pair, opened.

        :raises SealingError: the private key cannot be opened.
        """
        row = session.execute(
            sa.select(models.KeyPair.certificate, models.KeyPair.sealed_private_key)
            .where(*_is_pair(bay_uuid, purpose))
        ).one_or_none()
        if row is None:
            return None
        private_key = self._sealer.unseal(row.sealed_private_key, _context(bay_uuid, purpose))
        return PrivatePair(row.certificate, private_key)

    def load_certificate(self, session: Session, bay_uuid: str, purpose: str) -> str | None:
        """The kept certificate, PEM."""
        return session.scalar(
            sa.select(models.KeyPair.certificate).where(*_is_pair(bay_uuid, purpose))
        )

    def delete(self, session: Session, bay_uuid: str) -> None:
        """Forget every pair of a bay."""
        session.execute(sa.delete(models.KeyPair).where(models.KeyPair.bay_uuid == bay_uuid))


def _is_pair(bay_uuid: str, purpose: str) -> tuple[sa.ColumnElement[bool], ...]:
    return models.KeyPair.bay_uuid == bay_uuid, models.KeyPair.purpose == purpose


def _context(bay_uuid: str, purpose: str) -> str:
    return f'key_pair/{bay_uuid}/{purpose}'
