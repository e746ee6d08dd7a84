"""Taking over what the events service published, with everything that follows for registrations.

What changed is found by comparing with the projection, never from the message's type: the topic is compacted.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from services.registrations.registrations.admission import Rules
from services.registrations.registrations.pool import Party, Pool, lock_pool, seal_link
from services.registrations.registrations.waitlist import offer_free_places, promise_anew, restart_answer_times
from services.registrations.shifts.reminding import forget_answers
from shared.contracts.events import EventState, Places, Status
from shared.contracts.notification_requests import NotificationRequested, Template
from shared.contracts.registrations import EndedBy, RegistrationCancelled
from shared.database.engine import WriteSession
from shared.messaging.outbox import publish
from shared.shifts import post_of, seen_from
from shared.vault import Vault

_KNOWN = text("SELECT version, state FROM events WHERE id = :id FOR UPDATE")
_KEEP = text(
    """
    INSERT INTO events (id, code, organisation_id, version, state)
    VALUES (:id, :code, :organisation_id, :version, :state)
    ON CONFLICT (id) DO UPDATE SET code = excluded.code, organisation_id = excluded.organisation_id,
                                   version = excluded.version, state = excluded.state
    """
).bindparams(bindparam("state", type_=JSONB))
_KEEP_PLACES = text(
    """
    INSERT INTO places (id, event_id, capacity, taken, waiting, waiting_parties, excess, version, open, largest_party,
                        opens_at, closes_at, starts_at, ends_at, is_shift, time_zone, answer_within)
    VALUES (:id, :event_id, 0, 0, 0, 0, 0, 0, :open, :largest_party, :opens_at, :closes_at, :starts_at, :ends_at,
            :is_shift, :time_zone, :answer_within)
    ON CONFLICT (id) DO UPDATE SET open = excluded.open, largest_party = excluded.largest_party,
        opens_at = excluded.opens_at, closes_at = excluded.closes_at, starts_at = excluded.starts_at,
        ends_at = excluded.ends_at, is_shift = excluded.is_shift, time_zone = excluded.time_zone,
        answer_within = excluded.answer_within
    WHERE places.event_id = excluded.event_id RETURNING id
    """
)
_CANCEL_ALL = text(
    """
    UPDATE registrations SET state = 'cancelled', holds_places = false, expires_at = NULL, answer_by = NULL,
                             ended_by = 'event', updated_at = :now
    WHERE places_id = :places_id AND state IN ('held', 'confirmed', 'waitlisted', 'offered', 'pending')
    RETURNING id, person_id, party_size, channel, queue
    """
)
_TO_TELL = text(
    """
    SELECT id, person_id, state, expires_at FROM registrations
    WHERE places_id = :places_id AND state IN ('confirmed', 'waitlisted', 'offered', 'pending') ORDER BY queue
    """
)


class ForeignPlacesError(Exception):
    """The places are another event's."""


@dataclass(frozen=True)
class Change:
    """What is different from the projection for those who registered."""

    rescheduled: bool
    place_changed: bool
    postponed: bool = False
    reopened: bool = False

    @classmethod
    def between(cls, before: EventState | None, after: EventState) -> "Change":
        """Nothing, if the event is new."""
        if before is None:
            return cls(rescheduled=False, place_changed=False)
        times = [[(s.starts_at, s.ends_at) for s in event.sessions] for event in (before, after)]
        place = (before.venue, before.online_link) != (after.venue, after.online_link)
        states = [event.status is Status.POSTPONED for event in (before, after)]
        reopened = states[0] and after.status is Status.PUBLISHED
        return cls(
            rescheduled=times[0] != times[1] or reopened,
            place_changed=place,
            postponed=states[1] and not states[0],
            reopened=reopened,
        )

    @property
    def template(self) -> Template | None:
        """What people are told of it; new dates are told with the place, once, and so is that there are none."""
        if self.postponed:
            return Template.POSTPONED
        if self.rescheduled:
            return Template.RESCHEDULED
        return Template.CHANGED if self.place_changed else None


