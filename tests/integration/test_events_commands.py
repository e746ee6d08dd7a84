import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text
from uuid6 import uuid7

from services.events.demo.commands import demo_codes, load_demo
from services.events.events.cancelling import cancel_event
from services.events.events.checking import IncompleteError
from services.events.events.commands import (
    ChangedMeanwhileError,
    CodeTakenError,
    FixedFieldError,
    UnknownEventError,
    WrongStateError,
    create_event,
    edit_event,
)
from services.events.events.drafting import SessionTimes
from services.events.events.overview import Show, overview
from services.events.events.publishing import publish_event
from services.events.events.rescheduling import reschedule_event
from services.events.programme.consumers import UnknownPlacesError, keep_counts
from services.events.programme.queries import Wanted, find_events
from services.events.series.planning import Window
from shared.contracts.events import EventState
from shared.contracts.registrations import CapacityChanged, PlacesCount
from shared.sms.keywords import code_problem
from tests.support.events_service import NOW, content


def dates(*days: int) -> list[SessionTimes]:
    starts = [datetime(2027, 5, day, 16, tzinfo=UTC) for day in days]
    return [SessionTimes(starts_at=start, ends_at=start + timedelta(hours=2)) for start in starts]


async def test_the_same_key_makes_one_event(events, member):
    """Eight tries at once with one key are one draft, with a code that fits an SMS."""
    key, [owner] = uuid7(), member.organisation_ids

    async def create():
        async with events.database.begin() as session:
            return await create_event(session, member, owner, content(), key, NOW)

    made = set(await asyncio.gather(*(create() for _ in range(8))))
    assert len(made) == 1
    assert code_problem((await events.row(made.pop())).code) is None
    async with events.database.read() as session:
        assert (await overview(session, member, Show.ALL, "", 1, NOW)).total == 1


async def test_a_draft_never_travels(events, member):
    """Neither making nor editing a draft publishes anything."""
    event_id = await events.draft(member)
    async with events.database.begin() as session:
        await edit_event(session, member, event_id, content(capacity=3), 1, NOW)
    assert await events.messages("events", event_id) == []


async def test_every_change_of_a_public_event_travels_whole(events, member):
    """Publishing, editing, moving and cancelling each publish the whole state, with a growing version."""
    event_id = await events.published(member, online_link="https://meet.demo.example/1")
    async with events.database.begin() as session:
        await edit_event(session, member, event_id, content(capacity=3, largest_party=2, code=""), 2, NOW)
    async with events.database.begin() as session:
        await reschedule_event(session, member, event_id, "Europe/Berlin", dates(3, 10), 3, NOW)
    async with events.database.begin() as session:
        await cancel_event(session, member, event_id, {"de": "Krank", "tr": ""}, 4, NOW)
    told = await events.messages("events", event_id)
    assert [message["type"] for message in told] == [
        "EventPublished",
        "EventChanged",
        "EventRescheduled",
        "EventCancelled",
    ]
    assert [message["aggregate_version"] for message in told] == [2, 3, 4, 5]
    states = [EventState.model_validate(message["event"]) for message in told]
    assert states[0].online_link == "https://meet.demo.example/1"
    assert [state.places[0].capacity for state in states] == [10, 3, 3, 3]
    assert len({state.places[0].id for state in states}) == 1
    assert [session.starts_at.day for session in states[2].sessions] == [3, 10]
    assert states[3].cancellation_reason == {"de": "Krank"}
    assert states[3].code == states[0].code


async def test_a_session_that_moves_keeps_its_id(events, member):
    """A calendar that has a session sees it move, and not one go and another come."""
    event_id = await events.published(member)
    async with events.database.begin() as session:
        await reschedule_event(session, member, event_id, "Europe/Berlin", dates(3, 10), 2, NOW)
    async with events.database.begin() as session:
        await reschedule_event(session, member, event_id, "Europe/Berlin", dates(10), 3, NOW)
    told = await events.messages("events", event_id)
    first, second, third = ({one["starts_at"]: one["id"] for one in message["event"]["sessions"]} for message in told)
    assert set(first.values()) < set(second.values())
    assert third.items() < second.items()


async def test_an_incomplete_event_is_not_published(events, member):
    """What is missing is named, and the draft stays a draft."""
    event_id = await events.draft(member, capacity=None, contact_languages=[])
    with pytest.raises(IncompleteError) as refused:
        async with events.database.begin() as session:
            await publish_event(session, member, event_id, 1, NOW)
    assert [part.field for part in refused.value.missing] == ["capacity", "contact_languages"]
    assert (await events.row(event_id)).state == "draft"


