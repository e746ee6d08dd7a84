"""A certificate of volunteering: what the host of an event vouches for, of one person."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, DateTime, Index, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import Field

from services.registrations.metadata import Table

LONGEST_NAME = 120
LONGEST_REASON = 500


class CertificateRow(Table, table=True):
    """What is certified is copied here, so that a paper that is out says the same whatever changes later.

    `organisation`, `event_title` and each of `roles` are texts in several languages. `registration_ids` are those whose
    hours are in it: behind their links the person finds it. `first_day` and `last_day` are in the event's time zone.
    `reason` is why it was revoked, for the host's desk alone; it is empty where another one took its place.
    """

    __tablename__ = "certificates"
    __table_args__ = (
        CheckConstraint("code ~ '^[0-9A-HJKMNP-TV-Z]{12}$'", name="code"),
        CheckConstraint(f"char_length(name) BETWEEN 1 AND {LONGEST_NAME}", name="name"),
        CheckConstraint("minutes > 0 AND shifts > 0 AND first_day <= last_day", name="hours"),
        CheckConstraint(f"char_length(reason) <= {LONGEST_REASON}", name="reason"),
        CheckConstraint("(revoked_at IS NULL) = (revoked_by IS NULL)", name="revoked"),
        Index(
            "uq_certificates_live", "event_id", "person_id", unique=True, postgresql_where=text("revoked_at IS NULL")
        ),
    )

    id: UUID = Field(primary_key=True)
    code: str = Field(unique=True)
    event_id: UUID = Field(index=True)
    organisation_id: UUID
    person_id: UUID = Field(foreign_key="people.id", index=True)
    registration_ids: list[UUID] = Field(sa_column=Column(ARRAY(Uuid), nullable=False))
    name: str
    language: str
    organisation: dict[str, str] = Field(sa_column=Column(JSONB, nullable=False))
    event_title: dict[str, str] = Field(sa_column=Column(JSONB, nullable=False))
    minutes: int
    roles: list[dict[str, str]] = Field(sa_column=Column(JSONB, nullable=False))
    first_day: date
    last_day: date
    shifts: int
    issued_at: datetime = Field(sa_type=DateTime(timezone=True))
    issued_by: UUID
    revoked_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    revoked_by: UUID | None = None
    reason: str = Field(default="", sa_column_kwargs={"server_default": ""})
