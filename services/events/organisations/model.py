"""Organisations, and the people who act for them."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Column, DateTime, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import Field

from services.events.metadata import Table
from shared.auth.members import ROLES_SQL


class OrganisationKind(StrEnum):
    """What an organisation is; residents read it beside its name."""

    AUTHORITY = "authority"
    ASSOCIATION = "association"
    SELF_ORGANISATION = "self-organisation"
    INITIATIVE = "initiative"


_KINDS = ", ".join(f"'{kind}'" for kind in OrganisationKind)


class OrganisationRow(Table, table=True):
    """An organisation. `name` and `description` are per language; `version` grows with each change, members included.

    `contact` is a `shared.contracts.events.ContactPoint`, public like the name (docs/decisions/0004).
    """

    __tablename__ = "organisations"
    __table_args__ = (
        CheckConstraint(f"kind IN ({_KINDS})", name="kind"),
        CheckConstraint("name <> '{}'::jsonb", name="name"),
    )

    id: UUID = Field(primary_key=True)
    kind: str
    name: dict[str, str] = Field(sa_type=JSONB)
    description: dict[str, str] = Field(default_factory=dict, sa_type=JSONB)
    languages: list[str] = Field(default_factory=list, sa_type=ARRAY(Text))
    contact: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB(none_as_null=True)))
    website: str = ""
    version: int = Field(sa_type=BigInteger)
    created_at: datetime = Field(sa_type=DateTime(timezone=True))


class LogoRow(Table, table=True):
    """An organisation's picture, as we made it from what was sent; `digest` is in its address, for caches."""

    __tablename__ = "logos"

    organisation_id: UUID = Field(primary_key=True, foreign_key="organisations.id")
    digest: str
    content: bytes


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
    __table_args__ = (CheckConstraint(f"role IN ({ROLES_SQL})", name="role"),)

    organisation_id: UUID = Field(primary_key=True, foreign_key="organisations.id")
    person_id: UUID = Field(primary_key=True, foreign_key="people.id", index=True)
    role: str


class InvitationRow(Table, table=True):
    """That an address was invited to act for an organisation. It is deleted when it is used, taken back or over."""

    __tablename__ = "invitations"
    __table_args__ = (
        CheckConstraint(f"role IN ({ROLES_SQL})", name="role"),
        UniqueConstraint("organisation_id", "address_hash"),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisations.id")
    role: str
    address_hash: bytes
    sealed_address: str
    token_hash: bytes = Field(unique=True)
    invited_by: UUID
    language: str
    expires_at: datetime = Field(sa_type=DateTime(timezone=True), index=True)
