"""Reading registrations."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, and_, false, or_, text
from sqlmodel import col, select

from services.registrations.events.model import EventRow, PlacesRow
from services.registrations.people.model import Means, PersonRow
from services.registrations.registrations.model import LIVE, QUESTIONS, RegistrationRow, State
from services.registrations.registrations.waitlist import waiting_position
from shared.contracts.events import EventState, Status
from shared.database.engine import ReadSession
from shared.shifts import Post, post_of, posts_of, seen_from
from shared.tickets import ticket_of
from shared.vault import token_hash


class Own(NamedTuple):
    """A registration as the person sees it; `reach` is how the desk finds who has nothing but paper.

    `number` is that of the role in a shift that it is for; the event is then no more than this shift.
    """

    registration: RegistrationRow
    event: EventState
    means: Means
    language: str
    position: int | None
    reach: str | None = None
    number: int | None = None

    @property
    def state(self) -> State:
        """Where it stands."""
        return State(self.registration.state)

    @property
    def live(self) -> bool:
        """Whether it has not ended."""
        return self.state in LIVE

    def asked_to_come(self, now: datetime) -> bool:
        """Whether we asked if the person comes to this shift, and it is not over."""
        shown = self.state is State.CONFIRMED and self.event.status is Status.PUBLISHED
        return shown and self.registration.asked_to_come_at is not None and now < self.event.sessions[-1].ends_at

    @property
    def ticket(self) -> str:
        """What the party shows at the door."""
        return ticket_of(self.registration.id)

    @property
    def printable(self) -> bool:
        """Whether there is a slip of paper for it: no question to a number's owner is open."""
        return self.live and self.state is not State.HELD


async def by_token(session: ReadSession, token: str) -> Own | None:
    """The registration that the secret link leads to."""
    return await _own(session, col(RegistrationRow.token_hash) == token_hash(token))


async def by_id(session: ReadSession, event_id: UUID, registration_id: UUID) -> Own | None:
    """A registration of the event."""
    return await _own(session, and_(col(RegistrationRow.id) == registration_id, col(EventRow.id) == event_id))


async def _own(session: ReadSession, which: ColumnElement[bool]) -> Own | None:
    query = (
        select(RegistrationRow, EventRow, PersonRow)
        .join(EventRow, col(EventRow.id) == col(RegistrationRow.event_id))
        .join(PersonRow, col(PersonRow.id) == col(RegistrationRow.person_id))
        .where(which)
    )
    row = (await session.execute(query)).one_or_none()
    if row is None:
        return None
    registration, event, person = row
    position = None
    if registration.state == State.WAITLISTED:
        position = await waiting_position(session, registration.places_id, registration.queue)
    seen = seen_from(event.event, registration.places_id)
    number = post.number if (post := post_of(event.event, registration.places_id)) else None
    return Own(registration, seen, Means(person.means), person.language, position, person.reach, number)


def known_by(own: Own) -> ColumnElement[bool]:
    """Which registrations whoever has the link may see besides: for a mail address, those of the same form alone.

    Anybody can type somebody else's address and is shown the page at once; the link to a number's page goes to the
    number.
    """
    row = own.registration
    if own.means is not Means.EMAIL:
        return col(RegistrationRow.person_id) == row.person_id
    same_form = col(RegistrationRow.request_key) == row.request_key if row.request_key else false()
    return and_(col(RegistrationRow.person_id) == row.person_id, or_(col(RegistrationRow.id) == row.id, same_form))


async def shifts_of(session: ReadSession, own: Own) -> list[tuple[Post, RegistrationRow]]:
    """The shifts of the event in which the person is, or would be as a substitute, by their time; see `known_by`."""
    event_id = own.event.id
    row = await session.get(EventRow, event_id)
    if row is None or not row.event.shifts:
        return []
    query = select(RegistrationRow).where(
        known_by(own),
        col(RegistrationRow.event_id) == event_id,
        col(RegistrationRow.state).in_([state.value for state in LIVE]),
    )
    found = {one.places_id: one for one in (await session.execute(query)).scalars()}
    return [(post, found[post.id]) for post in posts_of(row.event) if post.id in found]


async def event_at(session: ReadSession, places_id: UUID) -> EventState | None:
    """The event as somebody in this pool knows it."""
    query = (
        select(EventRow)
        .join(PlacesRow, col(PlacesRow.event_id) == col(EventRow.id))
        .where(col(PlacesRow.id) == places_id)
    )
    row = (await session.execute(query)).scalar_one_or_none()
    return seen_from(row.event, places_id) if row else None


class Live(NamedTuple):
    """One of a person's live registrations, as an SMS speaks of it.

    `expires_at` is by when the person answers, or the organisation.
    `asked`: for a shift that is not over, of which we asked whether the person comes; `coming`: the answer was yes.
    `swap`: the person is asked to swap the shift, and has not agreed.
    """

    id: UUID
    person_id: UUID
    event_id: UUID
    code: str
    state: State
    party_size: int
    expires_at: datetime | None
    postponed: bool = False
    places_id: UUID | None = None
    number: int | None = None
    asked: bool = False
    coming: bool = False
    swap: bool = False

    @property
    def waits(self) -> bool:
        """Whether the person has something to answer."""
        return self.state in QUESTIONS or (self.asked and not self.coming)

    @property
    def named(self) -> str:
        """What people text to mean it: the event's code, and the number of the role in a shift."""
        return f"{self.code} {self.number}" if self.number else self.code


async def live_of(session: ReadSession, person_id: UUID) -> list[Live]:
    """A person's live registrations for events that are not over, oldest first; one without a date is not over."""
    rows = await session.execute(
        text(
            """
            SELECT r.id, r.person_id, r.event_id, e.code, r.state, r.party_size,
                   coalesce(r.expires_at, r.answer_by) AS expires_at,
                   e.state ->> 'status' = 'postponed' AS postponed, r.places_id,
                   CASE WHEN p.is_shift THEN (
                       SELECT (one ->> 'number')::integer
                       FROM jsonb_path_query(e.state, '$.shifts[*].staffing[*]') one
                       WHERE (one ->> 'places_id')::uuid = r.places_id
                   ) END AS number,
                   p.is_shift AND p.open AND p.ends_at > now() AND r.state = 'confirmed'
                       AND r.asked_to_come_at IS NOT NULL AS asked,
                   r.coming_at IS NOT NULL AS coming,
                   EXISTS (
                       SELECT FROM swaps s WHERE s.ended_at IS NULL
                       AND ((s.first_id = r.id AND s.first_agreed_at IS NULL)
                            OR (s.second_id = r.id AND s.second_agreed_at IS NULL))
                   ) AS swap
            FROM registrations r JOIN events e ON e.id = r.event_id JOIN places p ON p.id = r.places_id
            WHERE r.person_id = :person AND r.state = ANY(:live)
                AND (p.starts_at > now() - interval '1 day' OR e.state ->> 'status' = 'postponed')
            ORDER BY r.created_at, r.id
            """
        ),
        {"person": person_id, "live": [state.value for state in LIVE]},
    )
    return [
        Live(
            *(r.id, r.person_id, r.event_id, r.code, State(r.state), r.party_size, r.expires_at),
            *(r.postponed, r.places_id, r.number, r.asked, r.coming, r.swap),
        )
        for r in rows
    ]
