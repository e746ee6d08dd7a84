"""What providers told us: texts of people, and receipts for ours."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import DateTime, Index, UniqueConstraint
from sqlmodel import Field

from services.notifications.metadata import Table


class InboundRow(Table, table=True):
    """One SMS that came in. The text itself is not kept: it went on, encrypted, in the same transaction.

    `repeats` is the text of which this one is a provider's repetition.
    """

    __tablename__ = "inbound"
    __table_args__ = (
        UniqueConstraint("provider", "provider_id"),
        Index("ix_inbound_content", "number_key", "content_key", "received_at"),
    )

    id: UUID = Field(primary_key=True)
    provider: str
    provider_id: str
    number_key: UUID
    content_key: UUID
    received_at: datetime = Field(sa_type=DateTime(timezone=True), index=True)
    repeats: UUID | None = None


class ReceiptRow(Table, table=True):
    """One status of one SMS as a provider reported it; a second report of the same is a replay."""

    __tablename__ = "receipts"

    provider: str = Field(primary_key=True)
    provider_id: str = Field(primary_key=True)
    status: str = Field(primary_key=True)
    received_at: datetime = Field(sa_type=DateTime(timezone=True), index=True)
