"""A registration: one party's place, or wish for a place, at one event."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, DateTime, Index, LargeBinary, false, text
from sqlmodel import Field

from services.registrations.metadata import Table


class State(StrEnum):
    """Where a registration stands. The first five are live, the others have ended.

    While it is held or offered it waits for the person's answer: a question is open. While it is pending it waits for
    the organisation's.
    """

    HELD = "held"
    CONFIRMED = "confirmed"
    WAITLISTED = "waitlisted"
    OFFERED = "offered"
    PENDING = "pending"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


LIVE = (State.HELD, State.CONFIRMED, State.WAITLISTED, State.OFFERED, State.PENDING)
QUESTIONS = (State.HELD, State.OFFERED)
LIVE_SQL = "state IN ('held', 'confirmed', 'waitlisted', 'offered', 'pending')"
ENDED_SQL = "state IN ('cancelled', 'expired')"
LONGEST_NOTE = 2000


class RegistrationRow(Table, table=True):
    """`queue` orders the waitlist; `holds_places` says whether the party is counted in the pool's `taken`.

    While it is pending, `answer_by` is when the organisation promised an answer, and `reminders` says how many times
    members were reminded of it. `name_folded` is the name as the console searches it. `note` and `marked` are the
    host's own, for its desk alone. `asked_to_come_at` is when we asked about a shift that is near, `coming_at` when the
    answer was yes. `askable`: that the owner may be asked was ticked for a number; it counts from the owner's yes on.

    No foreign key leads to the pool: it would halve the throughput of the one row that everybody wants.
    """

    __tablename__ = "registrations"
    __table_args__ = (
        CheckConstraint(
            "state IN ('held', 'confirmed', 'waitlisted', 'offered', 'pending', 'cancelled', 'expired')", name="state"
        ),
        CheckConstraint("channel IN ('web', 'sms', 'desk')", name="channel"),
        CheckConstraint("party_size >= 1", name="party_size"),
        CheckConstraint(f"char_length(note) <= {LONGEST_NOTE}", name="note"),
        CheckConstraint("(state IN ('held', 'offered')) = (expires_at IS NOT NULL)", name="expires"),
        CheckConstraint("(state = 'pending') = (answer_by IS NOT NULL)", name="answer_by"),
        CheckConstraint("state NOT IN ('confirmed', 'offered', 'pending') OR holds_places", name="has_places"),
        CheckConstraint(
            "state IN ('held', 'confirmed', 'offered', 'pending') OR NOT holds_places", name="has_no_places"
        ),
        Index(
            "uq_registrations_live",
            "person_id",
            "places_id",
            unique=True,
            postgresql_where=text(LIVE_SQL),
        ),
        Index("ix_registrations_waitlist", "places_id", "queue", postgresql_where=text("state = 'waitlisted'")),
        Index("ix_registrations_expires_at", "expires_at", postgresql_where=text("expires_at IS NOT NULL")),
        Index("ix_registrations_answer_by", "answer_by", postgresql_where=text("answer_by IS NOT NULL")),
        Index("ix_registrations_event", "event_id", "queue"),
        Index(
            "ix_registrations_ended_key",
            "request_key",
            postgresql_where=text(f"request_key IS NOT NULL AND {ENDED_SQL}"),
        ),
    )

    id: UUID = Field(primary_key=True)
    event_id: UUID
    places_id: UUID
    person_id: UUID = Field(foreign_key="people.id")
    channel: str
    name: str | None = None
    name_folded: str = Field(default="", sa_column_kwargs={"server_default": ""})
    party_size: int
    state: str
    holds_places: bool
    queue: int = Field(sa_type=BigInteger)
    expires_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    answer_by: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    reminders: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    ended_by: str | None = None
    declined_for: str | None = None
    token_hash: bytes = Field(sa_type=LargeBinary, unique=True)
    request_key: UUID | None = None
    consent: str
    unreachable: bool = False
    askable: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    marked: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    note: str = Field(default="", sa_column_kwargs={"server_default": ""})
    reminded_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    asked_to_come_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    coming_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    created_at: datetime = Field(sa_type=DateTime(timezone=True))
    updated_at: datetime = Field(sa_type=DateTime(timezone=True))
