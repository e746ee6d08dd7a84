import html
import re
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest
from uuid6 import uuid7

from services.events.events.commands import edit_event
from services.events.events.rescheduling import reschedule_event
from tests.support.events_service import NOW, content, count, csrf, form_bytes, send, words


@pytest.fixture
async def member(events):
    return await events.organisation("Integrationsbüro")


async def test_the_console_is_for_members(events, member):
    """A stranger is sent to the sign-in by each page of it."""
    event_id = await events.published(member)
    for path in ("", "/events/new", f"/events/{event_id}", f"/events/{event_id}/edit", f"/events/{event_id}/cancel"):
        answer = await events.browser().get(f"/console{path}")
        assert answer.status == 303
        assert urlsplit(answer.headers["location"]).path == "/sign-in/renew"


async def test_others_events_do_not_exist(events, member):
    """Every page and action of another organisation's event is a 404, as for one that never was."""
    event_id = await events.published(member)
    browser = await events.signed_in(await events.organisation("Anderer Verein"))
    token = await csrf(browser, "/console")
    for path in ("", "/edit", "/reschedule", "/cancel"):
        assert (await browser.get(f"/console/events/{event_id}{path}")).status == 404
    for path in ("/edit", "/publish", "/reschedule", "/cancel"):
        form = {"csrf_token": token, "version": "2", "confirmed": "yes", "reason-de": "Krank"}
        assert (await browser.post(f"/console/events/{event_id}{path}", form)).status == 404
    assert (await events.row(event_id)).version == 2
    assert "Nähen" not in (await browser.get("/console")).text


async def test_a_new_organisation_sees_where_to_begin(events, member):
    """An empty console says so and offers the form."""
    page = await (await events.signed_in(member)).get("/console")
    assert "There is no event yet" in page.text
    assert 'href="/console/events/new"' in page.text
    assert page.headers["cache-control"] == "no-store"


COMPLETE = [
    ("kind", "volunteering"),
    ("main_language", "de"),
    ("language", "de"),
    ("title-de", "Gärtnern"),
    ("text-de", "Wir graben."),
    ("access_notes-de", "Eben"),
    ("contact_hours-de", "Mo"),
    ("time_zone", "Europe/Berlin"),
    ("starts-1", "2027-05-08T10:00"),
    ("ends-1", "2027-05-08T12:30"),
    ("venue_name", "Garten"),
    ("spoken_languages", "de"),
    ("spoken_languages", "ar"),
    ("capacity", "12"),
    ("largest_party", "4"),
    ("contact_name", "Freiwilligenbüro"),
    ("contact_phone", "030 23125020"),
    ("contact_languages", "de"),
]


async def test_from_an_empty_form_to_the_programme(events, member):
    """An organiser writes an event without JavaScript, sees what is missing, mends it, publishes it."""
    browser = await events.signed_in(member)
    rough = [pair for pair in COMPLETE if pair[0] not in {"capacity", "contact_hours-de"}]
    created = await send(browser, "/console/events/new", rough)
    assert created.status == 303
    own = created.headers["location"]
    page = await browser.get(own)
    assert "2 things are missing" in page.text
    for field in ("capacity", "contact_hours-de"):
        assert f'href="{own}/edit#field-{field}"' in page.text
        assert f'id="field-{field}"' in (await browser.get(f"{own}/edit")).text
    assert f'action="{own}/publish"' not in page.text
    saved = await send(browser, f"{own}/edit", [*COMPLETE, ("version", "1")])
    assert saved.headers["location"] == f"{own}?done=saved"
    published = await send(browser, f"{own}/publish", [("version", "2")], own)
    assert published.headers["location"] == f"{own}?done=published"
    assert "Gärtnern" in (await events.browser("de").get("/events?q=gartnern")).text
    listed = (await browser.get("/console")).text
    assert "Published" in listed
    assert "0 of 12" in listed


async def test_a_button_adds_a_language_and_a_date(events, member):
    """The form comes back with one more block, and with everything that was typed."""
    browser = await events.signed_in(member)
    page = await send(browser, "/console/events/new", [*COMPLETE, ("add_language", "ar"), ("more", "language")])
    assert page.status == 200
    assert 'id="field-title-ar"' in page.text
    assert 'value="Gärtnern"' in page.text
    page = await send(browser, "/console/events/new", [*COMPLETE, ("more", "date")])
    assert 'id="field-starts-2"' in page.text
    assert 'value="2027-05-08T10:00"' in page.text
    assert "There is no event yet" in (await browser.get("/console")).text


