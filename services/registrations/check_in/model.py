"""Who came: a party at a session, and people who came without a registration."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, DateTime, ForeignKey, Index, Uuid
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field

from services.registrations.metadata import Table


class Result(StrEnum):
    """What came of a check-in, or of taking it back."""

    CHECKED_IN = "checked-in"
    """The party was not here before, or its number is another now."""
    ALREADY = "already"
    """Somebody checked the party in earlier; that stands."""
    UNDONE = "undone"
    """The party is not here any more."""
    CHECKED_OUT = "checked-out"
    """The volunteer left the shift, now or earlier: the first time stands."""
    NOTHING = "nothing"
    """There was nothing to take back."""


class CheckInRow(Table, table=True):
    """A party at a session: how many of it came, since when, and who said so.

    One that was taken back stays as a row, so that a request which comes again does not bring it back: `request_keys`
    are those that were carried out. `changed_at` is when we learnt of the last change, which is later than
    `checked_in_at` where a device was without a connection. `left_at`: when volunteers left their shift. Of those who
    texted that they came, `checked_in_by` is the person itself.
    """

    __tablename__ = "check_ins"
    __table_args__ = (
        CheckConstraint("came >= 1", name="came"),
        Index("ix_check_ins_session", "session_id", "changed_at"),
    )

    registration_id: UUID = Field(
        sa_column=Column(Uuid, ForeignKey("registrations.id", ondelete="CASCADE"), primary_key=True)
    )
    session_id: UUID = Field(primary_key=True)
    event_id: UUID
    came: int
    checked_in_at: datetime = Field(sa_type=DateTime(timezone=True))
    checked_in_by: UUID
    left_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    undone_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    changed_at: datetime = Field(sa_type=DateTime(timezone=True))
    request_keys: list[UUID] = Field(sa_column=Column(ARRAY(Uuid), nullable=False))


class WalkInRow(Table, table=True):
    """So many people came to a session without a registration; fewer than none puts a mistake right.

    `id` is the request's key.
    """

    __tablename__ = "walk_ins"
    __table_args__ = (
        CheckConstraint("people <> 0", name="people"),
        Index("ix_walk_ins_session", "session_id"),
    )

    id: UUID = Field(primary_key=True)
    event_id: UUID
    session_id: UUID
    people: int
    counted_at: datetime = Field(sa_type=DateTime(timezone=True))
    counted_by: UUID
