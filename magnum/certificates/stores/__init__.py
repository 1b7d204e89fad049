"""Where the service keeps the key pairs of bays: one module per place.

``database`` is the one there is; a store elsewhere (Barbican, files) is a
module beside it that keeps :class:`CertificateStore`.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

from sqlalchemy.orm import Session

from magnum.certificates.authority import PrivatePair


class CertificateStore(Protocol):
    """Keeps pairs by bay and purpose, in the caller's transaction."""

    def save(self, session: Session, bay_uuid: str, purpose: str, pair: PrivatePair) -> None:
        """Keep a pair, unless there is one already: the first one stays.

        :param purpose: at most 32 characters.
        """

    def load(self, session: Session, bay_uuid: str, purpose: str) -> PrivatePair | None:
        """The kept pair, or None."""

    def load_all(
        self, session: Session, bay_uuid: str, purposes: Sequence[str]
    ) -> Mapping[str, PrivatePair]:
        """The kept pairs of some purposes, as they are in one moment."""

    def load_certificates(self, session: Session, bay_uuid: str) -> Mapping[str, str]:
        """The kept certificates, PEM, by purpose; no key is opened."""

    def move(self, session: Session, bay_uuid: str, purpose: str, to: str) -> None:
        """Keep a pair under another purpose, which has none; no pair is fine."""

    def remove(self, session: Session, bay_uuid: str, purpose: str) -> None:
        """Forget a pair; none is fine."""

    def delete(self, session: Session, bay_uuid: str) -> None:
        """Forget every pair of a bay; none is fine."""