async def take_over(
    session: WriteSession, vault: Vault, rules: Rules, event: EventState, version: int, now: datetime
) -> None:
    """Bring projection and pools to this state; an older one than we have changes nothing.

    A cancelled event ends every registration, once; new dates or another place are told to everyone who is in or
    waits; a larger capacity is offered to the waitlist; a smaller one takes nobody's place away. While an event is
    postponed nobody can register, nobody loses a place and no time to answer runs; with its new dates it is open again,
    and every open question has its whole time anew. Whoever said that they come to a shift said it of its old date.
    Raises ForeignPlacesError.
    """
    known = (await session.execute(_KNOWN, {"id": event.id})).one_or_none()
    if known is not None and known.version >= version:
        return
    before = EventState.model_validate(known.state) if known else None
    await session.execute(
        _KEEP,
        {
            "id": event.id,
            "code": event.code,
            "organisation_id": event.organisation_id,
            "version": version,
            "state": event.model_dump(mode="json"),
        },
    )
    changes = {places.id: _change(before, event, places.id) for places in event.places}
    for places in sorted(event.places, key=lambda one: one.id):
        await _take_over_places(session, vault, rules, event, places, now, changes[places.id])
    for places_id, change in changes.items():
        template = change.template
        if template and (event.status is Status.PUBLISHED or template is Template.POSTPONED):
            await _tell_everyone(session, vault, seen_from(event, places_id), places_id, version, template)


def _change(before: EventState | None, after: EventState, places_id: UUID) -> Change:
    """What is different for those in these places: in a shift, of that shift alone."""
    if before is None or places_id not in {places.id for places in before.places}:
        return Change.between(None, after)
    return Change.between(seen_from(before, places_id), seen_from(after, places_id))


async def _take_over_places(
    session: WriteSession,
    vault: Vault,
    rules: Rules,
    event: EventState,
    places: Places,
    now: datetime,
    change: Change,
) -> None:
    if (await session.execute(_KEEP_PLACES, _terms(event, places.id))).one_or_none() is None:
        raise ForeignPlacesError
    pool = await lock_pool(session, places.id)
    if pool.capacity != places.capacity or pool.version == 0:
        pool.set_capacity(places.capacity)
        pool.tell_counts()
    if event.status is Status.CANCELLED:
        await _cancel_all(session, vault, pool, now)
    if change.reopened:
        await restart_answer_times(session, rules, pool, now)
        await promise_anew(session, pool, now)
    if change.rescheduled:
        await forget_answers(session, pool, now)
    await offer_free_places(session, vault, rules, pool, now)
    await pool.save(session)


def _terms(event: EventState, places_id: UUID) -> dict[str, Any]:
    sessions, post = seen_from(event, places_id).sessions, post_of(event, places_id)
    last_end = max(session.ends_at for session in sessions)
    return {
        "id": places_id,
        "event_id": event.id,
        "open": event.status is Status.PUBLISHED,
        "largest_party": event.largest_party,
        "opens_at": event.registration_opens_at,
        "closes_at": event.registration_closes_at or last_end,
        "starts_at": max(session.starts_at for session in sessions),
        "ends_at": last_end,
        "is_shift": bool(event.shifts),
        "time_zone": event.time_zone,
        "answer_within": post.role.answer_within if post else None,
    }


async def _cancel_all(session: WriteSession, vault: Vault, pool: Pool, now: datetime) -> None:
    rows = list(await session.execute(_CANCEL_ALL, {"places_id": pool.id, "now": now}))
    pool.taken = pool.waiting = pool.waiting_parties = pool.excess = 0
    for row in sorted(rows, key=lambda row: row.queue):
        party = Party(row.id, row.person_id, row.party_size, row.channel)
        pool.tell(vault, RegistrationCancelled, party, by=EndedBy.EVENT)


async def _tell_everyone(
    session: WriteSession, vault: Vault, event: EventState, places_id: UUID, version: int, template: Template
) -> None:
    """Each request names the event's version: notifications waits for it, and never tells of the old date as new."""
    rows = await session.execute(_TO_TELL, {"places_id": places_id})
    requests = [
        NotificationRequested(
            aggregate_id=row.id,
            aggregate_version=0,
            template=template,
            person_id=row.person_id,
            event_id=event.id,
            registration_id=row.id,
            data={
                "event_version": version,
                "places_id": str(places_id),
                "state": row.state,
                **_times(event, template, row.expires_at),
            },
            sealed=seal_link(vault, row.id, "request"),
        )
        for row in rows
    ]
    await publish(session, *requests)


def _times(event: EventState, template: Template, expires_at: datetime | None) -> dict[str, str]:
    """When it would have been, of an event that is postponed; else until when an offer can be answered."""
    if template is Template.POSTPONED:
        return {"planned": min(session.starts_at for session in event.sessions).isoformat()}
    return {"until": expires_at.isoformat()} if expires_at else {}