async def test_a_wrong_form_comes_back_whole(events, member):
    """Each mistake is named at its field and in the summary, and nothing that was typed is lost."""
    browser = await events.signed_in(member)
    typed = dict(COMPLETE) | {"starts-1": "2027-03-28T02:30", "contact_email": "nobody"}
    page = await send(browser, "/console/events/new", list(typed.items()))
    assert page.status == 422
    assert 'href="#field-starts-1"' in page.text
    assert "the clocks go forward" in page.text
    assert 'value="nobody"' in page.text
    assert "Wir graben." in page.text


async def test_a_time_that_comes_twice_is_asked_about(events, member):
    """The form asks which of the two is meant; with the answer it is saved."""
    browser = await events.signed_in(member)
    typed = dict(COMPLETE) | {"starts-1": "2027-10-31T02:30", "ends-1": "2027-10-31T06:00"}
    page = await send(browser, "/console/events/new", list(typed.items()))
    assert page.status == 422
    assert 'name="which_hour"' in page.text
    created = await send(browser, "/console/events/new", [*typed.items(), ("which_hour", "later")])
    assert created.status == 303
    event = await events.row(created.headers["location"].rpartition("/")[2])
    assert event.starts_at == datetime(2027, 10, 31, 1, 30, tzinfo=UTC)


async def test_sending_the_new_form_twice_makes_one_event(events, member):
    """A double click on "Save" is one draft."""
    browser = await events.signed_in(member)
    form = dict(COMPLETE) | {"csrf_token": await csrf(browser, "/console/events/new"), "request_key": str(uuid7())}
    first, second = [await browser.post("/console/events/new", form) for _ in range(2)]
    assert first.headers["location"] == second.headers["location"]


async def test_the_second_writer_sees_what_the_first_did(events, member):
    """Field by field; what the second wrote is not lost, and is saved together with the first one's."""
    event_id = await events.draft(member)
    browser = await events.signed_in(member)
    url = f"/console/events/{event_id}/edit"
    async with events.database.begin() as session:
        await edit_event(session, member, event_id, content(venue_name="Halle", capacity=40, kind="course"), 1, NOW)
    mine = dict(COMPLETE) | {"venue_name": "Mein Garten", "capacity": "10", "version": "1"}
    page = await send(browser, url, list(mine.items()))
    assert page.status == 409
    for part in ("What you wrote is not saved yet", "Halle", "Mein Garten", ">Course<", "You did not change this."):
        assert part in page.text
    hidden = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page.text.split("<main")[1])
    again = await browser.request(
        "POST",
        url,
        form_bytes([(name, html.unescape(value)) for name, value in hidden]),
        {"content-type": "application/x-www-form-urlencoded"},
    )
    assert again.headers["location"] == f"/console/events/{event_id}?done=saved"
    shown = (await browser.get(f"/console/events/{event_id}")).text
    for part in ("Mein Garten", "Gärtnern", "Freiwilligenbüro"):
        assert part in shown
    edited = (await browser.get(url)).text
    assert re.search(r'name="capacity" type="number" inputmode="numeric" value="40"', edited)


async def test_a_published_event_keeps_its_dates_in_the_form(events, member):
    """The form of a published event changes everything but the dates, which have a page of their own."""
    event_id = await events.published(member)
    browser = await events.signed_in(member)
    page = await browser.get(f"/console/events/{event_id}/edit")
    assert "starts-1" not in page.text
    typed = dict(COMPLETE) | {"version": "2", "code": "ANDERE"}
    assert (await send(browser, f"/console/events/{event_id}/edit", list(typed.items()))).status == 303
    [before, after] = await events.messages("events", event_id)
    assert (before["type"], after["type"]) == ("EventPublished", "EventChanged")
    assert before["event"]["sessions"] == after["event"]["sessions"]
    assert before["event"]["code"] == after["event"]["code"]
    assert after["event"]["title"] == {"de": "Gärtnern"}


async def test_fewer_places_than_people_is_said(events, member):
    """The lower number is saved, and the organiser reads that nobody loses a place."""
    event_id = await events.published(member)
    await count(events, event_id, taken=9)
    async with events.database.begin() as session:
        await edit_event(session, member, event_id, content(capacity=7), 2, NOW)
    page = html.unescape((await (await events.signed_in(member)).get(f"/console/events/{event_id}")).text)
    assert "9 people have a place" in page
    assert "There are 7 places now." in page
    assert "Nobody loses a place" in page


