"""What registrations keeps of an event, and its pools of places."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Column, DateTime, Index, false, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from services.registrations.metadata import Table
from shared.contracts.events import EventState


class EventRow(Table, table=True):
    """Projection of an event: the newest state that the events service published."""

    __tablename__ = "events"

    id: UUID = Field(primary_key=True)
    code: str = Field(unique=True)
    organisation_id: UUID = Field(index=True)
    version: int = Field(sa_type=BigInteger)
    state: dict[str, object] = Field(sa_column=Column(JSONB, nullable=False))

    @property
    def event(self) -> EventState:
        """The state as the contract describes it."""
        return EventState.model_validate(self.state)


class PlacesRow(Table, table=True):
    """A pool of capacity: the one row that admission locks.

    `taken` counts people confirmed, offered and held; `waiting` people on the waitlist. `excess` is by how many people
    the pool was over its capacity when that was lowered; admission never enlarges it, so the check below is
    guarantee 1 in the database itself. A person is in no two pools at once that are shifts of the same time.
    With `answer_within` the organisation decides who gets a place, in so many hours.
    """

    __tablename__ = "places"
    __table_args__ = (
        CheckConstraint("taken >= 0 AND waiting >= 0 AND waiting_parties >= 0 AND excess >= 0", name="not_negative"),
        CheckConstraint("taken <= capacity + excess", name="not_oversold"),
        Index("ix_places_shifts", "starts_at", postgresql_where=text("is_shift")),
    )

    id: UUID = Field(primary_key=True)
    event_id: UUID = Field(index=True)
    capacity: int
    taken: int = 0
    waiting: int = 0
    waiting_parties: int = 0
    excess: int = 0
    version: int = Field(default=0, sa_type=BigInteger)
    open: bool = True
    largest_party: int
    opens_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    closes_at: datetime = Field(sa_type=DateTime(timezone=True))
    starts_at: datetime = Field(sa_type=DateTime(timezone=True))
    ends_at: datetime = Field(sa_type=DateTime(timezone=True))
    is_shift: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    time_zone: str
    answer_within: int | None = None
