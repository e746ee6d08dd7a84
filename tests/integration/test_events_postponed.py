"""An event without a date for the time being, and copies of events, on a real PostgreSQL."""

import json
import re
from datetime import UTC, datetime, timedelta

import pytest
from icalendar import Calendar
from uuid6 import uuid7

from services.events.audit.wording import ACTIONS
from services.events.events.cancelling import cancel_event
from services.events.events.commands import FixedFieldError, WrongStateError, edit_event
from services.events.events.drafting import SessionTimes
from services.events.events.postponing import postpone_event
from services.events.events.publishing import publish_event
from services.events.events.rescheduling import reschedule_event
from shared.contracts.events import EventState, Status
from tests.support.events_service import NOW, content, csrf, send, words

JSON_LD = re.compile(r'<script type="application/ld\+json"[^>]*>(.*?)</script>', re.DOTALL)
FIRST = datetime(2027, 4, 5, 8, 0, tzinfo=UTC)


def dates(*days: int) -> list[SessionTimes]:
    starts = [datetime(2027, 6, day, 16, tzinfo=UTC) for day in days]
    return [SessionTimes(starts_at=start, ends_at=start + timedelta(hours=2)) for start in starts]


async def postpone(events, member, event_id, version=2, **reasons):
    async with events.database.begin() as session:
        return await postpone_event(session, member, event_id, reasons, version, events.now)


async def move(events, member, event_id, sessions, version):
    async with events.database.begin() as session:
        return await reschedule_event(session, member, event_id, "Europe/Berlin", sessions, version, events.now)


async def audited(events, event_id):
    return [(told["action"], told["before"], told["after"]) for told in await events.messages("audit", event_id)]


async def test_a_postponed_event_keeps_its_dates_code_and_reason_until_it_has_new_ones(events, member):
    """The state travels with the reason; new dates make it public again, tell what it was, and drop the reason."""
    event_id = await events.published(member)
    assert await postpone(events, member, event_id, de=" Wasserschaden ", xx="nobody") == 3
    await move(events, member, event_id, dates(7), 3)
    told = await events.messages("events", event_id)
    assert [message["type"] for message in told] == ["EventPublished", "EventPostponed", "EventRescheduled"]
    before, postponed, after = (EventState.model_validate(message["event"]) for message in told)
    assert (postponed.status, postponed.postponement_reason) == (Status.POSTPONED, {"de": "Wasserschaden"})
    assert postponed.sessions == before.sessions
    assert (after.status, after.postponement_reason, after.previous_starts) == (Status.PUBLISHED, {}, [FIRST])
    assert {state.code for state in (before, postponed, after)} == {before.code}
    assert after.sessions[0].id == before.sessions[0].id


async def test_postponing_twice_is_postponing_once(events, member):
    """The second press tells nobody again, whatever version it saw."""
    event_id = await events.published(member)
    assert await postpone(events, member, event_id) == await postpone(events, member, event_id, de="Krank") == 3
    assert len(await events.messages("events", event_id)) == 2


async def test_only_what_is_to_come_can_be_postponed(events, member):
    """Not a draft, not a cancelled event, and not one that is over."""
    draft, off, past = [await events.draft(member), await events.published(member), await events.published(member)]
    async with events.database.begin() as session:
        await cancel_event(session, member, off, {"de": "Krank"}, 2, NOW)
    for event_id, version in ((draft, 1), (off, 3)):
        with pytest.raises(WrongStateError):
            await postpone(events, member, event_id, version)
    events.later(days=40)
    with pytest.raises(WrongStateError):
        await postpone(events, member, past)


async def test_the_old_dates_may_hold_after_all(events, member):
    """A postponed event that gets its own dates back is public again, and is told of."""
    event_id = await events.published(member)
    await postpone(events, member, event_id)
    same = [SessionTimes(starts_at=FIRST, ends_at=FIRST + timedelta(hours=2))]
    assert await move(events, member, event_id, same, 3) == 4
    row = await events.row(event_id)
    assert (row.state, row.previous_starts) == ("published", [])
    assert (await events.messages("events", event_id))[-1]["type"] == "EventRescheduled"


async def test_a_postponed_event_can_be_edited_and_cancelled_and_its_dates_stay_fixed(events, member):
    """Texts change as of any public event; dates only by giving it new ones; a cancelled one comes back no more."""
    event_id = await events.published(member)
    await postpone(events, member, event_id)
    other = content(words=words("de", "Nähen am Abend"))
    async with events.database.begin() as session:
        await edit_event(session, member, event_id, other, 3, NOW)
    with pytest.raises(FixedFieldError):
        async with events.database.begin() as session:
            await edit_event(session, member, event_id, content(sessions=dates(1)), 4, NOW)
    async with events.database.begin() as session:
        assert await publish_event(session, member, event_id, 4, NOW) == 4
    async with events.database.begin() as session:
        await cancel_event(session, member, event_id, {"de": "Kein Raum"}, 4, NOW)
    with pytest.raises(WrongStateError):
        await move(events, member, event_id, dates(8), 5)
    kinds = [message["type"] for message in await events.messages("events", event_id)]
    assert kinds[1:] == ["EventPostponed", "EventChanged", "EventCancelled"]