async def test_moving_says_how_many_are_told_and_asks(events, member):
    """Without the tick nothing moves; with it the event has its new dates."""
    event_id = await events.published(member)
    await count(events, event_id, taken=7, waiting=2)
    browser = await events.signed_in(member)
    url = f"/console/events/{event_id}/reschedule"
    assert "9 people will be told the new dates" in (await browser.get(url)).text
    moved = [("time_zone", "Europe/Berlin"), ("starts-1", "2027-06-01T10:00"), ("ends-1", "2027-06-01T11:00")]
    asked = await send(browser, url, [*moved, ("version", "2")])
    assert asked.status == 422
    assert 'value="2027-06-01T10:00"' in asked.text
    done = await send(browser, url, [*moved, ("version", "2"), ("confirmed", "yes")])
    assert done.headers["location"].endswith("?done=rescheduled")
    assert (await events.messages("events", event_id))[-1]["type"] == "EventRescheduled"


async def test_cancelling_asks_for_a_reason_and_a_tick(events, member):
    """Both are needed; then the event is cancelled, and the form is no longer offered."""
    event_id = await events.published(member, words=words("tr", "Dikiş"))
    browser = await events.signed_in(member)
    url = f"/console/events/{event_id}/cancel"
    assert 'id="field-reason-tr"' in (await browser.get(url)).text
    for pairs in ([("reason-de", "Krank")], [("confirmed", "yes")]):
        assert (await send(browser, url, [*pairs, ("version", "2")])).status == 422
    form = [("reason-de", "Krank"), ("reason-tr", "Hasta"), ("confirmed", "yes"), ("version", "2")]
    assert (await send(browser, url, form)).headers["location"].endswith("?done=cancelled")
    state = (await events.messages("events", event_id))[-1]["event"]
    assert state["cancellation_reason"] == {"de": "Krank", "tr": "Hasta"}
    assert (await browser.get(url)).status == 409
    assert (await browser.get(f"/console/events/{event_id}/edit")).status == 409


@pytest.mark.parametrize("action", ["reschedule", "cancel"])
async def test_an_action_on_a_stale_page_is_shown_again(events, member, action):
    """Who confirms what somebody else has changed meanwhile is told, and sees the form once more."""
    event_id = await events.published(member)
    browser = await events.signed_in(member)
    sessions = content(sessions=[{"starts_at": "2027-07-01T10:00", "ends_at": "2027-07-01T11:00"}]).sessions
    async with events.database.begin() as session:
        await reschedule_event(session, member, event_id, "Europe/Berlin", sessions, 2, NOW)
    typed = [("reason-de", "Krank"), ("confirmed", "yes"), ("version", "2")]
    typed += [("time_zone", "Europe/Berlin"), ("starts-1", "2027-06-01T10:00"), ("ends-1", "2027-06-01T11:00")]
    page = await send(browser, f"/console/events/{event_id}/{action}", typed)
    assert page.status == 422
    assert "Somebody changed this event a moment ago" in page.text
    assert (await events.row(event_id)).version == 3


async def test_publishing_what_one_has_not_seen_is_refused(events, member):
    """A draft that somebody changed meanwhile is shown again before it is published."""
    event_id = await events.draft(member)
    browser = await events.signed_in(member)
    async with events.database.begin() as session:
        await edit_event(session, member, event_id, content(venue_name="Halle"), 1, NOW)
    page = await send(browser, f"/console/events/{event_id}/publish", [("version", "1")], f"/console/events/{event_id}")
    assert page.status == 409
    assert "Halle" in page.text
    assert (await events.row(event_id)).state == "draft"


async def test_the_console_needs_as_many_statements_for_one_event_as_for_many(events, member):
    """The list of one's own events has a constant number of statements."""
    browser, needed = await events.signed_in(member), []
    for more in (1, 12):
        for _ in range(more):
            await events.published(member, words=words("tr", "Dikiş"))
        events.statements.clear()
        assert (await browser.get("/console")).status == 200
        needed.append(len([one for one in events.statements if one.lstrip().startswith("SELECT")]))
    assert needed[0] == needed[1]
    assert needed[0] < 12


async def test_a_past_event_is_marked_as_over(events, member):
    """In the organiser's list, what is over comes last and says so."""
    await events.published(member)
    events.now = NOW + timedelta(days=60)
    page = (await (await events.signed_in(member)).get("/console")).text
    assert "Over" in page
