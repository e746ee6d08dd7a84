"""Invite people by e-mail to act for an organisation. The commands never commit."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col
from uuid6 import uuid7

from services.events.organisations.members import add_member, address_hash
from services.events.organisations.model import InvitationRow
from services.events.organisations.telling import UnknownOrganisationError, locked
from shared.auth.audit import record
from shared.auth.members import Member
from shared.auth.rights import Right
from shared.contracts.notification_requests import NotificationRequested, Recipient, Secret, Template
from shared.contracts.organisations import Role
from shared.database.engine import WriteSession
from shared.messaging.outbox import publish
from shared.vault import Vault, new_secret, token_hash
from shared.web.shown import pick


class InvitationGoneError(Exception):
    """The invitation was used, taken back or never was, or its time is over."""


@dataclass(frozen=True)
class Accepted:
    """Who accepted, for which organisation."""

    person_id: UUID
    organisation_id: UUID


async def invite(
    session: WriteSession,
    vault: Vault,
    member: Member,
    organisation_id: UUID,
    recipient: Recipient,
    role: Role,
    *,
    lifetime: timedelta,
    now: datetime,
) -> None:
    """Write to the address with a link by which its owner gets the role.

    An earlier invitation of the same address is replaced. Raises UnknownOrganisationError.
    """
    if not member.may(Right.MANAGE, organisation_id):
        raise UnknownOrganisationError
    organisation = await locked(session, organisation_id)
    token, invitation_id, expires_at = new_secret(), uuid7(), now + lifetime
    values = {
        "id": invitation_id,
        "role": role.value,
        "sealed_address": vault.seal(recipient, f"invitation:{invitation_id}"),
        "token_hash": token_hash(token),
        "invited_by": member.person_id,
        "language": recipient.language,
        "expires_at": expires_at,
    }
    found_by = {"organisation_id": organisation_id, "address_hash": address_hash(vault, recipient.email or "")}
    await session.execute(
        insert(InvitationRow)
        .values(values | found_by)
        .on_conflict_do_update(index_elements=["organisation_id", "address_hash"], set_=values)
    )
    message = NotificationRequested(
        aggregate_id=invitation_id,
        aggregate_version=1,
        template=Template.INVITATION,
        data={"host": pick(organisation.name, recipient.language).text, "role": role.value},
        sealed=vault.seal(Secret(recipient=recipient, token=token), f"request:{invitation_id}"),
        expires_at=expires_at,
    )
    await publish(session, message)
    await _record(session, "member.invited", member, organisation_id, role)


async def take_back(session: WriteSession, member: Member, organisation_id: UUID, invitation_id: UUID) -> None:
    """The link of the invitation leads nowhere any more. Taking back what is gone changes nothing.

    Raises UnknownOrganisationError.
    """
    if not member.may(Right.MANAGE, organisation_id):
        raise UnknownOrganisationError
    gone = await session.execute(
        delete(InvitationRow)
        .where(col(InvitationRow.id) == invitation_id, col(InvitationRow.organisation_id) == organisation_id)
        .returning(col(InvitationRow.role))
    )
    role = gone.scalar_one_or_none()
    if role is not None:
        await _record(session, "member.invitation-taken-back", member, organisation_id, Role(role))


async def accept(session: WriteSession, vault: Vault, token: str, *, language: str, now: datetime) -> Accepted:
    """Whoever has the link belongs to the organisation; the address is proved by it. Raises InvitationGoneError.

    A member who has more rights already keeps them: an old invitation takes nothing away.
    """
    used = await session.execute(
        delete(InvitationRow)
        .where(col(InvitationRow.token_hash) == token_hash(token), col(InvitationRow.expires_at) > now)
        .returning(InvitationRow)
    )
    row = used.scalar_one_or_none()
    if row is None:
        raise InvitationGoneError
    recipient = vault.open(row.sealed_address, Recipient, f"invitation:{row.id}")
    person_id = await add_member(
        session,
        vault,
        row.organisation_id,
        recipient.email or "",
        Role(row.role),
        language,
        by=row.invited_by,
        never_less=True,
    )
    return Accepted(person_id, row.organisation_id)


async def forget_overdue(session: WriteSession, now: datetime) -> None:
    """Delete invitations whose time is over."""
    await session.execute(delete(InvitationRow).where(col(InvitationRow.expires_at) <= now))


async def _record(session: WriteSession, action: str, member: Member, organisation_id: UUID, role: Role) -> None:
    await record(
        session, action, person_id=member.person_id, organisation_id=organisation_id, after={"role": role.value}
    )
