"""Tables of bays' own users in Keystone, and of their credentials."""

import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from magnum.db.models.base import Base, LongText, options
from magnum.db.types import UTCDateTime


class BayIdentity(Base):
    """The Keystone user that owns a bay's stack; the password is sealed."""

    __tablename__ = 'bay_identity'
    __table_args__ = options()

    bay_uuid: Mapped[str] = mapped_column(sa.String(36), unique=True)
    project_id: Mapped[str | None] = mapped_column(sa.String(255))
    username: Mapped[str] = mapped_column(sa.String(255))
    user_id: Mapped[str | None] = mapped_column(sa.String(255))
    sealed_password: Mapped[str] = mapped_column(LongText)


class CloudCredential(Base):
    """An application credential of a bay's Keystone user, for the bay's masters.

    There is one, but for the time of a rotation. ``name`` is Keystone's, and
    so is ``credential_id`` when it has been made; the secret is sealed.
    ``access`` is what masters need beside it (see
    :class:`magnum.clients.application_credentials.Access`), and null until the
    credential was seen working: before that no master gets it. ``checked_at`` is
    when a conductor last took it up to see whether Keystone still accepts it.
    """

    __tablename__ = 'cloud_credential'
    __table_args__ = options(
        sa.UniqueConstraint('bay_uuid', 'generation', name='uq_cloud_credential_generation'),
    )

    bay_uuid: Mapped[str] = mapped_column(sa.String(36))
    generation: Mapped[int] = mapped_column(sa.Integer)
    name: Mapped[str] = mapped_column(sa.String(255))
    sealed_secret: Mapped[str] = mapped_column(LongText)
    credential_id: Mapped[str | None] = mapped_column(sa.String(255))
    access: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON(none_as_null=True))
    checked_at: Mapped[datetime.datetime | None] = mapped_column(UTCDateTime)


class PurposeCredential(Base):
    """An application credential for one of the purposes for which a bay uses the cloud.

    It is of a generation of :class:`CloudCredential`, which is for all purposes
    without a row here: where masters are of an earlier release, for all there are.
    That one is seen working after all of these; before that no master gets any.
    """

    __tablename__ = 'purpose_credential'
    __table_args__ = options(
        sa.UniqueConstraint(
            'bay_uuid', 'generation', 'purpose', name='uq_purpose_credential_purpose'
        ),
    )

    bay_uuid: Mapped[str] = mapped_column(sa.String(36))
    generation: Mapped[int] = mapped_column(sa.Integer)
    purpose: Mapped[str] = mapped_column(sa.String(64))
    name: Mapped[str] = mapped_column(sa.String(255))
    sealed_secret: Mapped[str] = mapped_column(LongText)
    credential_id: Mapped[str | None] = mapped_column(sa.String(255))
