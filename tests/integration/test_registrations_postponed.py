"""What an event without a date for the time being means for those who registered, on a real PostgreSQL."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from services.registrations.main import create_api
from services.registrations.registrations.admission import Refusal, Refused, admit
from services.registrations.registrations.waitlist import expire_in_pool, expire_overdue
from shared.contracts.events import Status
from shared.database.migrations import upgrade
from tests.support import registrations as given
from tests.support.asgi_client import AsgiClient
from tests.support.registration_pages import messages, own_path, words
from tests.support.registration_phone import Phone, held_by_web, offered, open_event

LONG_AFTER = timedelta(days=30)


@pytest.fixture(scope="module")
async def app(database_url):
    url = database_url("registrations")
    await asyncio.to_thread(upgrade, "registrations", url)
    app = create_api(given.settings(url))
    yield app
    await app.state.database.close()


@pytest.fixture
def database(app):
    return app.state.database


def postponed(event, **more):
    return event.model_copy(update={"status": Status.POSTPONED, **more})


def at(event, starts_at):
    session = event.sessions[0].model_copy(update={"starts_at": starts_at, "ends_at": starts_at + timedelta(hours=2)})
    return event.model_copy(update={"sessions": [session], "status": Status.PUBLISHED})


async def counts(database, event):
    async with database.read() as session:
        row = await session.execute(
            text("SELECT taken, waiting, open FROM places WHERE event_id = :id"), {"id": event.id}
        )
        return tuple(row.one())


async def deadlines(database, event):
    async with database.read() as session:
        rows = await session.execute(
            text("SELECT state, expires_at FROM registrations WHERE event_id = :id AND expires_at IS NOT NULL"),
            {"id": event.id},
        )
        return dict(list(rows.all()))


async def test_nobody_loses_a_place_and_all_are_told_once(app, database):
    """Those who have or want a place hear that there is no date; nobody ends, the waitlist keeps its order."""
    event = await open_event(database, 1)
    await own_path(AsgiClient(app), event)
    await own_path(AsgiClient(app), event)
    before = await counts(database, event)
    await given.publish(database, postponed(event), 2)
    await given.publish(database, postponed(event, postponement_reason={"de": "Sturm"}), 3)
    assert (await counts(database, event))[:2] == before[:2] == (1, 1)
    told = [(one["template"], one["data"]) for one in await messages(database, event, "NotificationRequested")]
    same = {"event_version": 2, "places_id": str(event.places[0].id)}
    same["planned"] = event.sessions[0].starts_at.isoformat()
    assert told == [("postponed", {**same, "state": state}) for state in ("confirmed", "waitlisted")]


async def test_nobody_registers_for_an_event_without_a_date(app, database):
    """Admission, API and page say why; a cancelled event is still called cancelled."""
    event = await open_event(database, 5)
    await given.publish(database, postponed(event, postponement_reason={"en": "Storm damage"}), 2)
    async with database.begin() as session:
        pool = event.places[0].id
        wishes = [given.wish(), given.wish(size=99)]
        decisions = await admit(session, given.VAULT, given.RULES, pool, wishes, datetime.now(UTC))
    assert decisions == [Refused(Refusal.POSTPONED, 10)] * 2
    browser = AsgiClient(app)
    page = words(await browser.get(f"/registrations/new/{event.id}"))
    assert "This event is postponed" in page
    assert "Storm damage" in page
    assert "The event was planned for:" in page
    await given.publish(database, event.model_copy(update={"status": Status.CANCELLED}), 3)
    async with database.begin() as session:
        [decision] = await admit(session, given.VAULT, given.RULES, pool, [given.wish()], datetime.now(UTC))
    assert decision.reason is Refusal.CANCELLED


async def test_no_time_to_answer_runs_out_while_there_is_no_date(database):
    """An offer and a question to a number's owner outlive their time; with the new date each has its time anew."""
    phone = Phone(database)
    event = await offered(database, phone)
    held = Phone(database)
    await held_by_web(database, event, held.number)
    await given.publish(database, postponed(event), 2)
    later = datetime.now(UTC) + LONG_AFTER
    async with database.begin() as session:
        overdue = "SET expires_at = now() - interval '1 day' WHERE event_id = :id AND expires_at IS NOT NULL"
        await session.execute(text(f"UPDATE registrations {overdue}"), {"id": event.id})
    await expire_overdue(database, given.VAULT, given.RULES, later)
    async with database.begin() as session:
        await expire_in_pool(session, given.VAULT, given.RULES, event.places[0].id, later)
    assert (await phone.state())[0] == "offered"
    assert (await held.state())[0] == "held"
    await given.publish(database, at(event, datetime.now(UTC) + timedelta(days=60)), 3)
    after = await deadlines(database, event)
    assert after.keys() == {"offered", "held"}
    assert all(until > datetime.now(UTC) for until in after.values())
    [told] = [
        one for one in await messages(database, event, "NotificationRequested") if one["template"] == "rescheduled"
    ]
    assert told["data"]["until"] == after["offered"].isoformat()


