"""The ledger: one row per notification and person, written before anybody is told anything."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, DateTime, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from services.notifications.metadata import Table


class State(StrEnum):
    """Where a delivery stands; those from `sent` on have ended, though a receipt may still correct `sent`."""

    QUEUED = "queued"
    SENDING = "sending"
    UNKNOWN = "unknown"
    SENT = "sent"
    DELIVERED = "delivered"
    FAILED = "failed"
    SUPPRESSED = "suppressed"
    EXPIRED = "expired"


_STATES = ", ".join(f"'{state}'" for state in State)
_DUE = text("state IN ('queued', 'unknown')")


class DeliveryRow(Table, table=True):
    """One delivery.

    `cause_id` is the message that caused it, and unique: nobody is told twice. `recipient` is the person's id, else
    the keyed hash of the address; deliveries of one recipient go out in order. `sealed` is encrypted for `purpose`
    and holds the link's secret or the address. `attempts` is also the token that a claimer proves its lease by.

    On the channel `desk` nothing is sent: the row is an entry of the call list, open while it is `queued`, and
    `delivered` once the member `told_by` has said it to the person.
    """

    __tablename__ = "deliveries"
    __table_args__ = (
        CheckConstraint(f"state IN ({_STATES})", name="state"),
        CheckConstraint("channel IN ('email', 'sms', 'desk')", name="channel"),
        CheckConstraint("(state = 'sending') = (lease_until IS NOT NULL)", name="lease"),
        CheckConstraint("(sealed IS NULL) = (purpose IS NULL)", name="sealed"),
        CheckConstraint("person_id IS NOT NULL OR address_key IS NOT NULL", name="recipient"),
        CheckConstraint("attempts >= 0", name="attempts"),
        CheckConstraint("told_by IS NULL OR (channel = 'desk' AND state = 'delivered')", name="told"),
        CheckConstraint("channel <> 'desk' OR state IN ('queued', 'delivered', 'expired')", name="desk"),
        Index("ix_deliveries_due", "next_attempt_at", "id", postgresql_where=_DUE),
        Index("ix_deliveries_lease", "lease_until", postgresql_where=text("state = 'sending'")),
        Index("ix_deliveries_recipient", "recipient", "id"),
        Index("ix_deliveries_event", "event_id", "template", "channel", "state"),
        Index("ix_deliveries_calls", "event_id", "state", "ended_at", postgresql_where=text("channel = 'desk'")),
        Index("ix_deliveries_created_at", "created_at"),
        Index("ix_deliveries_address_key", "address_key", postgresql_where=text("address_key IS NOT NULL")),
    )

    id: UUID = Field(primary_key=True)
    cause_id: UUID = Field(unique=True)
    correlation_id: UUID
    recipient: UUID
    person_id: UUID | None = None
    address_key: UUID | None = None
    template: str
    channel: str
    event_id: UUID | None = None
    registration_id: UUID | None = None
    data: dict[str, Any] = Field(sa_type=JSONB)
    sealed: str | None = None
    purpose: str | None = None
    state: str = State.QUEUED
    attempts: int = 0
    next_attempt_at: datetime = Field(sa_type=DateTime(timezone=True))
    lease_until: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    expires_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    idempotency_key: UUID = Field(unique=True)
    provider: str | None = None
    provider_id: str | None = None
    segments: int | None = None
    error_code: str | None = None
    told_by: UUID | None = None
    version: int = 0
    created_at: datetime = Field(sa_type=DateTime(timezone=True))
    sent_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    ended_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
