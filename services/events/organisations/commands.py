"""Change organisations and their members. The commands never commit."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col
from uuid6 import uuid7

from services.events.organisations.model import LogoRow, MemberRow, OrganisationKind, OrganisationRow, PersonRow
from shared.contracts.base import LocalizedText
from shared.contracts.contacts import Contact, ContactChanged
from shared.contracts.events import ContactPoint
from shared.contracts.organisations import Membership, OrganisationChanged, Role
from shared.database.engine import WriteSession
from shared.messaging.outbox import publish
from shared.vault import Vault


class UnknownOrganisationError(Exception):
    """There is no such organisation."""


class NotAMemberError(Exception):
    """The address belongs to nobody in this organisation."""


class LastOwnerError(Exception):
    """An organisation keeps at least one owner."""


def address_hash(vault: Vault, address: str) -> bytes:
    """What an address is found by; case and spaces around it make no difference."""
    return vault.keyed_hash(address.strip().casefold(), "member-address")


async def add_organisation(
    session: WriteSession,
    vault: Vault,
    *,
    organisation_id: UUID,
    kind: OrganisationKind,
    name: LocalizedText,
    owner: str,
    language: str,
    now: datetime,
) -> None:
    """An organisation with its first owner, whose e-mail address is `owner`; one that exists is left as it is."""
    values: dict[str, Any] = {"description": {}, "languages": [], "website": ""}
    values |= {"id": organisation_id, "kind": kind.value, "name": name, "version": 0, "created_at": now}
    added = await session.execute(
        insert(OrganisationRow).values(values).on_conflict_do_nothing().returning(col(OrganisationRow.id))
    )
    if added.scalar_one_or_none() is not None:
        await add_member(session, vault, organisation_id, owner, Role.OWNER, language)


async def add_member(
    session: WriteSession, vault: Vault, organisation_id: UUID, address: str, role: Role, language: str
) -> UUID:
    """The person with this e-mail address acts for the organisation from now on; returns the person's id.

    A member gets the role; one who has it already changes nothing. Raises UnknownOrganisationError.
    """
    organisation = await _locked(session, organisation_id)
    person_id = await _person(session, vault, address.strip(), language)
    member = insert(MemberRow).values(organisation_id=organisation_id, person_id=person_id, role=role.value)
    changed = await session.execute(
        member.on_conflict_do_update(
            index_elements=["organisation_id", "person_id"],
            set_={"role": member.excluded.role},
            where=col(MemberRow.role) != member.excluded.role,
        ).returning(col(MemberRow.person_id))
    )
    if changed.scalar_one_or_none() is not None:
        await _tell(session, organisation)
    return person_id


async def remove_member(session: WriteSession, vault: Vault, organisation_id: UUID, address: str) -> None:
    """The person has no access to the organisation's things from now on, here and in the other services.

    Raises UnknownOrganisationError, NotAMemberError, LastOwnerError.
    """
    organisation = await _locked(session, organisation_id)
    members = await _members(session, organisation_id)
    person = await session.execute(
        select(col(PersonRow.id)).where(col(PersonRow.address_hash) == address_hash(vault, address))
    )
    person_id = person.scalar_one_or_none()
    if person_id not in {member.person_id for member in members}:
        raise NotAMemberError
    if not any(member.role is Role.OWNER and member.person_id != person_id for member in members):
        raise LastOwnerError
    await session.execute(
        delete(MemberRow).where(
            col(MemberRow.organisation_id) == organisation_id, col(MemberRow.person_id) == person_id
        )
    )
    await _tell(session, organisation)


async def use_language(session: WriteSession, vault: Vault, person_id: UUID, language: str) -> None:
    """The person is written to in this language from now on."""
    person = (
        await session.execute(select(PersonRow).where(col(PersonRow.id) == person_id).with_for_update())
    ).scalar_one()
    contact = vault.open(person.sealed_contact, Contact, f"contact:{person_id}")
    if contact.language != language:
        person.sealed_contact = vault.seal(contact.model_copy(update={"language": language}), f"contact:{person_id}")
        person.version += 1
        await session.flush()
        await _tell_contact(session, person_id, person.version, person.sealed_contact)


async def _person(session: WriteSession, vault: Vault, address: str, language: str) -> UUID:
    person_id = uuid7()
    sealed = vault.seal(Contact(language=language, email=address), f"contact:{person_id}")
    hashed = address_hash(vault, address)
    values = {"id": person_id, "address_hash": hashed, "sealed_contact": sealed, "version": 1}
    added = await session.execute(
        insert(PersonRow).values(values).on_conflict_do_nothing().returning(col(PersonRow.id))
    )
    if added.scalar_one_or_none() is not None:
        await _tell_contact(session, person_id, 1, sealed)
        return person_id
    return (await session.execute(select(col(PersonRow.id)).where(col(PersonRow.address_hash) == hashed))).scalar_one()


async def _tell_contact(session: WriteSession, person_id: UUID, version: int, sealed: str) -> None:
    await publish(session, ContactChanged(aggregate_id=person_id, aggregate_version=version, sealed=sealed))


async def _locked(session: WriteSession, organisation_id: UUID) -> OrganisationRow:
    query = select(OrganisationRow).where(col(OrganisationRow.id) == organisation_id).with_for_update()
    row = (await session.execute(query)).scalar_one_or_none()
    if row is None:
        raise UnknownOrganisationError
    return row


async def _members(session: WriteSession, organisation_id: UUID) -> list[Membership]:
    rows = await session.execute(
        text("SELECT person_id, role FROM members WHERE organisation_id = :id ORDER BY person_id"),
        {"id": organisation_id},
    )
    return [Membership(person_id=row.person_id, role=Role(row.role)) for row in rows]


async def _tell(session: WriteSession, organisation: OrganisationRow) -> None:
    organisation.version += 1
    await session.flush()
    digest = await session.execute(select(col(LogoRow.digest)).where(col(LogoRow.organisation_id) == organisation.id))
    message = OrganisationChanged(
        aggregate_id=organisation.id,
        aggregate_version=organisation.version,
        name=organisation.name,
        members=await _members(session, organisation.id),
        kind=organisation.kind,
        description=organisation.description,
        languages=organisation.languages,
        contact=ContactPoint.model_validate(organisation.contact) if organisation.contact else None,
        website=organisation.website or None,
        logo=logo_path(organisation.id, digest.scalar_one_or_none()),
    )
    await publish(session, message)


def logo_path(organisation_id: UUID, digest: str | None) -> str | None:
    """Where the events service shows the picture; the address changes with it."""
    return f"/organisations/{organisation_id}/logo/{digest}" if digest else None
