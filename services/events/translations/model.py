"""Translations that co-hosts propose, and who read them through."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, DateTime, Index, text
from sqlmodel import Field

from services.events.metadata import Table


class State(StrEnum):
    """Where a proposal stands. An open one can be written anew; what the host decided stays."""

    OPEN = "open"
    APPROVED = "approved"
    DECLINED = "declined"


_STATES = ", ".join(f"'{state}'" for state in State)


class ProposalRow(Table, table=True):
    """An event's words in one language as a co-host would have them; of each language one waits at most.

    `event_version` is the version of the event that the writer saw, `revision` grows with each time it is written.
    """

    __tablename__ = "translation_proposals"
    __table_args__ = (
        CheckConstraint(f"state IN ({_STATES})", name="state"),
        CheckConstraint("title <> ''", name="title"),
        CheckConstraint("(state = 'open') = (decided_at IS NULL)", name="decided_at"),
        Index(
            "uq_translation_proposals_open",
            "event_id",
            "language",
            unique=True,
            postgresql_where=text("state = 'open'"),
        ),
        Index("ix_translation_proposals_event_id", "event_id"),
    )

    id: UUID = Field(primary_key=True)
    event_id: UUID = Field(foreign_key="events.id")
    language: str
    organisation_id: UUID = Field(foreign_key="organisations.id")
    state: str = State.OPEN
    title: str
    text: str = ""
    access_notes: str = ""
    event_version: int = Field(sa_type=BigInteger)
    revision: int = 1
    written_by: UUID
    written_at: datetime = Field(sa_type=DateTime(timezone=True))
    request_key: UUID
    reason: str = ""
    decided_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))


class ReviewRow(Table, table=True):
    """An organisation read an open proposal through as it stands; writing it anew takes this back."""

    __tablename__ = "translation_reviews"

    proposal_id: UUID = Field(primary_key=True, foreign_key="translation_proposals.id")
    organisation_id: UUID = Field(primary_key=True, foreign_key="organisations.id")
    person_id: UUID
    reviewed_at: datetime = Field(sa_type=DateTime(timezone=True))
