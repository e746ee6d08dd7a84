"""Add and change organisations. The commands never commit, and lock the organisation before they publish."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from services.events.organisations.members import add_member
from services.events.organisations.model import OrganisationKind, OrganisationRow
from services.events.organisations.profile import ProfileContent
from services.events.organisations.telling import UnknownOrganisationError, locked, tell
from shared.auth.audit import record
from shared.auth.members import Member
from shared.auth.rights import Right
from shared.contracts.base import LocalizedText
from shared.contracts.organisations import Role
from shared.database.engine import WriteSession
from shared.vault import Vault


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


async def change_profile(session: WriteSession, member: Member, organisation_id: UUID, content: ProfileContent) -> None:
    """What residents read of the organisation is as `content` says. Saying the same again changes nothing.

    Raises UnknownOrganisationError where the member does not manage the organisation.
    """
    if not member.may(Right.MANAGE, organisation_id):
        raise UnknownOrganisationError
    organisation = await locked(session, organisation_id)
    before = ProfileContent.of(organisation)
    if content == before:
        return
    changed = [name for name in ProfileContent.model_fields if getattr(before, name) != getattr(content, name)]
    content.write(organisation)
    await tell(session, organisation)
    await record(
        session,
        "organisation.changed",
        person_id=member.person_id,
        organisation_id=organisation_id,
        after=dict.fromkeys(changed, True),
    )
