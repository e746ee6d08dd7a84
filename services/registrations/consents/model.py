"""What a participant lets a co-host see."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, DateTime
from sqlmodel import Field

from services.registrations.metadata import Table


class ConsentRow(Table, table=True):
    """One participant's answer to one co-host: `scope` is what was agreed to; without a row nobody agreed to anything.

    What a co-host sees is the smaller of this and of what the host offers it at the moment.
    """

    __tablename__ = "consents"
    __table_args__ = (CheckConstraint("scope IN ('nothing', 'names', 'contact')", name="scope"),)

    registration_id: UUID = Field(primary_key=True, foreign_key="registrations.id", ondelete="CASCADE")
    organisation_id: UUID = Field(primary_key=True)
    scope: str
    answered_at: datetime = Field(sa_type=DateTime(timezone=True))
