"""Tables of operations, and of what they leave: external things and events."""

import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from magnum.db.models.base import Base, Name, new_uuid, options
from magnum.db.types import UTCDateTime
from magnum.domain.parameters import Stored


class Operation(Base):
    """Work promised to a user. The row is the truth; messages are hints.

    ``active_for`` is the uuid of what the operation has taken while it is
    active, a node group or the whole bay, and null before and afterwards: its
    uniqueness is what keeps a node group, or a bay, from having two.
    ``fence`` rises with every claim; a worker's writes carry it.
    """

    __tablename__ = 'operation'
    __table_args__ = options(
        sa.Index('ix_operation_bay', 'bay_uuid', 'id'),
        sa.Index('ix_operation_active', 'bay_uuid', 'active_for'),
        sa.Index('ix_operation_claim', 'state', 'not_before'),
        sa.Index('ix_operation_lease', 'state', 'lease_expires_at'),
    )

    uuid: Mapped[str] = mapped_column(sa.String(36), default=new_uuid, unique=True)
    bay_uuid: Mapped[str] = mapped_column(sa.String(36))
    bay_name: Mapped[str] = mapped_column(Name)
    project_id: Mapped[str | None] = mapped_column(sa.String(255), index=True)
    verb: Mapped[str] = mapped_column(sa.String(20))
    phase: Mapped[str] = mapped_column(sa.String(20))
    state: Mapped[str] = mapped_column(sa.String(20))
    active_for: Mapped[str | None] = mapped_column(sa.String(36), unique=True)
    # Read and written by magnum.domain.parameters.
    parameters: Mapped[Stored] = mapped_column(sa.JSON, default=dict)
    # Who asked; the roles bound what the bay's identity may be given.
    user_id: Mapped[str | None] = mapped_column(sa.String(255))
    requester_project_id: Mapped[str | None] = mapped_column(sa.String(255))
    roles: Mapped[list[str]] = mapped_column(sa.JSON, default=list)
    request_id: Mapped[str | None] = mapped_column(sa.String(64))
    # Claim
    fence: Mapped[int] = mapped_column(default=0)
    worker: Mapped[str | None] = mapped_column(sa.String(255))
    lease_expires_at: Mapped[datetime.datetime | None] = mapped_column(UTCDateTime)
    not_before: Mapped[datetime.datetime | None] = mapped_column(UTCDateTime)
    attempts: Mapped[int] = mapped_column(default=0)
    cancel_requested: Mapped[bool] = mapped_column(default=False)
    preempts: Mapped[str | None] = mapped_column(sa.String(36))
    # The failed operation that this one tries again.
    retries: Mapped[str | None] = mapped_column(sa.String(36))
    # What Heat was asked: the stack, the action, and its time stamp before.
    stack_id: Mapped[str | None] = mapped_column(sa.String(255))
    stack_action: Mapped[str | None] = mapped_column(sa.String(20))
    stack_updated_before: Mapped[str | None] = mapped_column(sa.String(40))
    deadline: Mapped[datetime.datetime] = mapped_column(UTCDateTime, index=True)
    # Why it failed, or what it last met: code, reason, resource, owner, retryable.
    error: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON(none_as_null=True))
    # A failure that its worker did not meet: the worker ends the operation with it.
    found_failure: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON(none_as_null=True))
    started_at: Mapped[datetime.datetime | None] = mapped_column(UTCDateTime)
    finished_at: Mapped[datetime.datetime | None] = mapped_column(UTCDateTime)


class OperationStep(Base):
    """One step of an operation: what the API shows and what a resume reads."""

    __tablename__ = 'operation_step'
    __table_args__ = options(
        sa.UniqueConstraint('operation_uuid', 'name', name='uq_operation_step_name'),
    )

    operation_uuid: Mapped[str] = mapped_column(
        sa.String(36), sa.ForeignKey('operation.uuid', ondelete='CASCADE')
    )
    name: Mapped[str] = mapped_column(sa.String(64))
    position: Mapped[int] = mapped_column(sa.Integer)
    state: Mapped[str] = mapped_column(sa.String(20))
    attempts: Mapped[int] = mapped_column(default=0)
    reason: Mapped[str | None] = mapped_column(sa.Text)
    started_at: Mapped[datetime.datetime | None] = mapped_column(UTCDateTime)
    finished_at: Mapped[datetime.datetime | None] = mapped_column(UTCDateTime)


class LedgerEntry(Base):
    """An external thing of a bay, written down before it is made.

    Delete reads these and nothing else. There is no foreign key to the bay:
    an entry must survive whatever happens to the bay's row.
    """

    __tablename__ = 'ledger_entry'
    __table_args__ = options(
        sa.UniqueConstraint('bay_uuid', 'kind', 'name', name='uq_ledger_entry_thing'),
    )

    bay_uuid: Mapped[str] = mapped_column(sa.String(36))
    project_id: Mapped[str | None] = mapped_column(sa.String(255))
    kind: Mapped[str] = mapped_column(sa.String(64))
    name: Mapped[str] = mapped_column(Name)
    external_id: Mapped[str | None] = mapped_column(sa.String(255))


class Event(Base):
    """One line of a bay's timeline."""

    __tablename__ = 'event'
    __table_args__ = options(sa.Index('ix_event_bay', 'bay_uuid', 'id'))

    bay_uuid: Mapped[str] = mapped_column(sa.String(36))
    project_id: Mapped[str | None] = mapped_column(sa.String(255))
    operation_uuid: Mapped[str | None] = mapped_column(sa.String(36))
    request_id: Mapped[str | None] = mapped_column(sa.String(64))
    kind: Mapped[str] = mapped_column(sa.String(64))
    message: Mapped[str] = mapped_column(sa.Text)
