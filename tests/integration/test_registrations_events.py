"""What follows for registrations when an event changes, on a real PostgreSQL."""

import asyncio
from datetime import timedelta

import pytest

from services.registrations.main import create_api
from shared.database.migrations import upgrade
from tests.support import registrations as given
from tests.support.asgi_client import AsgiClient
from tests.support.registration_pages import messages, open_event, own_path
from tests.support.registration_phone import Phone, held_by_web


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


async def test_news_of_another_date_or_place_names_the_version_that_it_is_about(app, database):
    """So that notifications waits for that version, and never tells of the old date as the new one."""
    event = await open_event(database)
    await own_path(AsgiClient(app), event)
    session = event.sessions[0]
    later = {"starts_at": session.starts_at + timedelta(days=1), "ends_at": session.ends_at + timedelta(days=1)}
    moved = event.model_copy(update={"sessions": [session.model_copy(update=later)]})
    await given.publish(database, moved, 7)
    await given.publish(database, moved.model_copy(update={"venue": None}), 9)
    requests = await messages(database, event, "NotificationRequested")
    told = [(request["template"], request["data"]) for request in requests]
    confirmed = {"state": "confirmed", "places_id": str(event.places[0].id)}
    assert told == [("rescheduled", {"event_version": 7, **confirmed}), ("changed", {"event_version": 9, **confirmed})]


async def test_a_held_place_can_be_confirmed_after_the_capacity_was_lowered(database):
    """A lower capacity takes nobody's place away, also not of those who have yet to answer; it lets nobody grow."""
    event = await open_event(database, 10)
    phone = Phone(database)
    await held_by_web(database, event, phone.number, 4)
    await given.publish(database, given.with_capacity(event, 2), 2)
    assert (await phone.text("JA 5"))["template"] == "sms-party-size"
    answer = await phone.text("JA")
    assert (answer["type"], answer["counts"]["taken"]) == ("RegistrationConfirmed", 4)
