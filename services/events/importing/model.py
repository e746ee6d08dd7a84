"""Imports that wait to be confirmed, and which events came from where."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, DateTime
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from services.events.metadata import Table


class ImportRow(Table, table=True):
    """What was found in one file, as its organiser saw it; deleted a day later. `outcome` says what was done."""

    __tablename__ = "imports"
    __table_args__ = (CheckConstraint("(done_at IS NULL) = (outcome IS NULL)", name="done"),)

    id: UUID = Field(primary_key=True)
    person_id: UUID
    organisation_id: UUID = Field(foreign_key="organisations.id", index=True)
    entries: list[dict[str, Any]] = Field(sa_type=JSONB)
    left_out: int = 0
    created_at: datetime = Field(sa_type=DateTime(timezone=True), index=True)
    done_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    outcome: list[dict[str, Any]] | None = Field(default=None, sa_type=JSONB(none_as_null=True))


class ImportedEventRow(Table, table=True):
    """An event that was imported, and what its source calls it. `version` is the event's after the last import."""

    __tablename__ = "imported_events"

    organisation_id: UUID = Field(primary_key=True, foreign_key="organisations.id")
    source_uid: str = Field(primary_key=True)
    event_id: UUID = Field(foreign_key="events.id", unique=True)
    content_hash: bytes
    version: int = Field(sa_type=BigInteger)
    imported_at: datetime = Field(sa_type=DateTime(timezone=True))
