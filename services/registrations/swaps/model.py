"""A swap: two people in two shifts of an event, who change places if both agree."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, DateTime, Index, text
from sqlmodel import Field

from services.registrations.metadata import Table


class Outcome(StrEnum):
    """How a swap ended."""

    DONE = "done"
    DECLINED = "declined"
    EXPIRED = "expired"
    IMPOSSIBLE = "impossible"
    """Both agreed, and one of them had no such place any more, or another shift at that time."""
    WITHDRAWN = "withdrawn"


class SwapRow(Table, table=True):
    """What two registrations were asked, and what each said; the places are theirs when they were asked.

    A registration is in one open swap at most: the two indexes, and the lock of the registrations while they are asked.
    """

    __tablename__ = "swaps"
    __table_args__ = (
        CheckConstraint("first_id <> second_id AND first_places <> second_places", name="two"),
        CheckConstraint("(ended_at IS NULL) = (outcome IS NULL)", name="ended"),
        CheckConstraint("outcome IN ('done', 'declined', 'expired', 'impossible', 'withdrawn')", name="outcome"),
        CheckConstraint(
            "outcome <> 'done' OR (first_agreed_at IS NOT NULL AND second_agreed_at IS NOT NULL)", name="both_agreed"
        ),
        Index("uq_swaps_first", "first_id", unique=True, postgresql_where=text("ended_at IS NULL")),
        Index("uq_swaps_second", "second_id", unique=True, postgresql_where=text("ended_at IS NULL")),
        Index("ix_swaps_expires_at", "expires_at", postgresql_where=text("ended_at IS NULL")),
    )

    id: UUID = Field(primary_key=True)
    event_id: UUID = Field(index=True)
    first_id: UUID = Field(foreign_key="registrations.id", ondelete="CASCADE")
    second_id: UUID = Field(foreign_key="registrations.id", ondelete="CASCADE")
    first_places: UUID
    second_places: UUID
    asked_by: UUID
    asked_at: datetime = Field(sa_type=DateTime(timezone=True))
    expires_at: datetime = Field(sa_type=DateTime(timezone=True))
    first_agreed_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    second_agreed_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    ended_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    outcome: str | None = None
