"""Organisations that a host asked to join in an event."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, DateTime
from sqlmodel import Field

from services.events.metadata import Table
from shared.contracts.events import CoHostRole, Scope


class State(StrEnum):
    """Where an invitation stands. Only who accepted is a co-host; who declined or left can be invited again."""

    INVITED = "invited"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    ENDED = "ended"


def _one_of(column: str, values: type[StrEnum]) -> CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


class CoHostRow(Table, table=True):
    """One organisation asked to co-host one event, and what it may see of the participants at most."""

    __tablename__ = "co_hosts"
    __table_args__ = (_one_of("role", CoHostRole), _one_of("scope", Scope), _one_of("state", State))

    event_id: UUID = Field(primary_key=True, foreign_key="events.id")
    organisation_id: UUID = Field(primary_key=True, foreign_key="organisations.id", index=True)
    role: str
    scope: str
    state: str
    changed_at: datetime = Field(sa_type=DateTime(timezone=True))
