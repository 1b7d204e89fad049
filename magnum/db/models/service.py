"""Tables of the service itself: quotas, answers, conductors and commits."""

import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from magnum.db.models.base import Base, LongText, Name, options
from magnum.db.types import UTCDateTime


class Quota(Base):
    """How many of a resource a project may have."""

    __tablename__ = 'quota'
    __table_args__ = options(
        sa.UniqueConstraint('project_id', 'resource', name='uq_quota_resource'),
    )

    project_id: Mapped[str] = mapped_column(sa.String(255))
    resource: Mapped[str] = mapped_column(sa.String(64))
    # Null: the operator's default holds; the row is there to be locked.
    hard_limit: Mapped[int | None] = mapped_column(sa.Integer)


class IdempotencyKey(Base):
    """A caller's name for one request, and how that request was answered.

    Written in the transaction that does what the request asks for, so that
    the key and the deed are there together or not at all.
    """

    __tablename__ = 'idempotency_key'
    __table_args__ = options(
        sa.UniqueConstraint('owner', 'key', name='uq_idempotency_key_owner'),
        sa.Index('ix_idempotency_key_created', 'created_at'),
    )

    # A hash of the caller's project and user.
    owner: Mapped[str] = mapped_column(sa.String(64))
    key: Mapped[str] = mapped_column(Name)
    # A hash of the route, what its path names, query, version and body.
    request: Mapped[str] = mapped_column(sa.String(64))
    status: Mapped[int] = mapped_column(sa.Integer)
    headers: Mapped[dict[str, str]] = mapped_column(sa.JSON, default=dict)
    document: Mapped[str] = mapped_column(LongText)


class ConductorService(Base):
    """A conductor process and when it was last seen."""

    __tablename__ = 'conductor_service'
    __table_args__ = options(
        sa.UniqueConstraint('host', 'binary', name='uq_conductor_service_host'),
    )

    host: Mapped[str] = mapped_column(sa.String(255))
    binary: Mapped[str] = mapped_column(sa.String(255))
    report_count: Mapped[int] = mapped_column(default=0)
    last_seen_up: Mapped[datetime.datetime | None] = mapped_column(UTCDateTime)
    disabled: Mapped[bool] = mapped_column(default=False)
    disabled_reason: Mapped[str | None] = mapped_column(sa.String(255))


#: Which transactions were committed: see :mod:`magnum.db.commits`. Keys begin
#: with their time, so that the table needs no other index.
COMMIT_RECORD = sa.Table(
    'commit_record',
    Base.metadata,
    sa.Column('key', sa.String(32), primary_key=True),
    # False: it was asked for and not there.
    sa.Column('is_committed', sa.Boolean, nullable=False),
    **Base.__table_args__,
)
