"""Reading who came: the parties of an event at one of its sessions, and the numbers of each session."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Row, text

from services.registrations.registrations.model import State
from shared.contracts.events import EventState, Session
from shared.database.engine import ReadSession
from shared.i18n.folding import fold
from shared.shifts import Post, post_of
from shared.tickets import CODE_DIGITS, DIGITS, code_of, ticket_of, ticket_sql

MOST_MATCHES = 20
_LONGEST_GAP = timedelta(days=1)
_OVERLAP = timedelta(seconds=10)
"""What was written so shortly before a reading may not have been committed then: it is read again."""


class CameInSession(NamedTuple):
    """The numbers of one session: people expected, people of them who came, people who came without a registration."""

    session: Session
    expected: int
    came: int
    walk_ins: int

    @property
    def people(self) -> int:
        """Everybody who was there."""
        return self.came + self.walk_ins


_EXPECTED = text(
    "SELECT places_id, sum(party_size) AS people FROM registrations"
    " WHERE event_id = :event AND state = 'confirmed' GROUP BY places_id"
)
_CAME = text(
    """
    SELECT session_id, sum(came) AS came, 0 AS walk_ins FROM check_ins
    WHERE session_id = ANY(:sessions) AND undone_at IS NULL GROUP BY session_id
    UNION ALL
    SELECT session_id, 0, sum(people) FROM walk_ins WHERE session_id = ANY(:sessions) GROUP BY session_id
    """
)


async def came_by_session(session: ReadSession, event: EventState) -> list[CameInSession]:
    """The numbers of each session, in the event's order; two statements, however many there are."""
    expected = {row.places_id: int(row.people) for row in await session.execute(_EXPECTED, {"event": event.id})}
    rows = (await session.execute(_CAME, {"sessions": [one.id for one in event.sessions]})).all()
    return [
        CameInSession(
            one,
            sum(expected.get(places_id, 0) for places_id in pools_at(event, one.id)),
            sum(int(row.came) for row in rows if row.session_id == one.id),
            sum(int(row.walk_ins) for row in rows if row.session_id == one.id),
        )
        for one in event.sessions
    ]


def pools_at(event: EventState, session_id: UUID) -> list[UUID]:
    """The pools of places of those who are expected at a session: all, or those of this shift."""
    shifts = [shift for shift in event.shifts if shift.session_id == session_id]
    staffing = [one.places_id for shift in shifts for one in shift.staffing]
    return staffing if event.shifts else [places.id for places in event.places]


def _where(event: EventState, session_id: UUID) -> dict[str, Any]:
    return {"event": event.id, "session": session_id, "pools": pools_at(event, session_id)}


def session_of(event: EventState, wanted: UUID | None, now: datetime) -> Session | None:
    """The session that is asked for; where none is, today's, else the next one, else the last. None: no such one."""
    if wanted is not None:
        return next((one for one in event.sessions if one.id == wanted), None)
    zone = ZoneInfo(event.time_zone)
    today = now.astimezone(zone).date()
    ordered = sorted(event.sessions, key=lambda one: one.starts_at)
    todays = [
        one for one in ordered if one.starts_at.astimezone(zone).date() <= today <= one.ends_at.astimezone(zone).date()
    ]
    not_over = [one for one in todays if one.ends_at > now] or todays
    later = [one for one in ordered if one.starts_at > now]
    return (not_over or later or ordered[-1:])[0]


@dataclass(frozen=True)
class PartyHere:
    """One party as the desk sees it. `came` is 0 while it is not here; `since` is then empty."""

    id: UUID
    name: str | None
    party_size: int
    state: State
    came: int = 0
    since: datetime | None = None

    @property
    def ticket(self) -> str:
        """The twelve digits of its QR code."""
        return ticket_of(self.id)

    @property
    def code(self) -> str:
        """The six digits that its people can read out."""
        return code_of(self.ticket)


