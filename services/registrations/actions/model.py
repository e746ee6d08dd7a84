"""What staff do to registrations from the list, and what came of it for each of them."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, DateTime, Index
from sqlmodel import Field

from services.registrations.metadata import Table


class Action(StrEnum):
    """What can be done, to one registration or to many."""

    MOVE_UP = "move-up"
    PARTY = "party"
    NOTE = "note"
    MARK = "mark"
    UNMARK = "unmark"
    DECLINE = "decline"
    CANCEL = "cancel"


class Outcome(StrEnum):
    """What came of it for one registration."""

    DONE = "done"
    UNCHANGED = "unchanged"
    NO_ROOM = "no-room"
    TOO_LARGE = "too-large"
    ENDED = "ended"
    NOT_ANSWERED = "not-answered"
    DECIDED = "decided"
    NOTE_TOO_LONG = "note-too-long"
    UNKNOWN = "unknown"


FINE = (Outcome.DONE, Outcome.UNCHANGED)
"""After these the registration is as it was wanted."""


def _one_of(column: str, values: type[StrEnum]) -> CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


class OutcomeRow(Table, table=True):
    """One registration of one order: written with its effect, so that the same order again carries out the rest alone.

    `most` is how many people would have fitted. The rows are deleted after a day.
    """

    __tablename__ = "action_outcomes"
    __table_args__ = (
        _one_of("action", Action),
        _one_of("outcome", Outcome),
        Index("ix_action_outcomes_done_at", "done_at"),
    )

    person_id: UUID = Field(primary_key=True)
    request_key: UUID = Field(primary_key=True)
    registration_id: UUID = Field(primary_key=True)
    event_id: UUID
    action: str
    outcome: str
    most: int | None = None
    done_at: datetime = Field(sa_type=DateTime(timezone=True))


class ListVersionRow(Table, table=True):
    """Grows with each change of an event's list that its pools know nothing of: a note, a mark, who was not reached."""

    __tablename__ = "list_versions"

    event_id: UUID = Field(primary_key=True)
    version: int = Field(sa_type=BigInteger)
