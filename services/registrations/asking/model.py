"""Whom an organisation may ask when somebody is missing in a shift, and whom it has asked."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import DateTime, Index, text
from sqlmodel import Field

from services.registrations.metadata import Table


class AskableRow(Table, table=True):
    """One person's agreement with one organisation; it counts until it is taken back.

    `registration_id` is the one by which the person agreed: behind its link the agreement is taken back.
    """

    __tablename__ = "askable"
    __table_args__ = (Index("ix_askable_organisation", "organisation_id", postgresql_where=text("ended_at IS NULL")),)

    person_id: UUID = Field(primary_key=True, foreign_key="people.id", ondelete="CASCADE")
    organisation_id: UUID = Field(primary_key=True)
    registration_id: UUID = Field(foreign_key="registrations.id", ondelete="CASCADE")
    agreed_at: datetime = Field(sa_type=DateTime(timezone=True))
    ended_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))


class AskRow(Table, table=True):
    """Somebody was asked about a role in a shift, once."""

    __tablename__ = "asks"

    person_id: UUID = Field(primary_key=True, foreign_key="people.id", ondelete="CASCADE")
    places_id: UUID = Field(primary_key=True)
    asked_at: datetime = Field(sa_type=DateTime(timezone=True))
