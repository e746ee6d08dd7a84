"""A volunteer day: shifts one after the other, and in each of them roles."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

from services.registrations.registrations.deadlines import is_night
from services.registrations.shifts import commands
from services.registrations.shifts.reminding import ask_in_pool
from shared.contracts.events import EventState, Kind, Places, Role, Session, Shift, Staffing
from shared.shifts import posts_of
from tests.support import registrations as given
from tests.support.registration_pages import hidden, typed
from tests.support.registration_phone import letters

NAMES = (
    {"de": "Küche", "en": "Kitchen", "uk": "Кухня", "ar": "المطبخ"},
    {"de": "Dolmetschen Arabisch", "en": "Interpreter Arabic"},
    {"de": "Kinderbetreuung", "en": "Childcare"},
    {"de": "Aufbau", "en": "Setting up"},
)
FAR = timedelta(days=14)
REMINDER_TIME = timedelta(hours=36)


def volunteer_day(shifts=2, roles=2, most=2, *, starts_in=FAR, apart=timedelta(hours=3), **more) -> EventState:
    """Shifts of three hours, each beginning `apart` after the one before; numbered from 1 shift by shift."""
    begin = (datetime.now(UTC) + starts_in).replace(microsecond=0)
    named = [Role(id=uuid4(), name=name) for name in NAMES[:roles]]
    sessions, made, places = [], [], []
    for count in range(shifts):
        starts_at = begin + count * apart
        session = Session(id=uuid4(), starts_at=starts_at, ends_at=starts_at + timedelta(hours=3))
        pools = [Places(id=uuid4(), name=role.name, capacity=most) for role in named]
        staffing = [
            Staffing(places_id=pool.id, role_id=role.id, number=count * roles + number, least=1, wanted=most)
            for number, (pool, role) in enumerate(zip(pools, named, strict=True), 1)
        ]
        sessions.append(session)
        made.append(Shift(session_id=session.id, place="Zelt 1" if count else "", staffing=staffing))
        places += pools
    fields = {
        "code": letters(),
        "kind": Kind.VOLUNTEERING,
        "title": {"de": "Stadtteilfest", "en": "Street party"},
        "largest_party": 1,
    }
    return given.event(1, **fields | {"sessions": sessions, "shifts": made, "roles": named, "places": places} | more)


async def open_day(database, *args, **more) -> EventState:
    """A volunteer day that people can sign up for."""
    state = volunteer_day(*args, **more)
    await given.publish(database, state)
    return state


def shortly_before(state: EventState, *, night=False) -> datetime:
    """A moment in the last 36 hours before the first two shifts, by day, or in the night."""
    starts_at = state.sessions[0].starts_at
    hours = [starts_at - timedelta(hours=30 - count) for count in range(16)]
    return next(moment for moment in hours if is_night(moment, ZoneInfo(state.time_zone)) is night)


async def ask_in(database, state: EventState, now=None) -> int:
    """Let the timer ask in the shifts of this event, as it does at that moment; how many people it asked."""
    now, asked = now or shortly_before(state), 0
    for pool in state.places:
        async with database.begin() as session:
            asked += await ask_in_pool(session, given.VAULT, pool.id, REMINDER_TIME, now)
    return asked


def places_of(state: EventState, *numbers: int):
    """The pools behind these numbers."""
    found = {post.number: post.id for post in posts_of(state)}
    return [found[number] for number in numbers]


async def take(database, state: EventState, wish, *numbers: int, all_or_none=False):
    """Sign up for these numbers; the decisions in their order."""
    async with database.begin() as session:
        now, places = datetime.now(UTC), places_of(state, *numbers)
        decided = await commands.sign_up(session, given.VAULT, given.RULES, wish, places, now, all_or_none=all_or_none)
    return [decided[places_id] for places_id in places]


async def sign_up(browser, day, *numbers, **changes):
    """Fill in the form of shifts with these numbers ticked."""
    page = f"/registrations/shifts/{day.id}"
    fields = {**await hidden(browser, page), **typed(party_size=None, **changes)}
    return await browser.post(page, [*fields.items(), *(("post", str(number)) for number in numbers)])