async def test_a_public_event_stays_complete(events, member):
    """Editing cannot take away from people what publishing had to give them."""
    event_id = await events.published(member)
    with pytest.raises(IncompleteError):
        async with events.database.begin() as session:
            await edit_event(session, member, event_id, content(contact_phone=""), 2, NOW)


async def test_the_second_writer_learns_what_the_first_did(events, member):
    """A stale edit is refused with what was before and what is now; with what is so already it is a success."""
    event_id = await events.draft(member)
    async with events.database.begin() as session:
        await edit_event(session, member, event_id, content(venue_name="Halle"), 1, NOW)
    with pytest.raises(ChangedMeanwhileError) as refused:
        async with events.database.begin() as session:
            await edit_event(session, member, event_id, content(capacity=5), 1, NOW)
    assert refused.value.before is not None
    assert (refused.value.before.venue_name, refused.value.now.venue_name) == ("Haus", "Halle")
    assert refused.value.version == 2
    async with events.database.begin() as session:
        assert await edit_event(session, member, event_id, content(venue_name="Halle"), 1, NOW) == 2


async def test_of_parallel_writers_one_wins(events, member):
    """Eight edits at once on one version: one is saved, seven learn of it."""
    event_id = await events.draft(member)

    async def edit(number: int) -> bool:
        try:
            async with events.database.begin() as session:
                await edit_event(session, member, event_id, content(capacity=20 + number), 1, NOW)
        except ChangedMeanwhileError:
            return False
        return True

    assert sorted(await asyncio.gather(*map(edit, range(8)))) == [False] * 7 + [True]
    assert (await events.row(event_id)).version == 2


async def test_doing_it_again_tells_nobody_again(events, member):
    """Publishing, moving and cancelling twice publish once each."""
    event_id = await events.published(member)
    for _ in range(2):
        async with events.database.begin() as session:
            await publish_event(session, member, event_id, 1, NOW)
    for _ in range(2):
        async with events.database.begin() as session:
            await reschedule_event(session, member, event_id, "Europe/Berlin", dates(3), 2, NOW)
    for _ in range(2):
        async with events.database.begin() as session:
            await cancel_event(session, member, event_id, {"de": "Krank"}, 3, NOW)
    assert len(await events.messages("events", event_id)) == 3


async def test_states_allow_what_they_allow(events, member):
    """A draft cannot be moved or cancelled, and nothing can be done to a cancelled event."""
    draft = await events.draft(member)
    cancelled = await events.published(member)
    async with events.database.begin() as session:
        await cancel_event(session, member, cancelled, {"de": "Krank"}, 2, NOW)
    refused = [
        lambda s: reschedule_event(s, member, draft, "Europe/Berlin", dates(3), 1, NOW),
        lambda s: cancel_event(s, member, draft, {"de": "Krank"}, 1, NOW),
        lambda s: publish_event(s, member, cancelled, 3, NOW),
        lambda s: edit_event(s, member, cancelled, content(capacity=1, largest_party=1), 3, NOW),
        lambda s: reschedule_event(s, member, cancelled, "Europe/Berlin", dates(3), 3, NOW),
        lambda s: cancel_event(s, member, cancelled, {"de": "Anders"}, 3, NOW),
    ]
    for command in refused:
        with pytest.raises(WrongStateError):
            async with events.database.begin() as session:
                await command(session)


async def test_cancelling_needs_a_reason(events, member):
    """Without words in the main language nobody is told."""
    event_id = await events.published(member)
    with pytest.raises(IncompleteError):
        async with events.database.begin() as session:
            await cancel_event(session, member, event_id, {"de": " ", "fr": "malade"}, 2, NOW)


async def test_an_event_is_not_moved_into_the_past(events, member):
    """The first of the new dates is still to come."""
    event_id = await events.published(member)
    past = [SessionTimes(starts_at=NOW - timedelta(hours=1), ends_at=NOW + timedelta(hours=1))]
    with pytest.raises(IncompleteError):
        async with events.database.begin() as session:
            await reschedule_event(session, member, event_id, "Europe/Berlin", past, 2, NOW)


@pytest.mark.parametrize("change", [{"code": "HARFE"}, {"time_zone": "Europe/Kyiv"}, {"sessions": []}])
async def test_what_people_rely_on_is_fixed_when_published(events, member, change):
    """The code stays, and dates move by rescheduling alone."""
    event_id = await events.published(member)
    with pytest.raises(FixedFieldError):
        async with events.database.begin() as session:
            await edit_event(session, member, event_id, content(**change), 2, NOW)


