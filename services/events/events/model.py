"""Events, their texts, sessions and places. Times are UTC; `time_zone` says how people read them."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Column, DateTime, Index, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import Field

from services.events.metadata import Table
from shared.contracts.events import Kind

LARGEST_CAPACITY = 100_000
LARGEST_PARTY = 99
"""The most that one SMS can ask for (`shared.sms.keywords.LARGEST_PARTY`)."""


class State(StrEnum):
    """A draft is nobody's business but its organiser's. A postponed event has dates that do not hold, and no others."""

    DRAFT = "draft"
    PUBLISHED = "published"
    POSTPONED = "postponed"
    CANCELLED = "cancelled"


TO_COME = (State.PUBLISHED, State.POSTPONED)
"""Public, and not called off: what can be changed, moved and cancelled."""


_STATES = ", ".join(f"'{state}'" for state in State)
_KINDS = ", ".join(f"'{kind}'" for kind in Kind)


class EventRow(Table, table=True):
    """One event. `version` grows with each change and is the messages' aggregate version.

    `starts_at` and `ends_at` are those of the first and the last session; `search_text` is every text of the event,
    folded by `shared.i18n.folding`. `previous_starts` are the starts that it had as a public event before it was moved.
    `roles` and `shifts` are those of its content.
    """

    __tablename__ = "events"
    __table_args__ = (
        CheckConstraint(f"state IN ({_STATES})", name="state"),
        CheckConstraint(f"kind IN ({_KINDS})", name="kind"),
        CheckConstraint(f"largest_party BETWEEN 1 AND {LARGEST_PARTY}", name="largest_party"),
        CheckConstraint("registration_closes_at > registration_opens_at", name="registration_window"),
        CheckConstraint("(state = 'draft') = (published_at IS NULL)", name="published_at"),
        CheckConstraint("(state = 'cancelled') = (cancelled_at IS NOT NULL)", name="cancelled_at"),
        CheckConstraint("state = 'draft' OR starts_at IS NOT NULL", name="dated"),
        CheckConstraint("version > 0", name="version"),
        Index("ix_events_programme", "ends_at", "starts_at", "id", postgresql_where=text("state <> 'draft'")),
        Index("ix_events_organisation", "organisation_id", "starts_at"),
        UniqueConstraint("created_by", "request_key"),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisations.id")
    code: str = Field(unique=True)
    state: str = State.DRAFT
    kind: str
    main_language: str
    time_zone: str
    venue_name: str = ""
    venue_address: str = ""
    online_link: str = ""
    spoken_languages: list[str] = Field(sa_type=ARRAY(Text))
    largest_party: int
    registration_opens_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    registration_closes_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    contact_name: str = ""
    contact_email: str = ""
    contact_phone: str = ""
    contact_languages: list[str] = Field(sa_type=ARRAY(Text))
    starts_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    ends_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    previous_starts: list[datetime] = Field(default_factory=list, sa_type=ARRAY(DateTime(timezone=True)))
    roles: list[dict[str, Any]] = Field(default_factory=list, sa_column=Column(JSONB, nullable=False, default=list))
    shifts: list[dict[str, Any]] = Field(default_factory=list, sa_column=Column(JSONB, nullable=False, default=list))
    search_text: str = ""
    version: int = Field(default=1, sa_type=BigInteger)
    created_by: UUID
    request_key: UUID
    created_at: datetime = Field(sa_type=DateTime(timezone=True))
    published_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    cancelled_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))


class EventTextRow(Table, table=True):
    """An event's words in one language."""

    __tablename__ = "event_texts"
    __table_args__ = (CheckConstraint("title <> ''", name="title"),)

    event_id: UUID = Field(primary_key=True, foreign_key="events.id")
    language: str = Field(primary_key=True)
    title: str
    text: str = ""
    access_notes: str = ""
    contact_hours: str = ""
    cancellation_reason: str = ""
    postponement_reason: str = ""


class SessionRow(Table, table=True):
    """One date of an event."""

    __tablename__ = "sessions"
    __table_args__ = (CheckConstraint("ends_at > starts_at", name="order"),)

    id: UUID = Field(primary_key=True)
    event_id: UUID = Field(foreign_key="events.id", index=True)
    starts_at: datetime = Field(sa_type=DateTime(timezone=True))
    ends_at: datetime = Field(sa_type=DateTime(timezone=True))


class PlacesRow(Table, table=True):
    """A named pool of capacity."""

    __tablename__ = "places"
    __table_args__ = (CheckConstraint(f"capacity BETWEEN 0 AND {LARGEST_CAPACITY}", name="capacity"),)

    id: UUID = Field(primary_key=True)
    event_id: UUID = Field(foreign_key="events.id", index=True)
    position: int = 0
    name: dict[str, str] = Field(default_factory=dict, sa_type=JSONB)
    capacity: int


class EventVersionRow(Table, table=True):
    """What an event's form held at each version: by it, a second writer learns what the first one changed."""

    __tablename__ = "event_versions"

    event_id: UUID = Field(primary_key=True, foreign_key="events.id")
    version: int = Field(primary_key=True, sa_type=BigInteger)
    content: dict[str, Any] = Field(sa_type=JSONB)
    changed_by: UUID
    changed_at: datetime = Field(sa_type=DateTime(timezone=True))
