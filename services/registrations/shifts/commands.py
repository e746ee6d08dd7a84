"""Sign up for several shifts at once: decided together, by the same engine as every other place."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from services.registrations.asking.commands import agree_by_form
from services.registrations.registrations.admission import Admitted, Decision, Refused, Rules, Wish, admit
from services.registrations.registrations.pool import lock_pool
from services.registrations.registrations.queries import event_at
from services.registrations.shifts.overlaps import Elsewhere
from shared.contracts.deliveries import DeliveryChannel
from shared.contracts.notification_requests import NotificationRequested, Template, localized
from shared.database.engine import WriteSession
from shared.messaging.outbox import publish
from shared.vault import Vault


class NotAllError(Exception):
    """Of several shifts that were wanted all or none, `full` have no place, or `refused` cannot be had."""

    def __init__(self, full: Sequence[UUID], refused: Mapping[UUID, Refused]) -> None:
        super().__init__()
        self.full = full
        self.refused = refused


async def sign_up(
    session: WriteSession,
    vault: Vault,
    rules: Rules,
    wish: Wish,
    places: Sequence[UUID],
    now: datetime,
    *,
    all_or_none: bool = False,
    askable: bool = False,
) -> dict[UUID, Decision]:
    """Decide one person's wish for each of these pools, in this order; one decision each.

    Each is decided for itself: a place, or one on the list of substitutes. With `all_or_none` there is a free place in
    every one of them, or NotAllError: the caller's transaction is to be rolled back. `askable`: the person may be asked
    when somebody is missing. Raises PoolUnknownError.
    """
    pools = {places_id: await lock_pool(session, places_id) for places_id in sorted(places)}
    full = [places_id for places_id in places if pools[places_id].free < wish.party_size]
    if all_or_none and full:
        raise NotAllError(full, {})
    decided = {places_id: (await admit(session, vault, rules, places_id, [wish], now))[0] for places_id in places}
    refused = {places_id: one for places_id, one in decided.items() if isinstance(one, Refused)}
    if all_or_none and refused:
        raise NotAllError([], refused)
    if askable:
        made = [one.id for one in decided.values() if isinstance(one, Admitted)]
        await agree_by_form(session, made, now, ask_owner=wish.ask_owner)
    return decided


async def tell_overlap(
    session: WriteSession, places_id: UUID, event_id: UUID, other: Elsewhere, language: str = ""
) -> None:
    """Ask for the message that a person cannot have this shift besides the other one; it names both.

    `language` is the one in which the person has just texted us.
    """
    event = await event_at(session, other.places_id)
    if event is None:
        return
    told = {"places_id": str(places_id), "planned": event.sessions[0].starts_at.isoformat()}
    texted = {"language": language, "channel": DeliveryChannel.SMS.value} if language else {}
    await publish(
        session,
        NotificationRequested(
            aggregate_id=other.registration_id,
            aggregate_version=0,
            template=Template.SHIFT_OVERLAPS,
            person_id=other.person_id,
            event_id=event_id,
            data={**told, **texted, "event_title": localized(event.title)},
        ),
    )
