"""Volunteers' shifts as a coordinator writes them, on a real PostgreSQL: in the console, in the API, on the page."""

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import TypeAdapter, ValidationError
from uuid6 import uuid7

from services.events.events.commands import FixedFieldError, edit_event
from services.events.events.describing import content_of
from services.events.events.drafting import EventContent, SessionTimes
from services.events.events.duplicating import duplicate_event
from services.events.events.postponing import postpone_event
from services.events.events.queries import event_by_id
from services.events.events.rescheduling import reschedule_event
from services.events.shifts.commands import take_away, write_part
from shared.contracts.events import EventMessage, EventState, checked
from shared.shifts import posts_of, seen_from
from tests.support.events_service import content, count, csrf, words

FAR = datetime(2027, 6, 1, 8, tzinfo=UTC)
KITCHEN, CHILDREN = uuid7(), uuid7()
ROLES = [
    {"id": KITCHEN, "name": {"de": "Küche", "en": "Kitchen"}},
    {
        "id": CHILDREN,
        "name": {"de": "Kinderbetreuung"},
        "languages": ["ar"],
        "certificate": {"de": "Führungszeugnis"},
        "least_age": 18,
    },
]


def shift(day: int, hour: int = 10, place: str = "", **roles):
    """Four hours on a day of May, in local time; by default two are wanted in the kitchen."""
    times = {"starts_at": f"2027-05-{day:02}T{hour:02}:00", "ends_at": f"2027-05-{day:02}T{hour + 4:02}:00"}
    staffing = roles.get("staffing") or [{"role": KITCHEN, "least": 1, "wanted": 2, "most": 3}]
    return {"id": uuid7(), "place": place, "staffing": staffing, **times}


def volunteering(**changes):
    """What is given besides the rest of an event."""
    return {"kind": "volunteering", "roles": ROLES, "shifts": [shift(9), shift(8)]} | changes


async def state_of(events, event_id):
    return EventState.model_validate((await events.messages("events", event_id))[-1]["event"])


async def whole(events, event_id):
    async with events.database.read() as session:
        return content_of(await event_by_id(session, event_id))


async def write(events, member, event_id, part, version=None):
    version = version or (await events.row(event_id)).version
    async with events.database.begin() as session:
        return await write_part(session, member, event_id, part, version, events.now)


def test_dates_and_places_are_those_of_the_shifts():
    """First to last, numbered in this order; a party is one person."""
    made = content(**volunteering())
    assert [one.starts_at for one in made.sessions] == [datetime(2027, 5, day, 8, tzinfo=UTC) for day in (8, 9)]
    assert (made.capacity, made.largest_party) == (6, 1)
    assert [one.number for one in made.staffing] == [1, 2]


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"kind": "workshop"}, "not_volunteering"),
        ({"roles": [{"name": {"en": "Kitchen"}}], "shifts": []}, "no_role_name"),
        ({"shifts": [shift(8, staffing=[{"role": uuid7(), "wanted": 1, "most": 1}])]}, "unknown_role"),
        ({"shifts": [shift(8, staffing=[{"role": KITCHEN, "wanted": 1, "most": 1}] * 2)]}, "unknown_role"),
        ({"shifts": [shift(8, staffing=[{"role": KITCHEN, "least": 3, "wanted": 2, "most": 3}])]}, "not_in_order"),
        ({"shifts": [shift(8, staffing=[{"role": KITCHEN, "wanted": 4, "most": 3}])]}, "not_in_order"),
        ({"shifts": [shift(8) | {"ends_at": "2027-05-08T09:00"}]}, "ends_too_early"),
        ({"shifts": [shift(28) | {"starts_at": "2027-03-28T02:30"}]}, "time_missing"),
    ],
)
def test_contradictions_are_refused(changes, kind):
    """Each with an error that says how to mend it."""
    with pytest.raises(ValidationError) as refused:
        content(**volunteering(**changes))
    assert kind in {error["type"] for error in refused.value.errors()}


def test_at_most_ninety_nine_numbers_can_be_texted():
    """Twenty roles in five shifts are one too many."""
    roles = [{"id": uuid7(), "name": {"de": f"Aufgabe {number}"}} for number in range(20)]
    staffing = [{"role": role["id"], "wanted": 1, "most": 1} for role in roles]
    shifts = [shift(day, staffing=staffing) for day in range(1, 6)]
    with pytest.raises(ValidationError, match="99"):
        content(**volunteering(roles=roles, shifts=shifts))
    assert len(content(**volunteering(roles=roles, shifts=shifts[:4])).staffing) == 80


