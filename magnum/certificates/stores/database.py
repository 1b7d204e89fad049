"""Key pairs in the service's own database, private keys sealed."""

from collections.abc import Mapping, Sequence

from sqlalchemy.orm import Session

from magnum.certificates.authority import PrivatePair
from magnum.certificates.sealing import Sealer
from magnum.db.repositories import key_pairs
from magnum.db.selections import Row


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
        sealed = self._sealer.seal(pair.private_key_pem, context(bay_uuid, purpose))
        key_pairs.insert(session, bay_uuid, purpose, pair.certificate_pem, sealed)

    def load(self, session: Session, bay_uuid: str, purpose: str) -> PrivatePair | None:
        """The kept pair, opened.

        :raises SealingError: the private key cannot be opened.
        """
        row = key_pairs.find(session, bay_uuid, purpose)
        return None if row is None else self._opened(row, bay_uuid, purpose)

    def load_all(
        self, session: Session, bay_uuid: str, purposes: Sequence[str]
    ) -> Mapping[str, PrivatePair]:
        """The kept pairs of some purposes, opened: as they are in one moment.

        :raises SealingError: a private key cannot be opened.
        """
        found = key_pairs.find_all(session, bay_uuid, purposes)
        return {purpose: self._opened(row, bay_uuid, purpose) for purpose, row in found.items()}

    def load_certificates(self, session: Session, bay_uuid: str) -> Mapping[str, str]:
        """The kept certificates, PEM, by purpose."""
        return key_pairs.certificates(session, bay_uuid)

    def move(self, session: Session, bay_uuid: str, purpose: str, to: str) -> None:
        """Keep a pair under another purpose: what is sealed names its own."""
        pair = self.load(session, bay_uuid, purpose)
        if pair is not None:
            self.remove(session, bay_uuid, purpose)
            self.save(session, bay_uuid, to, pair)

    def remove(self, session: Session, bay_uuid: str, purpose: str) -> None:
        """Forget a pair."""
        key_pairs.delete(session, bay_uuid, purpose)

    def delete(self, session: Session, bay_uuid: str) -> None:
        """Forget every pair of a bay."""
        key_pairs.delete_all(session, bay_uuid)

    def _opened(self, row: Row, bay_uuid: str, purpose: str) -> PrivatePair:
        private_key = self._sealer.unseal(row.sealed_private_key, context(bay_uuid, purpose))
        return PrivatePair(row.certificate, private_key)


def context(bay_uuid: str, purpose: str) -> str:
    """What the sealed private key of a pair is bound to."""
    return f'key_pair/{bay_uuid}/{purpose}'