async def test_a_code_belongs_to_one_event(events, member):
    """Neither a new event nor a draft can take the code of another, whatever its state or case."""
    await events.published(member, code="TRAKTUM")
    other = await events.draft(member)
    with pytest.raises(CodeTakenError):
        await events.draft(member, code="traktum")
    with pytest.raises(CodeTakenError):
        async with events.database.begin() as session:
            await edit_event(session, member, other, content(code="TRAKTUM"), 1, NOW)


async def test_two_who_want_one_code_at_once(events, member):
    """One of the drafts gets the word, the other is told that it is taken."""
    made = await asyncio.gather(*(events.draft(member, code="WETTER") for _ in range(2)), return_exceptions=True)
    assert sorted(isinstance(one, CodeTakenError) for one in made) == [False, True]


async def test_others_events_are_not_there(events, member):
    """No command finds an event of an organisation that is not the member's."""
    event_id, stranger = await events.published(member), await events.organisation()
    commands = [
        lambda s: edit_event(s, stranger, event_id, content(), 2, NOW),
        lambda s: publish_event(s, stranger, event_id, 2, NOW),
        lambda s: reschedule_event(s, stranger, event_id, "Europe/Berlin", dates(3), 2, NOW),
        lambda s: cancel_event(s, stranger, event_id, {"de": "Krank"}, 2, NOW),
        lambda s: create_event(s, stranger, member.organisation_ids[0], content(), uuid7(), NOW),
    ]
    for command in commands:
        with pytest.raises(UnknownEventError):
            async with events.database.begin() as session:
                await command(session)


def counted(places_id, version: int, taken: int, waiting: int = 0) -> CapacityChanged:
    counts = PlacesCount(places_id=places_id, capacity=10, taken=taken, waiting=waiting, version=version)
    return CapacityChanged(aggregate_id=uuid7(), aggregate_version=version, counts=counts)


async def test_the_newest_counts_stand(events, member):
    """Counts that come late or twice change nothing."""
    event_id = await events.published(member)
    places_id = (await events.messages("events", event_id))[0]["event"]["places"][0]["id"]
    for batch in ([(2, 6, 1), (1, 5, 0)], [(1, 5, 0)], [(2, 9, 9)], [(4, 8, 2), (3, 7, 3)]):
        async with events.database.begin() as session:
            await keep_counts(session, [counted(places_id, *numbers) for numbers in batch])
    async with events.database.read() as session:
        [own] = (await overview(session, member, Show.ALL, "", 1, NOW)).events
        event = own.event
    assert (event.taken, event.waiting, event.left) == (8, 2, 2)


async def test_counts_of_unknown_places_are_refused(events, member):
    """This service made every event, so such a message is wrong and is set aside."""
    await events.published(member)
    with pytest.raises(UnknownPlacesError):
        async with events.database.begin() as session:
            await keep_counts(session, [counted(uuid4(), 1, 1)])


async def test_the_demo_is_loaded_once(events):
    """A second loading makes no event and tells nobody anything; what was changed between stays."""
    window = Window(timedelta(weeks=8), 3)
    assert await load_demo(events.database, events.vault, window, NOW) == len(demo_codes())
    async with events.database.begin() as session:
        await session.execute(text("UPDATE organisations SET description = '{}'"))
    topics = ("events", "organisations", "contacts", "audit", "notification-requests")
    told = [len(await events.messages(topic)) for topic in topics]
    assert await load_demo(events.database, events.vault, window, NOW + timedelta(days=3)) == 0
    assert [len(await events.messages(topic)) for topic in topics] == told
    async with events.database.read() as session:
        described = await session.execute(text("SELECT count(*) FROM organisations WHERE description <> '{}'"))
        assert described.scalar_one() == 0
    async with events.database.read() as session:
        found, _ = await find_events(session, Wanted(words="gärtnern"), NOW)
    assert [event.row.code for event in found] == ["GARTEN"]
    published = [message for message in await events.messages("events") if message["type"] == "EventPublished"]
    hosts = {message["event"]["code"]: message["event"]["co_hosts"] for message in published}
    assert [co_host["scope"] for co_host in hosts["PARK"]] == ["names"]
    assert sum(message["event"]["title"]["de"] == "Fahrrad reparieren" for message in published) == 4
