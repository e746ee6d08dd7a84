"""An organisation while it is locked, and the message that tells of it."""

from base64 import b64encode
from uuid import UUID

from sqlalchemy import select, text
from sqlmodel import col

from services.events.organisations.drawing import for_mails
from services.events.organisations.model import LogoRow, OrganisationRow
from shared.contracts.events import ContactPoint
from shared.contracts.organisations import Membership, OrganisationChanged, Role
from shared.database.engine import WriteSession
from shared.messaging.outbox import publish


class UnknownOrganisationError(Exception):
    """There is no such organisation, or the member may not change it."""


async def locked(session: WriteSession, organisation_id: UUID) -> OrganisationRow:
    """The organisation, which nobody else changes until this transaction ends. Raises UnknownOrganisationError."""
    query = select(OrganisationRow).where(col(OrganisationRow.id) == organisation_id).with_for_update()
    row = (await session.execute(query)).scalar_one_or_none()
    if row is None:
        raise UnknownOrganisationError
    return row


async def members_in(session: WriteSession, organisation_id: UUID) -> list[Membership]:
    """Who belongs to the organisation now."""
    rows = await session.execute(
        text("SELECT person_id, role FROM members WHERE organisation_id = :id ORDER BY person_id"),
        {"id": organisation_id},
    )
    return [Membership(person_id=row.person_id, role=Role(row.role)) for row in rows]


async def tell(session: WriteSession, organisation: OrganisationRow) -> None:
    """Raise the version and publish the whole state. The organisation is locked by the caller."""
    organisation.version += 1
    session.add(organisation)
    await session.flush()
    logo = await session.get(LogoRow, organisation.id, populate_existing=True)
    message = OrganisationChanged(
        aggregate_id=organisation.id,
        aggregate_version=organisation.version,
        name=organisation.name,
        members=await members_in(session, organisation.id),
        kind=organisation.kind,
        description=organisation.description,
        languages=organisation.languages,
        contact=ContactPoint.model_validate(organisation.contact) if organisation.contact else None,
        website=organisation.website or None,
        logo=logo_path(organisation.id, logo.digest if logo else None),
        picture=b64encode(for_mails(logo.content)).decode().rstrip("=") if logo else None,
    )
    await publish(session, message)


def logo_path(organisation_id: UUID, digest: str | None) -> str | None:
    """Where the events service shows the picture; the address changes with it."""
    return f"/organisations/{organisation_id}/logo/{digest}" if digest else None
