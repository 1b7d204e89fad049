"""Tables of key pairs, and of certificates that were issued."""

import datetime
from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from magnum.db.models.base import Base, LongText, options
from magnum.db.types import UTCDateTime

#: Longer names of whom a certificate is issued to are cut.
ISSUED_TO_LENGTH: Final = 255


class KeyPair(Base):
    """A key pair that the service holds for a bay; the key is sealed.

    One that is no pair, but a key alone, has no certificate.
    """

    __tablename__ = 'key_pair'
    __table_args__ = options(
        sa.UniqueConstraint('bay_uuid', 'purpose', name='uq_key_pair_purpose'),
    )

    bay_uuid: Mapped[str] = mapped_column(sa.String(36))
    purpose: Mapped[str] = mapped_column(sa.String(32))
    certificate: Mapped[str] = mapped_column(LongText)
    sealed_private_key: Mapped[str] = mapped_column(LongText)


class IssuedCertificate(Base):
    """A certificate signed for a user or a node.

    ``public_key`` is the SHA-256 of a node's, by which it is known again.
    """

    __tablename__ = 'issued_certificate'
    __table_args__ = options(
        sa.Index('ix_issued_certificate_bay', 'bay_uuid', 'id'),
        sa.Index('ix_issued_certificate_to', 'bay_uuid', 'issued_to'),
    )

    bay_uuid: Mapped[str] = mapped_column(sa.String(36))
    serial: Mapped[str] = mapped_column(sa.String(64))
    subject: Mapped[str] = mapped_column(sa.Text)
    fingerprint: Mapped[str] = mapped_column(sa.String(64))
    not_before: Mapped[datetime.datetime] = mapped_column(UTCDateTime)
    not_after: Mapped[datetime.datetime] = mapped_column(UTCDateTime)
    issued_to: Mapped[str] = mapped_column(sa.String(ISSUED_TO_LENGTH))
    public_key: Mapped[str | None] = mapped_column(sa.String(64))
