"""A person is an address that can be written to; a name belongs to a registration, not to the address.

Who has neither phone nor mail is a person too: with nothing but paper, and a name by which the desk finds them.
"""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, DateTime
from sqlmodel import Field

from services.registrations.metadata import Table


class Means(StrEnum):
    """How a person is reached."""

    EMAIL = "email"
    PHONE = "phone"
    PAPER = "paper"


class PersonRow(Table, table=True):
    """`address` is an e-mail address in lower case, a number in E.164, or for nothing but paper a name of ours.

    `name` and `reach` (how the desk finds somebody, in its own words) are for people with nothing but paper: they
    register once, so that the name is the registration's too.
    """

    __tablename__ = "people"
    __table_args__ = (
        CheckConstraint("means IN ('email', 'phone', 'paper')", name="means"),
        CheckConstraint(r"means <> 'phone' OR address ~ '^\+[1-9][0-9]{6,14}$'", name="e164"),
        CheckConstraint("means <> 'email' OR address LIKE '%@%'", name="email"),
        CheckConstraint("(means = 'paper') = (address ~ '^paper:[0-9a-f-]{36}$')", name="paper"),
        CheckConstraint("(means = 'paper') = (name IS NOT NULL)", name="name"),
        CheckConstraint("means = 'paper' OR reach IS NULL", name="reach"),
    )

    id: UUID = Field(primary_key=True)
    means: str
    address: str = Field(unique=True)
    language: str
    name: str | None = None
    reach: str | None = None
    version: int = Field(default=1, sa_type=BigInteger)
    created_at: datetime = Field(sa_type=DateTime(timezone=True))