async def test_the_state_has_every_role_and_its_pool(events, member):
    """Whoever reads the topic can tell which pool is which role in which shift."""
    event_id = await events.published(member, **volunteering(shifts=[shift(8, place="Zelt"), shift(9)]))
    state = checked(TypeAdapter(EventMessage).validate_python((await events.messages("events", event_id))[-1]))
    assert [(post.number, post.role.name["de"], post.places.capacity) for post in posts_of(state)] == [
        (1, "Küche", 3),
        (2, "Küche", 3),
    ]
    seen = seen_from(state, posts_of(state)[0].id)
    assert (seen.title["de"], seen.venue.name, len(seen.sessions)) == ("Küche – Nähen", "Zelt, Haus", 1)


async def test_a_part_is_written_and_taken_away(events, member):
    """A draft's role and shift come, change and go; a role goes from every shift."""
    event_id = await events.draft(member, **volunteering())
    before = await whole(events, event_id)
    role = before.roles[0].model_copy(update={"name": {"de": "Große Küche"}})
    await write(events, member, event_id, role)
    async with events.database.begin() as session:
        await take_away(session, member, event_id, before.shifts[0].id, events.now)
        await take_away(session, member, event_id, CHILDREN, events.now)
    after = await whole(events, event_id)
    assert [role.name["de"] for role in after.roles] == ["Große Küche"]
    assert [one.id for one in after.shifts] == [before.shifts[1].id]
    assert after.staffing[0].number == before.staffing[1].number


async def test_a_public_event_takes_new_shifts_and_keeps_those_that_it_has(events, member):
    """The number of a new one is a new one; what people may be in cannot go."""
    event_id = await events.published(member, **volunteering())
    before = await whole(events, event_id)
    added = EventContent.model_validate(content(**volunteering(shifts=[shift(7)])).model_dump()).shifts[0]
    await write(
        events,
        member,
        event_id,
        added.model_copy(update={"staffing": [added.staffing[0].model_copy(update={"number": None})]}),
    )
    state = await state_of(events, event_id)
    assert [post.number for post in posts_of(state)] == [3, 1, 2]
    with pytest.raises(FixedFieldError):
        async with events.database.begin() as session:
            await take_away(session, member, event_id, before.shifts[0].id, events.now)


async def test_a_moved_shift_is_told_of_as_moved(events, member):
    """Under the same ids; into the past it cannot go."""
    event_id = await events.published(member, **volunteering())
    first = (await whole(events, event_id)).shifts[0]
    hour = timedelta(hours=1)
    moved = first.model_copy(update={"starts_at": first.starts_at + hour, "ends_at": first.ends_at + hour})
    await write(events, member, event_id, moved)
    told = (await events.messages("events", event_id))[-1]
    assert (told["type"], told["event"]["sessions"][0]["id"]) == ("EventRescheduled", str(first.id))
    assert (await events.row(event_id)).starts_at == moved.starts_at


async def test_two_coordinators_write_different_parts_at_once(events, member):
    """What the other one wrote stays; the same part twice is told to the second."""
    event_id = await events.draft(member, **volunteering())
    one, other = (await whole(events, event_id)).shifts
    await write(events, member, event_id, one.model_copy(update={"place": "Zelt"}), 1)
    await write(events, member, event_id, other.model_copy(update={"place": "Saal"}), 1)
    assert [shift.place for shift in (await whole(events, event_id)).shifts] == ["Zelt", "Saal"]
    browser = await events.session_of(member)
    url = f"/console/events/{event_id}/shifts/{one.id}"
    form = {"starts_at": "2027-05-08T10:00", "ends_at": "2027-05-08T12:00", f"wanted-{KITCHEN}": "2", "version": "1"}
    answer = await browser.post(url, {**form, "csrf_token": await csrf(browser, url)})
    assert (answer.status, "Somebody changed this a moment ago" in answer.text) == (422, True)


async def test_a_duplicate_has_its_own_shifts(events, member):
    """Other ids, the same roles, so many weeks later; or roles alone."""
    event_id = await events.draft(member, **volunteering())
    async with events.database.begin() as session:
        later = await duplicate_event(session, member, event_id, 2, uuid7(), events.now)
        empty = await duplicate_event(session, member, event_id, None, uuid7(), events.now)
    first, second, third = [await whole(events, one) for one in (event_id, later, empty)]
    assert {one.id for one in first.shifts} & {one.id for one in second.shifts} == set()
    assert second.shifts[0].starts_at - first.shifts[0].starts_at == timedelta(weeks=2)
    assert ([role.name for role in third.roles], third.shifts) == ([role.name for role in first.roles], [])


async def test_the_common_form_keeps_the_shifts(events, member):
    """It has no fields for them, nor for dates and places of its own."""
    event_id = await events.draft(member, **volunteering())
    async with events.database.begin() as session:
        before = content_of(await event_by_id(session, event_id))
        wanted = EventContent.model_validate(
            before.model_dump() | {"words": words("de", "Nähen am Abend", "Wir nähen.")}
        )
        await edit_event(session, member, event_id, wanted, 1, events.now)
    browser = await events.session_of(member)
    page = await browser.get(f"/console/events/{event_id}/edit")
    assert ('name="capacity"' in page.text, 'name="starts-1"' in page.text) == (False, False)
    assert (await whole(events, event_id)).shifts == before.shifts


