"""Organisations, and the people who act for them."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, DateTime
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from services.events.metadata import Table


class OrganisationKind(StrEnum):
    """What an organisation is; residents read it beside its name."""

    AUTHORITY = "authority"
    ASSOCIATION = "association"
    SELF_ORGANISATION = "self-organisation"
    INITIATIVE = "initiative"


_KINDS = ", ".join(f"'{kind}'" for kind in OrganisationKind)


class OrganisationRow(Table, table=True):
    """An organisation. `name` is per language; `version` grows with each change, members included."""

    __tablename__ = "organisations"
    __table_args__ = (
        CheckConstraint(f"kind IN ({_KINDS})", name="kind"),
        CheckConstraint("name <> '{}'::jsonb", name="name"),
    )

    id: UUID = Field(primary_key=True)
    kind: str
    name: dict[str, str] = Field(sa_type=JSONB)
    version: int = Field(sa_type=BigInteger)
    created_at: datetime = Field(sa_type=DateTime(timezone=True))


class PersonRow(Table, table=True):
    """Somebody who signs in. The address is encrypted, and found by its keyed hash."""

    __tablename__ = "people"

    id: UUID = Field(primary_key=True)
    address_hash: bytes = Field(unique=True)
    sealed_contact: str
    version: int = Field(sa_type=BigInteger)


class MemberRow(Table, table=True):
    """That a person acts for an organisation."""

    __tablename__ = "members"
    __table_args__ = (CheckConstraint("role IN ('owner', 'organiser')", name="role"),)

    organisation_id: UUID = Field(primary_key=True, foreign_key="organisations.id")
    person_id: UUID = Field(primary_key=True, foreign_key="people.id", index=True)
    role: str
