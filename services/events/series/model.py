"""Series: events that a rule makes, and what the series last wrote into each of them."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Date, DateTime, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import Field

from services.events.metadata import Table


class SeriesRow(Table, table=True):
    """One series. `rule` is RFC 5545's, over days from `first_date` on; `skipped` are days that it leaves out.

    `content` is what the next events are made from, as if they were on `first_date`. `due_at` is when somebody has to
    look next whether dates are missing; a series that has ended makes none.
    """

    __tablename__ = "series"
    __table_args__ = (
        Index("ix_series_due_at", "due_at", postgresql_where=text("ended_at IS NULL")),
        UniqueConstraint("created_by", "request_key"),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisations.id", index=True)
    rule: str
    first_date: date = Field(sa_type=Date)
    skipped: list[date] = Field(default_factory=list, sa_type=ARRAY(Date))
    publishes: bool
    content: dict[str, Any] = Field(sa_type=JSONB)
    version: int = 1
    created_by: UUID
    request_key: UUID
    created_at: datetime = Field(sa_type=DateTime(timezone=True))
    due_at: datetime = Field(sa_type=DateTime(timezone=True))
    ended_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))


class OccurrenceRow(Table, table=True):
    """The event of one day of a series: one at most, however many processes make them.

    `given` is what the series wrote into the event, as if it were on the first day: what is otherwise now was changed
    by hand.
    """

    __tablename__ = "occurrences"

    series_id: UUID = Field(primary_key=True, foreign_key="series.id")
    day: date = Field(primary_key=True, sa_type=Date)
    event_id: UUID = Field(foreign_key="events.id", unique=True)
    given: dict[str, Any] = Field(sa_type=JSONB)
