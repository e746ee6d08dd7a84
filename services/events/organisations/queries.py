"""Read organisations, and who acts for them."""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import select
from sqlmodel import col

from services.events.organisations.model import InvitationRow, LogoRow, MemberRow, OrganisationRow, PersonRow
from shared.contracts.contacts import Contact
from shared.contracts.notification_requests import Recipient
from shared.contracts.organisations import Role
from shared.database.engine import ReadSession
from shared.vault import Vault, token_hash


class KnownMember(NamedTuple):
    """A member with the address by which colleagues know them."""

    person_id: UUID
    role: Role
    address: str


class OpenInvitation(NamedTuple):
    """An invitation that nobody has used yet."""

    id: UUID
    role: Role
    address: str
    expires_at: datetime


async def organisation_by_id(session: ReadSession, organisation_id: UUID) -> OrganisationRow | None:
    """The organisation, if there is one."""
    return await session.get(OrganisationRow, organisation_id)


async def organisations_by_id(session: ReadSession, ids: Collection[UUID]) -> dict[UUID, OrganisationRow]:
    """Those of the organisations that there are."""
    rows = await session.execute(select(OrganisationRow).where(col(OrganisationRow.id).in_(ids)))
    return {row.id: row for row in rows.scalars()}


async def all_organisations(session: ReadSession) -> list[OrganisationRow]:
    """Every organisation, the oldest first."""
    return list((await session.execute(select(OrganisationRow).order_by(col(OrganisationRow.created_at)))).scalars())


async def logo_of(session: ReadSession, organisation_id: UUID) -> LogoRow | None:
    """The organisation's picture."""
    return await session.get(LogoRow, organisation_id)


async def logo_digests(session: ReadSession, ids: Collection[UUID]) -> dict[UUID, str]:
    """For those of the organisations that have a picture, what its address ends with."""
    query = select(col(LogoRow.organisation_id), col(LogoRow.digest)).where(col(LogoRow.organisation_id).in_(ids))
    return {row.organisation_id: row.digest for row in await session.execute(query)}


async def members_of(session: ReadSession, vault: Vault, organisation_id: UUID) -> list[KnownMember]:
    """Who acts for the organisation, owners first."""
    query = (
        select(col(MemberRow.person_id), col(MemberRow.role), col(PersonRow.sealed_contact))
        .join(PersonRow, col(PersonRow.id) == col(MemberRow.person_id))
        .where(col(MemberRow.organisation_id) == organisation_id)
    )
    rows = await session.execute(query)
    members = [KnownMember(row.person_id, Role(row.role), _address(vault, row)) for row in rows]
    order = list(Role)
    return sorted(members, key=lambda member: (order.index(member.role), member.address))


def _address(vault: Vault, row: tuple[UUID, str, str]) -> str:
    return vault.open(row[2], Contact, f"contact:{row[0]}").email or ""


async def addresses_of(session: ReadSession, vault: Vault, person_ids: Collection[UUID]) -> dict[UUID, str]:
    """The addresses of people who sign in, for those who may see them."""
    query = select(col(PersonRow.id), col(PersonRow.sealed_contact)).where(col(PersonRow.id).in_(person_ids))
    rows = await session.execute(query)
    return {row.id: vault.open(row.sealed_contact, Contact, f"contact:{row.id}").email or "" for row in rows}


async def invitations_of(
    session: ReadSession, vault: Vault, organisation_id: UUID, now: datetime
) -> list[OpenInvitation]:
    """The invitations that are still open, the newest first."""
    query = (
        select(InvitationRow)
        .where(col(InvitationRow.organisation_id) == organisation_id, col(InvitationRow.expires_at) > now)
        .order_by(col(InvitationRow.expires_at).desc())
    )
    rows = (await session.execute(query)).scalars()
    return [OpenInvitation(row.id, Role(row.role), _invited(vault, row), row.expires_at) for row in rows]


def _invited(vault: Vault, row: InvitationRow) -> str:
    return vault.open(row.sealed_address, Recipient, f"invitation:{row.id}").email or ""


async def owners_of(session: ReadSession, organisation_id: UUID) -> list[UUID]:
    """The people who own the organisation."""
    query = select(col(MemberRow.person_id)).where(
        col(MemberRow.organisation_id) == organisation_id, col(MemberRow.role) == Role.OWNER.value
    )
    return list((await session.execute(query)).scalars())


async def invitation_of(
    session: ReadSession, token: str, now: datetime
) -> tuple[InvitationRow, OrganisationRow] | None:
    """The invitation behind a link, and who invites; None where it is gone. Looking at it does not use it."""
    query = (
        select(InvitationRow, OrganisationRow)
        .join(OrganisationRow, col(OrganisationRow.id) == col(InvitationRow.organisation_id))
        .where(col(InvitationRow.token_hash) == token_hash(token), col(InvitationRow.expires_at) > now)
    )
    found = (await session.execute(query)).one_or_none()
    return (found[0], found[1]) if found else None
