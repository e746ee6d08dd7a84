"""The audit log: who changed what, when, from what to what. Rows are added and never changed.

The account that the service uses has no right to update, delete or truncate the table, and a trigger refuses the same
to a superuser (migration 0003).
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Column, DateTime, Identity, Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from services.events.metadata import Table


class AuditRow(Table, table=True):
    """One change. Nothing personal: people are ids, and `before` and `after` hold what the contract allows."""

    __tablename__ = "audit"
    __table_args__ = (
        Index("ix_audit_event", "event_id", "id"),
        Index("ix_audit_organisation", "organisation_id", "id"),
    )

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(), primary_key=True))
    at: datetime = Field(sa_type=DateTime(timezone=True))
    action: str
    person_id: UUID | None = None
    organisation_id: UUID
    event_id: UUID | None = None
    subject_id: UUID | None = None
    before: dict[str, Any] = Field(sa_type=JSONB)
    after: dict[str, Any] = Field(sa_type=JSONB)
