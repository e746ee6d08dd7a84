"""Addresses whose owners asked us to stop."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, DateTime
from sqlmodel import Field

from services.notifications.metadata import Table


class OptOutRow(Table, table=True):
    """One address, known by its keyed hash alone. `reminded_at` is when we last said that we are silent."""

    __tablename__ = "optouts"
    __table_args__ = (CheckConstraint("channel IN ('email', 'sms')", name="channel"),)

    channel: str = Field(primary_key=True)
    address_key: UUID = Field(primary_key=True)
    since: datetime = Field(sa_type=DateTime(timezone=True))
    reminded_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
