"""What the pages and the API of check-in share: who may, which session, and finding the party that is meant."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from services.registrations.check_in.commands import Desk
from services.registrations.check_in.queries import (
    PartyHere,
    at_other_shift,
    by_name,
    by_ticket,
    of_other_event,
    session_of,
)
from services.registrations.events.access import hosted_event
from shared.auth.members import Member
from shared.auth.rights import Right
from shared.contracts.events import EventState, Session
from shared.database.engine import Database, ReadSession
from shared.shifts import Post
from shared.tickets import read_ticket
from shared.web.limits import Limit, Limits
from shared.web.problem import Problem

UNKNOWN_CODES = Limit("check-in-codes", 60, timedelta(hours=1))
_LONGEST_WAIT = timedelta(days=7)


@dataclass(frozen=True)
class Place:
    """An event and one of its sessions, at which a member of the host checks people in."""

    event: EventState
    session: Session
    member: Member

    def desk(self, key: UUID, seconds_ago: float = 0) -> Desk:
        """The member at work. A device says how long ago something happened: its clock may be wrong."""
        now = datetime.now(UTC)
        ago = min(timedelta(seconds=seconds_ago), _LONGEST_WAIT)
        return Desk(self.member.person_id, self.event, self.session, key, now - ago, now)


async def place_of(session: ReadSession, member: Member, event_id: UUID, session_id: UUID | None) -> Place:
    """Where the member may check people in.

    Raises Problem: 404 for the event of another host, for co-hosts too, and for a session of another event; 403 for a
    role that may not.
    """
    offer = await hosted_event(session, member, event_id, Right.DESK)
    chosen = session_of(offer.event, session_id, datetime.now(UTC))
    if chosen is None:
        raise Problem(404)
    return Place(offer.event, chosen, member)


@dataclass(frozen=True)
class Found:
    """What a text at the desk leads to.

    `other_event` is the code of the event that a ticket is for instead, `other_shift` the shift of the same event.
    """

    parties: list[PartyHere]
    by_code: bool
    other_event: str | None = None
    other_shift: Post | None = None


async def find(session: ReadSession, place: Place, wanted: str) -> Found:
    """The parties that a scanned QR code, a typed code or a name leads to."""
    shown = read_ticket(wanted)
    if shown is None:
        return Found(await by_name(session, place.event, place.session.id, wanted), by_code=False)
    if shown.event_code not in {None, place.event.code}:
        other = await of_other_event(session, place.event, str(shown.event_code), shown.digits)
        return Found([], by_code=True, other_event=other)
    parties = await by_ticket(session, place.event, place.session.id, shown.digits)
    if parties or not place.event.shifts:
        return Found(parties, by_code=True)
    return Found([], by_code=True, other_shift=await at_other_shift(session, place.event, shown.digits))


async def count_miss(database: Database, limits: Limits, member: Member) -> None:
    """Count a code that nobody has. Raises TooManyTriesError for a member who seems to try them all."""
    async with database.begin() as session:
        await limits.count(session, datetime.now(UTC), (UNKNOWN_CODES, str(member.person_id)))
