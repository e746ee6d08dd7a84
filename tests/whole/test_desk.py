"""Somebody with nothing but paper, from the desk to a place and to the last word, on real parts."""

import json
import re
from datetime import UTC, datetime, time, timedelta

import asyncpg
import pytest

from shared.messaging.topics import all_topics
from tests.support.kafka import read_topic
from tests.support.look import open_page, running_browser, violations
from tests.support.people import CallList, create_event, register_on_paper, sign_in, until
from tests.support.system import teilhabe

pytestmark = pytest.mark.timeout(300)

OFFICE = "desk@host.example"
FIRST, SECOND = "Erster Papiername", "Zweiter Papiername"
REACH = "Festnetz 030 2312 5077"
STARTS = datetime.combine(datetime.now(UTC).date() + timedelta(days=40), time(10))
EVENT = {
    "kind": "workshop",
    "title-de": "Nähen am Nachmittag",
    "text-de": "Wir nähen.",
    "title-ar": "خياطة بعد الظهر",
    "text-ar": "نخيط معًا.",
    "access_notes-de": "Ebenerdig",
    "contact_hours-de": "Montag bis Freitag, 9 bis 12 Uhr",
    "starts-1": STARTS.isoformat(timespec="minutes"),
    "ends-1": (STARTS + timedelta(hours=2)).isoformat(timespec="minutes"),
    "venue_name": "Nachbarschaftshaus",
    "venue_address": "Gartenweg 1",
    "capacity": "1",
    "largest_party": "1",
    "code": "NADEN",
    "spoken_languages": "de",
    "contact_name": "Willkommensbüro",
    "contact_phone": "+493023125001",
    "contact_languages": "ar",
}


async def test_a_person_with_nothing_but_paper_is_a_full_participant(system, chromium, own_broker):
    """Waits, is offered a place, says yes through the desk, and is told that the event is off. Nothing is ever sent."""
    teilhabe(
        system, *["events", "organisation", "add", "--kind", "authority", "--name-de", "Beratung", "--owner"], OFFICE
    )
    async with running_browser(chromium) as browser, open_page(browser, 1280, locale="de-DE") as desk:
        await sign_in(system, desk, OFFICE)
        event_id = await create_event(system, desk, EVENT, ("de", "ar"))
        calls = CallList(system, desk, event_id)
        first = await register_on_paper(system, desk, event_id, FIRST, REACH)
        second = await register_on_paper(system, desk, event_id, SECOND, REACH)
        assert "Warteliste" in await desk.inner_text("main")
        await until("two entries that are done", lambda: counted(calls.ended, 2))
        assert await calls.open() == []

        await desk.goto(f"{first}/cancel")
        await desk.click("main form button[type=submit]")
        offer = await calls.entry(SECOND, REACH, "Angebot: freier Platz")
        assert "خياطة بعد الظهر" in offer
        assert "Nähen am Nachmittag" in offer
        assert "Bescheid sagen bis" in offer
        assert await violations(desk) == []
        await desk.click(".t-call a[href*='/desk/']")
        await desk.wait_for_url("**/desk/*")
        assert desk.url == second
        await desk.click("form[action$='/accept'] button")
        await desk.wait_for_url("**?done=accepted")
        await until("the offer's end", lambda: counted(calls.open, 0))

        await desk.goto(f"{system.url('events')}/console/events/{event_id}/cancel")
        await desk.fill("[name=reason-de]", "Sturm")
        await desk.check("[name=confirmed]")
        await desk.locator("main form button[type=submit]:not([name])").last.click()
        cancelled = await calls.entry(SECOND, "Veranstaltung findet nicht statt")
        assert "Sturm" in cancelled
        await desk.click(".t-call form button")
        await desk.wait_for_url("**done=told")
        assert await calls.open() == []
        ended = await calls.ended()
        assert len(ended) == 6
        assert ended[0].count("Veranstaltung findet nicht statt") == 1
        assert not desk.complaints
    await nothing_was_sent(system, event_id)
    await nothing_personal(system, own_broker)


async def counted(look, number):
    return len(await look()) == number


async def nothing_was_sent(system, event_id):
    """No SMS and no mail of the event, and nothing that waits for an address that will never come."""
    address = system.database("notifications").replace("+asyncpg", "")
    connection = await asyncpg.connect(address)
    try:
        channels = await connection.fetch(
            "SELECT channel, state, count(*) AS n FROM deliveries WHERE event_id = $1 GROUP BY 1, 2", event_id
        )
        assert [tuple(row) for row in channels] == [("desk", "delivered", 6)]
        assert await connection.fetchval("SELECT count(*) FROM parked") == 0
    finally:
        await connection.close()
    connection = await asyncpg.connect(system.database("events").replace("+asyncpg", ""))
    try:
        query = "SELECT action FROM audit WHERE event_id = $1"
        logged = [row["action"] for row in await connection.fetch(query, event_id)]
    finally:
        await connection.close()
    for action in ("registration.made", "registration.cancelled", "registration.accepted", "call.told"):
        assert action in logged, logged


async def nothing_personal(system, own_broker):
    """Neither names nor ways to people are in any topic in the clear, nor in a line of a log."""
    wanted = [FIRST, SECOND, REACH, *[json.dumps(name)[1:-1] for name in (FIRST, SECOND)]]
    for topic in all_topics():
        for record in await read_topic(own_broker, topic.name):
            text = (record.value or b"").decode(errors="replace") + str(record.key) + str(record.headers)
            assert not [word for word in wanted if word in text], topic.name
    logs = system.logs()
    assert not [word for word in wanted if word in logs]
    assert not re.search(r"/r/[a-z2-7]{16}", logs), "the secret of a link is in a log"
