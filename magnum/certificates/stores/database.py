"""Key pairs in the service's own database, private keys sealed."""

from collections.abc import Mapping
from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from magnum.certificates.authority import PrivatePair
from magnum.certificates.sealing import Sealer
from magnum.db import models

_TABLE: Final[sa.Table] = models.KeyPair.__table__  # type: ignore[assignment]
_IS_PAIR: Final = (
    _TABLE.c.bay_uuid == sa.bindparam('of_bay'),
    _TABLE.c.purpose == sa.bindparam('of_purpose'),
)
# Made once: making a statement costs as much as running it.
_CERTIFICATES: Final = sa.select(_TABLE.c.purpose, _TABLE.c.certificate).where(_IS_PAIR[0])
_PAIR: Final = sa.select(_TABLE.c.certificate, _TABLE.c.sealed_private_key).where(*_IS_PAIR)


class DatabaseStore:
    """A :class:`~magnum.certificates.stores.CertificateStore` over ``key_pair``."""

    def __init__(self, sealer: Sealer):
        self._sealer = sealer

    def save(self, session: Session, bay_uuid: str, purpose: str, pair: PrivatePair) -> None:
        """Keep a pair, unless there is one already.

        Of two transactions that save the same at once, the table's unique key
        fails the later one; run again, it finds the first one's pair.
        """
        if purpose in self.load_certificates(session, bay_uuid):
            return
        session.add(
            models.KeyPair(
                bay_uuid=bay_uuid,
                purpose=purpose,
                certificate=pair.certificate_pem,
                sealed_private_key=self._sealer.seal(
                    pair.private_key_pem, context(bay_uuid, purpose)
                ),
            )
        )
        session.flush()

    def load(self, session: Session, bay_uuid: str, purpose: str) -> PrivatePair | None:
        """The kept pair, opened.

        :raises SealingError: the private key cannot be opened.
        """
        row = session.execute(_PAIR, _key(bay_uuid, purpose)).one_or_none()
        if row is None:
            return None
        private_key = self._sealer.unseal(row.sealed_private_key, context(bay_uuid, purpose))
        return PrivatePair(row.certificate, private_key)

    def load_certificates(self, session: Session, bay_uuid: str) -> Mapping[str, str]:
        """The kept certificates, PEM, by purpose."""
        found = session.execute(_CERTIFICATES, {'of_bay': bay_uuid})
        return {row.purpose: row.certificate for row in found}

    def move(self, session: Session, bay_uuid: str, purpose: str, to: str) -> None:
        """Keep a pair under another purpose: what is sealed names its own."""
        pair = self.load(session, bay_uuid, purpose)
        if pair is not None:
            self.remove(session, bay_uuid, purpose)
            self.save(session, bay_uuid, to, pair)

    def remove(self, session: Session, bay_uuid: str, purpose: str) -> None:
        """Forget a pair."""
        session.execute(sa.delete(_TABLE).where(*_IS_PAIR), _key(bay_uuid, purpose))

    def delete(self, session: Session, bay_uuid: str) -> None:
        """Forget every pair of a bay."""
        session.execute(sa.delete(models.KeyPair).where(models.KeyPair.bay_uuid == bay_uuid))


def _key(bay_uuid: str, purpose: str) -> dict[str, str]:
    return {'of_bay': bay_uuid, 'of_purpose': purpose}


def context(bay_uuid: str, purpose: str) -> str:
    """What the sealed private key of a pair is bound to."""
    return f'key_pair/{bay_uuid}/{purpose}'
