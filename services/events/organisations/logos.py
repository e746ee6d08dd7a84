"""An organisation's picture, kept and shown."""

from hashlib import sha256
from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from services.events.organisations.model import LogoRow
from services.events.organisations.telling import UnknownOrganisationError, locked, tell
from shared.auth.audit import record
from shared.auth.members import Member
from shared.auth.rights import Right
from shared.database.engine import WriteSession


async def set_logo(session: WriteSession, member: Member, organisation_id: UUID, picture: bytes | None) -> None:
    """The organisation shows this picture, which `drawn_again` made, or none. The same again changes nothing.

    Raises UnknownOrganisationError where the member does not manage the organisation.
    """
    if not member.may(Right.MANAGE, organisation_id):
        raise UnknownOrganisationError
    organisation = await locked(session, organisation_id)
    before = await session.get(LogoRow, organisation_id)
    digest = sha256(picture).hexdigest()[:16] if picture else None
    if digest == (before.digest if before else None):
        return
    if picture:
        row = insert(LogoRow).values(organisation_id=organisation_id, digest=digest, content=picture)
        changed = {"digest": row.excluded.digest, "content": row.excluded.content}
        await session.execute(row.on_conflict_do_update(index_elements=["organisation_id"], set_=changed))
    else:
        await session.execute(delete(LogoRow).where(col(LogoRow.organisation_id) == organisation_id))
    await tell(session, organisation)
    await record(
        session,
        "organisation.logo-changed",
        person_id=member.person_id,
        organisation_id=organisation_id,
        after={"logo": picture is not None},
    )
