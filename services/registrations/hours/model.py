"""Hours: how long somebody worked in a shift, as the person says and as the coordinator signed it off."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, DateTime, Index
from sqlmodel import Field

from services.registrations.metadata import Table

MOST_MINUTES = 24 * 60
LONGEST_NOTE = 500


class HoursRow(Table, table=True):
    """The hours of one registration for a shift; there is a row from the first correction or signature on.

    What is proposed before that follows from check-in and check-out and is kept nowhere. `starts_at` and `ends_at` are
    those of the shift when the row was last written, so that sums by year need no event. `note` is the person's own.
    """

    __tablename__ = "hours"
    __table_args__ = (
        CheckConstraint(f"claimed_minutes BETWEEN 0 AND {MOST_MINUTES}", name="claimed_minutes"),
        CheckConstraint(f"signed_minutes BETWEEN 0 AND {MOST_MINUTES}", name="signed_minutes"),
        CheckConstraint("(claimed_minutes IS NULL) = (claimed_at IS NULL)", name="claimed"),
        CheckConstraint(
            "(signed_minutes IS NULL) = (signed_at IS NULL) AND (signed_at IS NULL) = (signed_by IS NULL)",
            name="signed",
        ),
        CheckConstraint(f"char_length(note) <= {LONGEST_NOTE}", name="note"),
        Index("ix_hours_organisation", "organisation_id", "starts_at"),
    )

    registration_id: UUID = Field(primary_key=True, foreign_key="registrations.id", ondelete="CASCADE")
    event_id: UUID = Field(index=True)
    organisation_id: UUID
    person_id: UUID = Field(foreign_key="people.id", index=True)
    starts_at: datetime = Field(sa_type=DateTime(timezone=True))
    ends_at: datetime = Field(sa_type=DateTime(timezone=True))
    claimed_minutes: int | None = None
    claimed_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    note: str = Field(default="", sa_column_kwargs={"server_default": ""})
    signed_minutes: int | None = None
    signed_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    signed_by: UUID | None = None
