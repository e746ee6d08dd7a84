"""Change who acts for an organisation. The commands never commit, and lock the organisation first."""

from uuid import UUID

from sqlalchemy import delete, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col
from uuid6 import uuid7

from services.events.organisations.model import MemberRow, PersonRow
from services.events.organisations.telling import locked, members_in, tell
from shared.auth.audit import record
from shared.contracts.contacts import Contact, ContactChanged
from shared.contracts.organisations import Role
from shared.database.engine import WriteSession
from shared.messaging.outbox import publish
from shared.vault import Vault


class NotAMemberError(Exception):
    """The person does not belong to this organisation."""


class LastOwnerError(Exception):
    """An organisation keeps at least one owner."""


def address_hash(vault: Vault, address: str) -> bytes:
    """What an address is found by; case and spaces around it make no difference."""
    return vault.keyed_hash(address.strip().casefold(), "member-address")


async def add_member(
    session: WriteSession,
    vault: Vault,
    organisation_id: UUID,
    address: str,
    role: Role,
    language: str,
    *,
    by: UUID | None = None,
    never_less: bool = False,
) -> UUID:
    """The person with this e-mail address acts for the organisation from now on; returns the person's id.

    A member gets the role; one who has it already changes nothing, nor with `never_less` one who has a larger role.
    `by` is who did it, nobody for an operator.
    Raises UnknownOrganisationError, and LastOwnerError for an only owner who would be less than that.
    """
    await locked(session, organisation_id)
    person_id = await person_at(session, vault, address.strip(), language)
    known = {member.person_id: member.role for member in await members_in(session, organisation_id)}
    if never_less and person_id in known:
        role = min(role, known[person_id], key=list(Role).index)
    await set_role(session, organisation_id, person_id, role, by=by)
    return person_id


async def set_role(
    session: WriteSession, organisation_id: UUID, person_id: UUID, role: Role, *, by: UUID | None = None
) -> None:
    """The person has this role in the organisation from now on, member before or not.

    Raises UnknownOrganisationError, LastOwnerError.
    """
    organisation = await locked(session, organisation_id)
    before = {member.person_id: member.role for member in await members_in(session, organisation_id)}
    if before.get(person_id) is role:
        return
    if role is not Role.OWNER:
        _keep_an_owner(before, person_id)
    member = insert(MemberRow).values(organisation_id=organisation_id, person_id=person_id, role=role.value)
    await session.execute(
        member.on_conflict_do_update(
            index_elements=["organisation_id", "person_id"], set_={"role": member.excluded.role}
        )
    )
    await tell(session, organisation)
    await record(
        session,
        "member.role-changed" if person_id in before else "member.added",
        person_id=by,
        organisation_id=organisation_id,
        subject_id=person_id,
        before={"role": before[person_id].value} if person_id in before else {},
        after={"role": role.value},
    )


async def remove_member(
    session: WriteSession, organisation_id: UUID, person_id: UUID, *, by: UUID | None = None
) -> None:
    """The person has no access to the organisation's things from now on, here and in the other services.

    Who belongs to no other organisation is signed out everywhere.
    Raises UnknownOrganisationError, NotAMemberError, LastOwnerError.
    """
    organisation = await locked(session, organisation_id)
    before = {member.person_id: member.role for member in await members_in(session, organisation_id)}
    if person_id not in before:
        raise NotAMemberError
    _keep_an_owner(before, person_id)
    await session.execute(
        delete(MemberRow).where(
            col(MemberRow.organisation_id) == organisation_id, col(MemberRow.person_id) == person_id
        )
    )
    await session.execute(
        text(
            """
            DELETE FROM member_sessions
            WHERE person_id = :person AND NOT EXISTS (SELECT FROM members WHERE person_id = :person)
            """
        ),
        {"person": person_id},
    )
    await tell(session, organisation)
    await record(
        session,
        "member.removed",
        person_id=by,
        organisation_id=organisation_id,
        subject_id=person_id,
        before={"role": before[person_id].value},
    )


def _keep_an_owner(roles: dict[UUID, Role], leaving: UUID) -> None:
    owners = {person_id for person_id, role in roles.items() if role is Role.OWNER}
    if owners == {leaving}:
        raise LastOwnerError


async def person_with(session: WriteSession, vault: Vault, address: str) -> UUID:
    """Whose address this is. Raises NotAMemberError where nobody is known by it."""
    query = select(col(PersonRow.id)).where(col(PersonRow.address_hash) == address_hash(vault, address))
    person_id = (await session.execute(query)).scalar_one_or_none()
    if person_id is None:
        raise NotAMemberError
    return person_id


async def use_language(session: WriteSession, vault: Vault, person_id: UUID, language: str) -> None:
    """The person is written to in this language from now on."""
    person = await _locked_person(session, person_id)
    contact = vault.open(person.sealed_contact, Contact, f"contact:{person_id}")
    if contact.language != language:
        await _change_contact(session, vault, person, contact.model_copy(update={"language": language}))


async def follow_address(session: WriteSession, vault: Vault, person_id: UUID, address: str) -> bool:
    """The person is written to and found at this address from now on; False, and nothing, where it is another's."""
    hashed = address_hash(vault, address)
    query = select(col(PersonRow.id)).where(col(PersonRow.address_hash) == hashed)
    owner = (await session.execute(query)).scalar_one_or_none()
    if owner is not None:
        return owner == person_id
    person = await _locked_person(session, person_id)
    contact = vault.open(person.sealed_contact, Contact, f"contact:{person_id}")
    person.address_hash = hashed
    await _change_contact(session, vault, person, contact.model_copy(update={"email": address}))
    return True


async def _locked_person(session: WriteSession, person_id: UUID) -> PersonRow:
    # Not the key: rows that name the person do not wait for this, nor this for them (two sign-ins at once).
    query = select(PersonRow).where(col(PersonRow.id) == person_id).with_for_update(key_share=True)
    return (await session.execute(query)).scalar_one()


async def _change_contact(session: WriteSession, vault: Vault, person: PersonRow, contact: Contact) -> None:
    person.sealed_contact = vault.seal(contact, f"contact:{person.id}")
    person.version += 1
    await session.flush()
    await _tell_contact(session, person.id, person.version, person.sealed_contact)


async def person_at(session: WriteSession, vault: Vault, address: str, language: str) -> UUID:
    """The person with this e-mail address, who is made where there is none."""
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
