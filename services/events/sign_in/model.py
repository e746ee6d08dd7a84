"""Sign-in: who asked for a link, the links, the sessions, and accounts at an identity provider.

Secrets, addresses and subjects are kept as hashes alone.
"""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Column, DateTime, Identity, Index, UniqueConstraint, text
from sqlmodel import Field

from services.events.metadata import Table


class RequestState(StrEnum):
    """`new` until a worker has sent a link, or found that nobody is to get one."""

    NEW = "new"
    DONE = "done"


class SignInRequestRow(Table, table=True):
    """That somebody asked for a link. There is one for each address that was typed, known or not."""

    __tablename__ = "sign_in_requests"
    __table_args__ = (
        CheckConstraint("state IN ('new', 'done')", name="state"),
        Index("ix_sign_in_requests_new", "id", postgresql_where=text("state = 'new'")),
        Index("ix_sign_in_requests_requested_at", "requested_at"),
    )

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(), primary_key=True))
    address_hash: bytes
    next_url: str | None = None
    state: str = RequestState.NEW
    requested_at: datetime = Field(sa_type=DateTime(timezone=True))


class SignInLinkRow(Table, table=True):
    """A link that was sent. It is deleted when it is used."""

    __tablename__ = "sign_in_links"

    token_hash: bytes = Field(primary_key=True)
    person_id: UUID = Field(foreign_key="people.id", index=True)
    next_url: str | None = None
    expires_at: datetime = Field(sa_type=DateTime(timezone=True), index=True)


class MemberSessionRow(Table, table=True):
    """A browser that is signed in, until `expires_at`, which each renewal of the token moves, up to a longest time.

    `at_provider` if the identity provider signed the person in, who may then be signed in there, too.
    """

    __tablename__ = "member_sessions"

    secret_hash: bytes = Field(primary_key=True)
    person_id: UUID = Field(foreign_key="people.id", index=True)
    at_provider: bool = False
    opened_at: datetime = Field(sa_type=DateTime(timezone=True))
    expires_at: datetime = Field(sa_type=DateTime(timezone=True), index=True)


class IdentityRow(Table, table=True):
    """That an account at an identity provider is this person's; of one provider a person has one account."""

    __tablename__ = "identities"
    __table_args__ = (UniqueConstraint("person_id", "issuer"),)

    subject_hash: bytes = Field(primary_key=True)
    issuer: str
    person_id: UUID = Field(foreign_key="people.id")
    linked_at: datetime = Field(sa_type=DateTime(timezone=True))
