"""Events, as their topic tells of them; organisations are kept by `shared.auth.members`."""

from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from services.notifications.metadata import Table


class EventRow(Table, table=True):
    """An event's public state (`EventState` as JSON) at its newest version."""

    __tablename__ = "events"

    id: UUID = Field(primary_key=True)
    version: int = Field(sa_type=BigInteger)
    organisation_id: UUID = Field(index=True)
    status: str
    state: dict[str, Any] = Field(sa_type=JSONB)