_PARTIES = """
    SELECT r.id, r.name, r.party_size, r.state,
           CASE WHEN c.undone_at IS NULL THEN coalesce(c.came, 0) ELSE 0 END AS came,
           CASE WHEN c.undone_at IS NULL THEN c.checked_in_at END AS since
    FROM registrations r LEFT JOIN check_ins c ON c.registration_id = r.id AND c.session_id = :session
    WHERE r.event_id = :event AND r.places_id = ANY(:pools)
"""
_BY_TICKET = text(f"{_PARTIES} AND left({ticket_sql('r.id')}, :digits) = :ticket ORDER BY r.queue")
_BY_ID = text(f"{_PARTIES} AND r.id = ANY(:ids) ORDER BY r.queue")
_ALL = text(f"{_PARTIES} AND (r.state NOT IN ('cancelled', 'expired') OR c.came IS NOT NULL) ORDER BY r.queue")
_SINCE = text(f"{_PARTIES} AND (r.updated_at >= :since OR c.changed_at >= :since) ORDER BY r.queue")
_NAMES = text(
    """
    SELECT id, name FROM registrations
    WHERE event_id = :event AND places_id = ANY(:pools) AND name IS NOT NULL
      AND state NOT IN ('cancelled', 'expired') ORDER BY queue
    """
)
_AT_OTHER_SHIFT = text(
    f"""
    SELECT places_id FROM registrations
    WHERE event_id = :event AND state = 'confirmed' AND left({ticket_sql("id")}, :digits) = :ticket LIMIT 2
    """  # noqa: S608 - an expression of ours
)
_ELSEWHERE = text(
    f"""
    SELECT e.code FROM registrations r JOIN events e ON e.id = r.event_id
    WHERE e.organisation_id = :organisation AND e.code = :code AND e.id <> :event
      AND {ticket_sql("r.id")} = :ticket
    """  # noqa: S608 - an expression of ours
)


async def by_ticket(session: ReadSession, event: EventState, session_id: UUID, digits: str) -> list[PartyHere]:
    """The parties with this code or ticket; more than one where two share a code."""
    if len(digits) not in {CODE_DIGITS, DIGITS}:
        return []
    values = _where(event, session_id) | {"ticket": digits, "digits": len(digits)}
    return [_party(row) for row in await session.execute(_BY_TICKET, values)]


async def by_name(session: ReadSession, event: EventState, session_id: UUID, wanted: str) -> list[PartyHere]:
    """The parties whose name has all the words of the text, each at the beginning of a word of its own script.

    At most twenty, and one more that says that there are more.
    """
    words = fold(wanted).split()
    if not words:
        return []
    where = _where(event, session_id)
    named = await session.execute(_NAMES, {"event": event.id, "pools": where["pools"]})
    ids = [row.id for row in named if _fits(words, _folded(row.name))][: MOST_MATCHES + 1]
    values = where | {"ids": ids}
    return [_party(row) for row in await session.execute(_BY_ID, values)]


@lru_cache(maxsize=20_000)
def _folded(name: str) -> str:
    return f" {fold(name)}"


def _fits(words: list[str], name: str) -> bool:
    return all(f" {word}" in name for word in words)


async def all_parties(
    session: ReadSession, event: EventState, session_id: UUID, since: datetime | None
) -> tuple[list[PartyHere], datetime]:
    """Who is on the list, or what changed since an earlier reading; and from when on the next one has to ask."""
    now: datetime = (await session.execute(text("SELECT clock_timestamp()"))).scalar_one()
    values = _where(event, session_id)
    since = since if since and now - _LONGEST_GAP < since <= now else None
    rows = await (session.execute(_SINCE, values | {"since": since}) if since else session.execute(_ALL, values))
    return [_party(row) for row in rows], now - _OVERLAP


async def at_other_shift(session: ReadSession, event: EventState, digits: str) -> Post | None:
    """The shift of the same event that a code or ticket is for; nothing where two shifts have this code."""
    rows = await session.execute(_AT_OTHER_SHIFT, {"event": event.id, "ticket": digits, "digits": len(digits)})
    places = list(rows.scalars())
    return post_of(event, places[0]) if len(places) == 1 else None


async def of_other_event(session: ReadSession, event: EventState, code: str, ticket: str) -> str | None:
    """The code of the host's other event that a scanned ticket is for."""
    values = {"organisation": event.organisation_id, "code": code, "event": event.id, "ticket": ticket}
    found = await session.execute(_ELSEWHERE, values)
    return found.scalars().first()


def _party(row: Row[Any]) -> PartyHere:
    return PartyHere(row.id, row.name, row.party_size, State(row.state), row.came, row.since)
