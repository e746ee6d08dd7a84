"""Writing down how to reach people, and telling the other services, encrypted."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Text, Uuid
from uuid6 import uuid7

from services.registrations.people.model import Means
from shared.contracts.contacts import Contact, ContactChanged
from shared.database.engine import WriteSession
from shared.vault import Vault


class Address(NamedTuple):
    """Where a person is reached, and in which language."""

    means: Means
    address: str
    language: str


class Person(NamedTuple):
    """A person as the database knows them; `known` is false for one who was never seen before."""

    id: UUID
    address: str
    version: int
    known: bool


_KEEP = text(
    """
    INSERT INTO people AS p (id, means, address, language, version, created_at)
    SELECT id, means, address, language, 1, now()
    FROM unnest(:ids, :means, :addresses, :languages) AS given (id, means, address, language)
    ORDER BY address
    ON CONFLICT (address) DO UPDATE SET language = excluded.language, version = p.version + 1
    RETURNING p.id, p.address, p.version, p.xmax <> 0 AS known
    """
).bindparams(
    bindparam("ids", type_=ARRAY(Uuid)),
    bindparam("means", type_=ARRAY(Text)),
    bindparam("addresses", type_=ARRAY(Text)),
    bindparam("languages", type_=ARRAY(Text)),
)


async def keep_people(session: WriteSession, addresses: Sequence[Address]) -> dict[str, Person]:
    """One person for each address, made or found; the newest language counts. Locks their rows in one order."""
    newest = {address.address: address for address in addresses}
    rows = await session.execute(
        _KEEP,
        {
            "ids": [uuid7() for _ in newest],
            "means": [a.means.value for a in newest.values()],
            "addresses": list(newest),
            "languages": [a.language for a in newest.values()],
        },
    )
    return {row.address: Person(*row) for row in rows}


def contact_changed(vault: Vault, person: Person, address: Address) -> ContactChanged:
    """The message by which notifications learns how to write to the person."""
    by_email = address.means is Means.EMAIL
    contact = Contact(
        language=address.language,
        email=address.address if by_email else None,
        phone=None if by_email else address.address,
    )
    return ContactChanged(
        aggregate_id=person.id,
        aggregate_version=person.version,
        sealed=vault.seal(contact, f"contact:{person.id}"),
    )
