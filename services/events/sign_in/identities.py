"""Whose account at the identity provider that is, and what its roles there make of them. The commands never commit."""

from collections.abc import Collection, Mapping
from datetime import datetime
from uuid import UUID

import structlog
from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from services.events.organisations.members import (
    LastOwnerError,
    NotAMemberError,
    address_hash,
    follow_address,
    person_at,
    remove_member,
    set_role,
)
from services.events.organisations.model import MemberRow, OrganisationRow, PersonRow
from services.events.sign_in.model import IdentityRow
from services.events.sign_in.openid import Identity
from services.events.sign_in.provider import Failure, OpenIdError
from shared.contracts.organisations import Role
from shared.database.engine import WriteSession
from shared.vault import Vault

log = structlog.get_logger("services.events.sign_in.identities")

Mapped = Mapping[str, Mapping[UUID, Role]]


async def recognise(
    session: WriteSession, vault: Vault, identity: Identity, mapped: Mapped, *, language: str, now: datetime
) -> UUID | None:
    """The person whom the provider names, with the roles that it gives; None for who belongs to no organisation.

    The account is known by its subject; the first time by its verified address, unless that is the address of
    somebody with another account. In the organisations that `mapped` speaks of the person has the highest role that
    a value of the identity's gives, or none at all; the last owner stays. Without a verified address, or with one that
    is another's, a known person keeps the address that they had. Raises OpenIdError, and has then changed nothing.
    """
    given = await _roles(session, identity, mapped)
    subject = vault.keyed_hash(f"{identity.issuer}\0{identity.subject}", "openid-subject")
    person_id = await _linked(session, subject)
    if person_id is None:
        person_id = await _link(session, vault, identity, subject, given, language, now)
    if person_id is None:
        return None
    await _take_roles(session, person_id, given)
    if identity.address and not await follow_address(session, vault, person_id, identity.address):
        log.warning("openid_address_of_another_person", person_id=str(person_id))
    membership = select(col(MemberRow.person_id)).where(col(MemberRow.person_id) == person_id).limit(1)
    return (await session.execute(membership)).scalar_one_or_none()


async def unlink(session: WriteSession, vault: Vault, address: str) -> bool:
    """Forget which account is the person's with this address; another one may then take its place."""
    hashed = address_hash(vault, address)
    people = select(col(PersonRow.id)).where(col(PersonRow.address_hash) == hashed)
    gone = await session.execute(
        delete(IdentityRow).where(col(IdentityRow.person_id).in_(people)).returning(col(IdentityRow.person_id))
    )
    return gone.first() is not None


async def _roles(session: WriteSession, identity: Identity, mapped: Mapped) -> dict[UUID, Role | None]:
    """For each organisation that the mapping speaks of and that there is: the highest role that is given, or none."""
    spoken_of = {organisation_id for roles in mapped.values() for organisation_id in roles}
    known = await _known(session, spoken_of)
    if known != spoken_of:
        missing = sorted(str(organisation_id) for organisation_id in spoken_of - known)
        log.warning("openid_roles_for_unknown_organisations", organisation_ids=missing)
    return {organisation_id: _highest(identity.roles, organisation_id, mapped) for organisation_id in sorted(known)}


async def _known(session: WriteSession, organisation_ids: Collection[UUID]) -> set[UUID]:
    if not organisation_ids:
        return set()
    query = select(col(OrganisationRow.id)).where(col(OrganisationRow.id).in_(organisation_ids))
    return set((await session.execute(query)).scalars())


def _highest(values: Collection[str], organisation_id: UUID, mapped: Mapped) -> Role | None:
    given = {mapped[value].get(organisation_id) for value in values if value in mapped}
    return next((role for role in Role if role in given), None)


async def _linked(session: WriteSession, subject: bytes) -> UUID | None:
    query = select(col(IdentityRow.person_id)).where(col(IdentityRow.subject_hash) == subject)
    return (await session.execute(query)).scalar_one_or_none()


async def _link(
    session: WriteSession,
    vault: Vault,
    identity: Identity,
    subject: bytes,
    given: Mapping[UUID, Role | None],
    language: str,
    now: datetime,
) -> UUID | None:
    """The person with the identity's address, to whom it belongs from now on; new where it brings a role with it."""
    if identity.address is None:
        raise OpenIdError(Failure.UNVERIFIED, "no verified address")
    if any(given.values()):
        person_id = await person_at(session, vault, identity.address, language)
    else:
        member = (
            select(col(PersonRow.id))
            .where(col(PersonRow.address_hash) == address_hash(vault, identity.address))
            .where(col(PersonRow.id).in_(select(col(MemberRow.person_id))))
        )
        known = (await session.execute(member)).scalar_one_or_none()
        if known is None:
            return None
        person_id = known
    row = {"subject_hash": subject, "issuer": identity.issuer, "person_id": person_id, "linked_at": now}
    linked = await session.execute(
        insert(IdentityRow).values(row).on_conflict_do_nothing().returning(col(IdentityRow.person_id))
    )
    if linked.scalar_one_or_none() is None and await _linked(session, subject) != person_id:
        raise OpenIdError(Failure.TAKEN, "the address of another account")
    return person_id


async def _take_roles(session: WriteSession, person_id: UUID, given: Mapping[UUID, Role | None]) -> None:
    query = select(col(MemberRow.organisation_id), col(MemberRow.role)).where(col(MemberRow.person_id) == person_id)
    held = {organisation_id: Role(role) for organisation_id, role in (await session.execute(query)).all()}
    for organisation_id, role in given.items():
        if held.get(organisation_id) is role:
            continue
        try:
            if role is None:
                await remove_member(session, organisation_id, person_id)
            else:
                await set_role(session, organisation_id, person_id, role)
        except NotAMemberError:
            continue  # Another window of the person's was quicker.
        except LastOwnerError:
            log.warning("openid_last_owner_stays", organisation_id=str(organisation_id))
