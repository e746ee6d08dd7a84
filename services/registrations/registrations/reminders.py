"""The friendly answer to someone who is registered already: the link once more.

What is typed on the web can be a stranger's doing, so that it leads to a message every ten minutes at most, and to a
few a day for one person. A text comes from the number's owner and is answered each time.
"""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import text

from services.registrations.registrations.admission import AlreadyRegistered
from services.registrations.registrations.limits import REMINDERS
from services.registrations.registrations.pool import seal_link
from shared.contracts.notification_requests import NotificationRequested, Template
from shared.database.engine import Database, WriteSession
from shared.messaging.outbox import publish
from shared.vault import Vault
from shared.web.limits import Limits, TooManyTriesError

AT_MOST_EVERY = timedelta(minutes=10)

_REMIND = text(
    """
    UPDATE registrations SET reminded_at = :now
    WHERE id = :id AND (reminded_at IS NULL OR reminded_at <= :before) RETURNING places_id
    """
)


async def remind(database: Database, vault: Vault, limits: Limits, event_id: UUID, earlier: AlreadyRegistered) -> None:
    """What the web does for somebody who is registered already. Beyond a limit it sends nothing, and tells nobody."""
    now = datetime.now(UTC)
    with suppress(TooManyTriesError):
        async with database.begin() as session:
            if await send_link_again(session, vault, event_id, earlier, now):
                await limits.count(session, now, (REMINDERS, str(earlier.person_id)))


async def send_link_again(
    session: WriteSession, vault: Vault, event_id: UUID, earlier: AlreadyRegistered, now: datetime, texted_in: str = ""
) -> bool:
    """Ask for the message; returns False where one was asked for in the last ten minutes.

    `texted_in` is the language of the owner who texted us, and is always answered.
    """
    before = now if texted_in else now - AT_MOST_EVERY
    reminded = await session.execute(_REMIND, {"id": earlier.id, "now": now, "before": before})
    places_id = reminded.scalar_one_or_none()
    if places_id is None:
        return False
    await publish(
        session,
        NotificationRequested(
            aggregate_id=earlier.id,
            aggregate_version=0,
            template=Template.ALREADY_REGISTERED,
            person_id=earlier.person_id,
            event_id=event_id,
            registration_id=earlier.id,
            data={
                "places_id": str(places_id),
                "state": earlier.state.value,
                "party": earlier.party_size,
                **_in(texted_in),
            },
            sealed=seal_link(vault, earlier.id, "request"),
        ),
    )
    return True


def _in(language: str) -> dict[str, str]:
    return {"language": language} if language else {}
