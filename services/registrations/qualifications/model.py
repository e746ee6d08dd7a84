"""A qualification that an organisation has seen."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import DateTime, Index, text
from sqlmodel import Field

from services.registrations.metadata import Table


class QualificationRow(Table, table=True):
    """Somebody of the organisation looked at a person's document; of the document itself nothing is kept.

    `valid_until` is its last day; none for what does not end. `registration_id` is the one at which it was seen: behind
    that link the person finds it. `reminded_at` is when the person was told that it ends.
    """

    __tablename__ = "qualifications"
    __table_args__ = (
        Index("ix_qualifications_unreminded", "valid_until", postgresql_where=text("reminded_at IS NULL")),
    )

    person_id: UUID = Field(primary_key=True, foreign_key="people.id", ondelete="CASCADE")
    organisation_id: UUID = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    registration_id: UUID = Field(foreign_key="registrations.id", ondelete="CASCADE", index=True)
    valid_until: date | None = None
    seen_at: datetime = Field(sa_type=DateTime(timezone=True))
    seen_by: UUID
    reminded_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
