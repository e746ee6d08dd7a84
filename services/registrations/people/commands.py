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
from shared.messaging.outbox import publish
from shared.vault import Vault


class Address(NamedTuple):
    """Where a person is reached, and in which language; `name` and `reach` are for `Means.PAPER` alone.

    Not `by_owner`: typed on the web, by a stranger perhaps. The language of one who is known stays then; it changes
    by a text from the number, or on the page behind the person's own link.
    """

    means: Means
    address: str
    language: str
    by_owner: bool = True
    name: str | None = None
    reach: str | None = None


class Person(NamedTuple):
    """A person as the database knows them; `known` is false for one who was never seen before."""

    id: UUID
    address: str
    version: int
    known: bool
    language: str
    name: str | None = None
    reach: str | None = None


_KEEP = text(
    """
    INSERT INTO people AS p (id, means, address, language, name, reach, version, created_at)
    SELECT id, means, address, language, name, reach, 1, now()
    FROM unnest(:ids, :means, :addresses, :languages, :names, :reaches)
        AS given (id, means, address, language, name, reach)
    ORDER BY address
    ON CONFLICT (address) DO UPDATE SET version = p.version + 1,
        language = CASE WHEN p.address = ANY(:by_owner) THEN excluded.language ELSE p.language END
    RETURNING p.id, p.address, p.version, p.xmax <> 0 AS known, p.language, p.name, p.reach
    """
).bindparams(
    bindparam("ids", type_=ARRAY(Uuid)),
    bindparam("means", type_=ARRAY(Text)),
    bindparam("addresses", type_=ARRAY(Text)),
    bindparam("languages", type_=ARRAY(Text)),
    bindparam("names", type_=ARRAY(Text)),
    bindparam("reaches", type_=ARRAY(Text)),
    bindparam("by_owner", type_=ARRAY(Text)),
)
_SPEAK = text(
    """
    UPDATE people SET language = :language, version = version + 1 WHERE id = :id AND language <> :language
    RETURNING means, address, version, name, reach
    """
)


async def keep_people(session: WriteSession, addresses: Sequence[Address]) -> dict[str, Person]:
    """One person for each address, made or found; the newest language of an owner counts.

    Locks their rows in one order.
    """
    newest = {address.address: address for address in addresses}
    rows = await session.execute(
        _KEEP,
        {
            "ids": [uuid7() for _ in newest],
            "means": [a.means.value for a in newest.values()],
            "addresses": list(newest),
            "languages": [a.language for a in newest.values()],
            "names": [a.name for a in newest.values()],
            "reaches": [a.reach for a in newest.values()],
            "by_owner": [a.address for a in newest.values() if a.by_owner],
        },
    )
    return {row.address: Person(*row) for row in rows}


async def change_language(session: WriteSession, vault: Vault, person_id: UUID, language: str) -> None:
    """Write to the person in this language from now on. Nothing happens where it is theirs already."""
    row = (await session.execute(_SPEAK, {"id": person_id, "language": language})).one_or_none()
    if row is not None:
        person = Person(person_id, row.address, row.version, True, language, row.name, row.reach)
        await publish(session, contact_changed(vault, person, Means(row.means)))


def contact_changed(vault: Vault, person: Person, means: Means) -> ContactChanged:
    """The message by which notifications learns how to tell the person."""
    contact = Contact(
        language=person.language,
        name=person.name,
        email=person.address if means is Means.EMAIL else None,
        phone=person.address if means is Means.PHONE else None,
        reach=person.reach,
    )
    return ContactChanged(
        aggregate_id=person.id,
        aggregate_version=person.version,
        sealed=vault.seal(contact, f"contact:{person.id}"),
    )