async def test_the_guard_is_what_keeps_the_offer(database):
    """The negative control: for the same event with its date, the same timer ends the same offer."""
    phone = Phone(database)
    event = await offered(database, phone)
    await expire_overdue(database, given.VAULT, given.RULES, datetime.now(UTC) + LONG_AFTER)
    assert (await phone.state())[0] == "expired"
    assert (await counts(database, event))[2] is True


async def test_a_place_given_back_meanwhile_is_offered_with_the_new_date(database):
    """While there is no date nobody is asked whether they can come; then the first who waits is."""
    event = await open_event(database, 1)
    first, second = Phone(database), Phone(database)
    await first.text(event.code)
    await second.text(event.code)
    await given.publish(database, postponed(event), 2)
    assert (await first.text(f"absagen {event.code}"))["type"] == "RegistrationCancelled"
    assert (await second.state())[0] == "waitlisted"
    await given.publish(database, at(event, datetime.now(UTC) + timedelta(days=60)), 3)
    assert (await second.state())[0] == "offered"


async def test_an_offer_can_be_taken_and_a_party_changed_meanwhile(database):
    """Who knows already need not wait for the date."""
    phone = Phone(database)
    event = await offered(database, phone, largest_party=3)
    await given.publish(database, postponed(event), 2)
    assert (await phone.text(f"JA {event.code}"))["type"] == "RegistrationConfirmed"
    assert await counts(database, event) == (1, 0, False)


async def test_texts_about_an_event_without_a_date_are_answered(database):
    """STATUS names it even after its old date, its code says where one stands, and to others that there is no date."""
    event = await open_event(database, 2)
    mine, other = Phone(database), Phone(database)
    await mine.text(event.code)
    gone = at(event, datetime.now(UTC) - timedelta(days=5)).model_copy(update={"status": Status.POSTPONED})
    await given.publish(database, gone, 2)
    status = await mine.text("STATUS")
    assert (status["template"], status["data"]["lines"]) == ("sms-status", [f"{event.code}|confirmed|1||postponed"])
    assert (await mine.text(event.code))["template"] == "already-registered"
    answer = await other.text(event.code)
    assert (answer["template"], answer["data"]["why"]) == ("sms-registration-closed", "postponed")
    assert await other.state() is None


async def test_the_own_page_says_that_the_place_is_kept(app, database):
    """And that there is nothing to do; with the new date it says what it was."""
    event = await open_event(database)
    browser = AsgiClient(app)
    path = await own_path(browser, event)
    await given.publish(database, postponed(event, postponement_reason={"en": "Storm"}), 2)
    page = words(await browser.get(path))
    assert "This event is postponed" in page
    assert "You stay registered and need not do anything" in page
    assert "Storm" in page
    moved = at(event, datetime.now(UTC) + timedelta(days=60))
    await given.publish(database, moved.model_copy(update={"previous_starts": [event.sessions[0].starts_at]}), 3)
    page = words(await browser.get(path))
    assert "This is a new date" in page
    assert "postponed" not in page


async def test_the_old_date_that_holds_after_all_is_told_too(app, database):
    """A postponed event that is public again with the same date: everybody hears of the date."""
    event = await open_event(database)
    await own_path(AsgiClient(app), event)
    await given.publish(database, postponed(event), 2)
    await given.publish(database, event, 3)
    told = [one["template"] for one in await messages(database, event, "NotificationRequested")]
    assert told == ["postponed", "rescheduled"]


async def test_who_missed_the_postponement_hears_of_the_new_date(app, database):
    """The topic is compacted: from the old date straight to the new one is one notification."""
    event = await open_event(database)
    await own_path(AsgiClient(app), event)
    await given.publish(database, at(event, datetime.now(UTC) + timedelta(days=60)), 4)
    told = [one["template"] for one in await messages(database, event, "NotificationRequested")]
    assert told == ["rescheduled"]