@pytest.mark.parametrize(
    ("opens", "closes", "expected"),
    [
        (None, None, None),
        (None, "2027-04-03T18:00", datetime(2027, 6, 5, 16, tzinfo=UTC)),
        ("2027-06-06T10:00", "2027-06-07T10:00", None),
    ],
)
async def test_the_end_of_registration_keeps_its_distance_to_the_start(events, member, opens, closes, expected):
    """By the clock of the zone; where it would come before registration begins, there is none."""
    window = {"registration_opens_at": opens, "registration_closes_at": closes}
    if opens:
        window |= {"sessions": [{"starts_at": "2027-07-05T10:00", "ends_at": "2027-07-05T12:00"}]}
    event_id = await events.published(member, **window)
    await postpone(events, member, event_id)
    start = datetime(2027, 6, 7, 8, 0, tzinfo=UTC)
    await move(events, member, event_id, [SessionTimes(starts_at=start, ends_at=start + timedelta(hours=1))], 3)
    assert (await events.row(event_id)).registration_closes_at == expected


async def test_everybody_is_told_calmly_on_the_same_address(events, member):
    """Page, programme, calendar, search engines and API say what is known, later the new date at the same URL."""
    event_id = await events.published(member, words=words("en", "Sewing"))
    code = (await events.row(event_id)).code
    browser = events.browser()
    await postpone(events, member, event_id, de="Wasserschaden", en="Burst pipe")
    page = (await browser.get(f"/events/{code}")).text
    assert "This event is postponed" in page
    assert "Burst pipe" in page
    assert "The event was planned for:" in page
    assert "/registrations/new/" not in page
    document = json.loads(JSON_LD.search(page)[1])
    assert document["eventStatus"] == "https://schema.org/EventPostponed"
    assert document["previousStartDate"] == document["startDate"] == "2027-04-05T10:00:00+02:00"
    [entry] = Calendar.from_ical((await browser.get(f"/events/{code}.ics")).body).walk("VEVENT")
    assert str(entry["status"]) == "CANCELLED"
    assert "Postponed" in (await browser.get(f"/events?q={code}")).text
    told = (await browser.get(f"/api/events/{code}")).json()
    assert (told["status"], told["registration"]["state"]) == ("postponed", "postponed")
    await move(events, member, event_id, dates(7), 3)
    page = (await browser.get(f"/events/{code}")).text
    assert "This is a new date. The event was planned for" in page
    assert "postponed" not in page
    document = json.loads(JSON_LD.search(page)[1])
    assert document["eventStatus"] == "https://schema.org/EventRescheduled"
    assert document["previousStartDate"] == "2027-04-05T10:00:00+02:00"
    [again] = Calendar.from_ical((await browser.get(f"/events/{code}.ics")).body).walk("VEVENT")
    assert (str(again["uid"]), str(again["status"])) == (str(entry["uid"]), "CONFIRMED")
    assert again["sequence"] > entry["sequence"]


async def test_an_organiser_postpones_on_a_page_that_says_what_happens(events, member):
    """Nothing happens before the box is ticked; afterwards the event's page leads on to the new date."""
    event_id = await events.published(member)
    own = f"/console/events/{event_id}"
    browser = await events.signed_in(member)
    assert f'href="{own}/postpone"' in (await browser.get(own)).text
    refused = await send(browser, f"{own}/postpone", [("version", "2"), ("postponed-de", "Sturm")])
    assert refused.status == 422
    assert "Sturm" in refused.text
    done = await send(browser, f"{own}/postpone", [("version", "2"), ("postponed-de", "Sturm"), ("confirmed", "yes")])
    assert done.headers["location"] == f"{own}?done=postponed"
    page = (await browser.get(own)).text
    assert "Set the new date" in page
    assert f'href="{own}/postpone"' not in page
    assert "not known yet" in (await browser.get("/console")).text
    assert (await browser.get(f"{own}/postpone")).status == 409
    form = [("version", "3"), ("time_zone", "Europe/Berlin"), ("confirmed", "yes")]
    form += [("starts-1", "2027-06-07T18:00"), ("ends-1", "2027-06-07T20:00")]
    assert (await send(browser, f"{own}/reschedule", form)).status == 303
    assert (await events.row(event_id)).state == "published"


