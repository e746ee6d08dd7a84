"""A person is an address that can be written to; a name belongs to a registration, not to the address."""

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


class PersonRow(Table, table=True):
    """`address` is an e-mail address in lower case or a number in E.164."""

    __tablename__ = "people"
    __table_args__ = (
        CheckConstraint("means IN ('email', 'phone')", name="means"),
        CheckConstraint(r"means <> 'phone' OR address ~ '^\+[1-9][0-9]{6,14}$'", name="e164"),
        CheckConstraint("means <> 'email' OR address LIKE '%@%'", name="email"),
    )

    id: UUID = Field(primary_key=True)
    means: str
    address: str = Field(unique=True)
    language: str
    version: int = Field(default=1, sa_type=BigInteger)
    created_at: datetime = Field(sa_type=DateTime(timezone=True))
