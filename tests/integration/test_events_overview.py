"""The overview: my events and those that we co-host, found, filtered, with what asks for something to be done."""

import html
import re
from datetime import timedelta

import pytest

from services.events.co_hosts.model import CoHostRow, State
from services.events.events.postponing import postpone_event
from shared.contracts.events import CoHostRole, Scope
from tests.support.events_service import NOW, count, words

TITLE = re.compile(r'href="/console/events/[0-9a-f-]{36}"[^>]*>([^<]*)</a>')


@pytest.fixture
async def member(events):
    return await events.organisation("Integrationsbüro")


def titles(page):
    assert page.status == 200, page.text
    return [html.unescape(title) for title in TITLE.findall(page.text)]


def on(days):
    moment = NOW + timedelta(days=days)
    return [{"starts_at": f"{moment:%Y-%m-%d}T10:00", "ends_at": f"{moment:%Y-%m-%d}T12:00"}]


async def co_host(events, event_id, organisation_id, scope, state=State.ACCEPTED):
    row = CoHostRow(
        event_id=event_id,
        organisation_id=organisation_id,
        role=CoHostRole.PARTNER,
        scope=scope,
        state=state,
        changed_at=events.now,
    )
    async with events.database.begin() as session:
        session.add(row)


async def test_each_need_is_said_and_can_be_asked_for(events, member):
    """Drafts that begin soon, no date, more people than places, a waitlist beside free places; all else not."""
    fine = await events.published(member, words=words("de", "Fein"))
    over = await events.published(member, words=words("de", "Voll"))
    waiting = await events.published(member, words=words("de", "Wartet"))
    await events.draft(member, words=words("de", "Bald"), sessions=on(5), capacity=None)
    await events.draft(member, words=words("de", "Später"), sessions=on(60))
    async with events.database.begin() as session:
        gone = await events.published(member, words=words("de", "Verschoben"), sessions=on(1))
        await postpone_event(session, member, gone, {"de": "Der Raum ist gesperrt."}, 2, events.now)
    for event_id, taken, waits in ((fine, 10, 3), (over, 12, 0), (waiting, 9, 2)):
        await count(events, event_id, taken, waits)
    browser = await events.signed_in(member)
    page = await browser.get("/console")
    assert set(titles(page)) == {"Fein", "Voll", "Wartet", "Bald", "Später", "Verschoben"}
    assert "Need for action (4)" in page.text
    needy = await browser.get("/console?show=need")
    assert set(titles(needy)) == {"Bald", "Voll", "Wartet", "Verschoben"}
    for sentence in (
        "without a new date",
        "it begins soon",
        "More people than places",
        "People wait while places are free",
    ):
        assert needy.text.count(sentence) == 1
    assert "1 thing is missing" in needy.text
    events.later(days=10)
    assert "Verschoben" in titles(await (await events.signed_in(member)).get("/console?show=upcoming"))
    assert "its date is over" in (await (await events.signed_in(member)).get("/console?show=need")).text


async def test_filters_and_search_find_what_is_meant(events, member):
    """To come, over, drafts; words of any language of the text, and the code; nothing found is said so."""
    await events.published(member, words=words("ar", "خياطة"))
    await events.draft(member, words=words("de", "Entwurf"))
    past = await events.published(member, words=words("de", "Früher"), sessions=on(2))
    code = (await events.row(past)).code
    events.later(days=5)
    browser = await events.signed_in(member)
    for query, found in (
        ("show=upcoming", ["Nähen"]),
        ("show=past", ["Früher"]),
        ("show=drafts", ["Entwurf"]),
        ("q=fruher", ["Früher"]),
        ("q=%D8%AE%D9%8A%D8%A7%D8%B7%D8%A9", ["Nähen"]),
        (f"q={code}", ["Früher"]),
        ("q=fruher&show=drafts", []),
        ("show=nonsense&q=entwurf", ["Entwurf"]),
    ):
        assert titles(await browser.get(f"/console?{query}")) == found, query
    assert "No events fit" in (await browser.get("/console?q=xyz")).text


async def test_co_hosted_events_are_listed_with_what_may_be_seen(events, member):
    """An organisation that accepted sees the event with its host's name, figures only within its scope."""
    event_id = await events.published(member)
    await count(events, event_id, 7, 2)
    for scope, state, seen, figures in (
        (Scope.COUNTS, State.ACCEPTED, ["Nähen"], True),
        (Scope.NOTHING, State.ACCEPTED, ["Nähen"], False),
        (Scope.CONTACT, State.INVITED, [], False),
        (Scope.CONTACT, State.ENDED, [], False),
    ):
        partner = await events.organisation("Verein")
        await co_host(events, event_id, partner.organisation_ids[0], scope, state)
        page = await (await events.signed_in(partner)).get("/console")
        assert titles(page) == seen, (scope, state)
        assert ("With Integrationsbüro (en)" in page.text) == bool(seen)
        assert ("7 of 10" in page.text) == figures, (scope, state)


async def test_the_overview_needs_as_many_statements_for_many_as_for_one(events, member):
    """Twenty a page, whatever the number; the pages keep the filter."""
    await events.draft(member)
    browser = await events.signed_in(member)
    events.statements.clear()
    await browser.get("/console")
    few = len(events.statements)
    for _ in range(21):
        await events.draft(member)
    events.statements.clear()
    page = await browser.get("/console?show=drafts")
    assert len(events.statements) == few
    assert len(titles(page)) == 20
    assert 'href="?show=drafts&amp;page=2"' in page.text
    assert len(titles(await browser.get("/console?show=drafts&page=2"))) == 2
