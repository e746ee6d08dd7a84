"""The development phone and mailbox: what would have gone out."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, DateTime
from sqlmodel import Field

from services.notifications.metadata import Table


class PhoneMessageRow(Table, table=True):
    """One SMS on a development phone: `sent` by us to the phone, or `written` on it."""

    __tablename__ = "phone_messages"
    __table_args__ = (CheckConstraint("direction IN ('sent', 'written')", name="direction"),)

    id: UUID = Field(primary_key=True)
    idempotency_key: UUID = Field(unique=True)
    number: str = Field(index=True)
    direction: str
    text: str
    created_at: datetime = Field(sa_type=DateTime(timezone=True), index=True)


class MailRow(Table, table=True):
    """One mail in the development mailbox, as it would have gone to the mail server."""

    __tablename__ = "mails"

    id: UUID = Field(primary_key=True)
    idempotency_key: UUID = Field(unique=True)
    address: str = Field(index=True)
    subject: str
    raw: bytes
    created_at: datetime = Field(sa_type=DateTime(timezone=True), index=True)