async def test_a_program_postpones_with_or_without_a_reason(events, member):
    """The API takes the version that was seen, and an empty body of reasons."""
    event_id = await events.published(member)
    browser = await events.signed_in(member)
    headers = {"if-match": '"2"', "content-type": "application/json"}
    answer = await browser.request("POST", f"/api/events/{event_id}/postpone", b"{}", headers)
    assert (answer.status, answer.json()["state"]) == (200, "postponed")


async def test_a_postponed_event_is_not_over_for_its_organisers(events, member):
    """After its old dates it still stands before what is over, and can get new ones."""
    event_id, past = await events.published(member), await events.published(member)
    await postpone(events, member, event_id)
    events.later(days=60)
    browser = await events.signed_in(member)
    listed = (await browser.get("/console")).text
    assert listed.index(str(event_id)) < listed.index(str(past))
    assert await move(events, member, event_id, dates(20), 3) == 4


async def test_the_log_of_changes_hears_of_each_and_of_nothing_personal(events, member):
    """Who did what from what to what: facts as they are, of texts and ways of contact only that they changed."""
    event_id = await events.published(member)
    changes = {"capacity": 7, "contact_phone": "030 23125099", "words": words("de", "Neu")}
    async with events.database.begin() as session:
        await edit_event(session, member, event_id, content(**changes), 2, NOW)
    await postpone(events, member, event_id, 3, de="Krank")
    await move(events, member, event_id, dates(7), 4)
    async with events.database.begin() as session:
        await cancel_event(session, member, event_id, {"de": "Niemand da"}, 5, NOW)
    log = await audited(events, event_id)
    assert [action for action, _, _ in log] == [
        "event.created", "event.published", "event.changed", "event.postponed", "event.rescheduled", "event.cancelled",
    ]  # fmt: skip
    assert {action for action, _, _ in log} <= ACTIONS.keys()
    changed = log[2]
    assert changed[1] == {"capacity": 10}
    assert changed[2] == {"capacity": 7, "contact_phone": "changed", "title-de": "changed", "text-de": "changed"}
    assert log[3][1:] == ({"state": "published"}, {"state": "postponed", "reason-de": "changed"})
    assert log[4][1]["starts-1"] == "2027-04-05T08:00:00+00:00"
    assert (log[4][1]["state"], log[4][2]["state"]) == ("postponed", "published")
    messages = await events.messages("audit", event_id)
    assert {(told["person_id"], told["organisation_id"]) for told in messages} == {
        (str(member.person_id), str(member.organisation_ids[0]))
    }
    assert "23125" not in json.dumps(messages)


async def test_a_copy_says_the_same_under_a_code_of_its_own(events, member):
    """The form asks which dates; sent twice with one key, it makes one draft."""
    event_id = await events.published(member, registration_closes_at="2027-04-04T20:00")
    browser = await events.signed_in(member)
    path = f"/console/events/{event_id}/duplicate"
    form = {"csrf_token": await csrf(browser, path), "request_key": str(uuid7()), "dates": "later", "weeks": "30"}
    first, again = [await browser.post(path, form) for _ in range(2)]
    assert first.headers["location"] == again.headers["location"]
    copy = (await browser.get(first.headers["location"])).text
    assert 'value="2027-11-01T10:00"' in copy
    assert 'value="2027-10-31T20:00"' in copy
    assert 'value="Nähen"' in copy
    source, made = await events.row(event_id), await events.row(first.headers["location"].split("/")[3])
    assert made.state == "draft"
    assert made.code != source.code
    assert made.venue_address == source.venue_address
    empty = await send(browser, path, [("dates", "none"), ("weeks", "")])
    assert (await events.row(empty.headers["location"].split("/")[3])).starts_at is None
    wrong = await send(browser, path, [("dates", "later"), ("weeks", "0")])
    assert wrong.status == 422
    assert "from 1 to 520" in wrong.text


async def test_others_cannot_postpone_or_copy_an_event(events, member):
    """Another organisation's member finds no such event, and nothing is made."""
    event_id = await events.published(member)
    browser = await events.signed_in(await events.organisation("Anderer Verein"))
    token = await csrf(browser, "/console")
    for path in ("postpone", "duplicate"):
        assert (await browser.get(f"/console/events/{event_id}/{path}")).status == 404
        form = {"csrf_token": token, "request_key": str(uuid7()), "version": "2", "confirmed": "yes", "dates": "none"}
        assert (await browser.post(f"/console/events/{event_id}/{path}", form)).status == 404
    assert (await events.row(event_id)).version == 2
    assert "There is no event yet" in (await browser.get("/console")).text