async def test_the_console_writes_roles_and_shifts(events, member):
    """From an empty draft: a role, a shift with it, then the overview; wrong numbers are named at their field."""
    event_id = await events.draft(member, kind="volunteering", sessions=[], capacity=None)
    browser = await events.session_of(member)
    base = f"/console/events/{event_id}"
    assert "No role yet" in (await browser.get(f"{base}/shifts")).text
    role, made = uuid7(), uuid7()
    token = await csrf(browser, f"{base}/roles/{role}")
    empty = await browser.post(f"{base}/roles/{role}", {"csrf_token": token, "version": "1"})
    assert (empty.status, 'id="field-name-de-error"' in empty.text) == (422, True)
    form = {"csrf_token": token, "version": "1", "name-de": "Küche", "languages": "ar", "least_age": "16"}
    assert (await browser.post(f"{base}/roles/{role}", form)).status == 303
    times = {"csrf_token": token, "version": "2", "starts_at": "2027-05-08T10:00", "ends_at": "2027-05-08T14:00"}
    wrong = await browser.post(f"{base}/shifts/{made}", times | {f"least-{role}": "3", f"wanted-{role}": "2"})
    assert (wrong.status, f'id="field-wanted-{role}-error"' in wrong.text) == (422, True)
    for _ in range(2):
        saved = await browser.post(f"{base}/shifts/{made}", times | {f"least-{role}": "1", f"wanted-{role}": "2"})
        assert saved.headers["location"] == f"{base}/shifts?done=1"
    kept = (await whole(events, event_id)).shifts
    assert [(one.least, one.wanted, one.most, one.number) for one in kept[0].staffing] == [(1, 2, 2, 1)]
    assert len(kept) == 1


async def test_gaps_stand_out_and_everybody_sees_what_is_free(events, member):
    """Red below the least, amber below what is wanted; on the public page the free places and the text to send."""
    event_id = await events.published(member, **volunteering(shifts=[shift(8)]))
    browser = await events.session_of(member)
    assert "1 more is needed" in (await browser.get(f"/console/events/{event_id}/shifts")).text
    await count(events, event_id, taken=1)
    assert "1 more is wanted" in (await browser.get(f"/console/events/{event_id}/shifts")).text
    row = await events.row(event_id)
    page = (await events.browser().get(f"/events/{row.code}")).text
    assert "2 places left" in page
    assert f"{row.code} 1" in page


async def test_a_shift_without_roles_cannot_be_published(events, member):
    """The list of what is missing leads to the shifts."""
    event_id = await events.draft(member, **volunteering(shifts=[shift(8) | {"staffing": []}]))
    page = await (await events.session_of(member)).get(f"/console/events/{event_id}")
    assert f'/console/events/{event_id}/shifts">Say who is needed in each shift.' in page.text


async def test_a_postponed_day_gets_its_new_dates_shift_by_shift(events, member):
    """The shifts move one by one; then one press says that it takes place on these dates."""
    event_id = await events.published(member, **volunteering(shifts=[shift(8)]))
    async with events.database.begin() as session:
        await postpone_event(session, member, event_id, {}, 2, events.now)
    first = (await whole(events, event_id)).shifts[0]
    week = timedelta(weeks=1)
    await write(
        events,
        member,
        event_id,
        first.model_copy(update={"starts_at": first.starts_at + week, "ends_at": first.ends_at + week}),
    )
    assert (await events.row(event_id)).state == "postponed"
    browser = await events.session_of(member)
    url = f"/console/events/{event_id}/shifts"
    answer = await browser.post(f"{url}/hold", {"csrf_token": await csrf(browser, url)})
    assert answer.status == 303
    state = await state_of(events, event_id)
    assert (state.status, state.sessions[0].starts_at) == ("published", first.starts_at + week)


async def test_shifts_are_neither_moved_together_nor_repeated(events, member):
    """The page of dates leads to the shifts; a program is told which field is fixed; there is no series of them."""
    event_id = await events.published(member, **volunteering())
    browser = await events.session_of(member)
    base = f"/console/events/{event_id}"
    assert (await browser.get(f"{base}/reschedule")).headers["location"] == f"{base}/shifts"
    assert (await browser.get(f"{base}/repeat")).status == 409
    dates = [SessionTimes(starts_at=FAR, ends_at=FAR + timedelta(hours=1))]
    with pytest.raises(FixedFieldError):
        async with events.database.begin() as session:
            await reschedule_event(session, member, event_id, "Europe/Berlin", dates, 2, events.now)


async def test_other_kinds_of_events_have_no_shifts(events, member):
    """The pages are not there."""
    event_id = await events.draft(member)
    browser = await events.session_of(member)
    for path in ("shifts", f"shifts/{uuid7()}", f"roles/{uuid7()}"):
        assert (await browser.get(f"/console/events/{event_id}/{path}")).status == 404
