"""How to reach people, as the topic `contacts` tells it."""

from uuid import UUID

from sqlalchemy import BigInteger
from sqlmodel import Field

from services.notifications.metadata import Table


class ContactRow(Table, table=True):
    """One person's newest contact. The keys are keyed hashes by which an address is found without being read.

    Who has neither `email` nor `phone` is told by the desk; `reach` says how it finds them.
    """

    __tablename__ = "contacts"

    person_id: UUID = Field(primary_key=True)
    version: int = Field(sa_type=BigInteger)
    language: str
    name: str | None = None
    email: str | None = None
    phone: str | None = None
    reach: str | None = None
    email_key: UUID | None = Field(default=None, index=True)
    phone_key: UUID | None = Field(default=None, index=True)
