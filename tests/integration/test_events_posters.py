"""Posters and hand-outs in the console."""

from urllib.parse import urlsplit

import pytest

from services.events.events.cancelling import cancel_event
from services.events.posters import pages as posters_pages
from shared.typesetting.compiling import BusyError
from tests.support.events_service import NOW, words
from tests.support.sheets import is_for_screen_readers, read, text_of


@pytest.fixture
async def member(events):
    return await events.organisation("Integrationsbüro")


async def test_posters_are_for_those_who_see_the_event(events, member):
    """A stranger is sent to the sign-in, and for another organisation the event does not exist."""
    event_id = await events.published(member)
    other = await events.signed_in(await events.organisation("Anderer Verein"))
    for path in ("posters", "posters.pdf"):
        url = f"/console/events/{event_id}/{path}"
        answer = await events.browser().get(url)
        assert answer.status == 303
        assert urlsplit(answer.headers["location"]).path == "/sign-in/renew"
        assert (await other.get(url)).status == 404


async def test_the_events_page_leads_to_the_choice_and_the_choice_to_the_pdf(events, member):
    """The languages that have a title are offered, and the PDF has what was chosen under a telling name."""
    event_id = await events.published(member, words=words("ar", "خياطة"), code="NAEHEN")
    browser = await events.signed_in(member)
    url = f"/console/events/{event_id}/posters"
    assert f'href="{url}"' in (await browser.get(f"/console/events/{event_id}")).text
    choice = (await browser.get(url)).text
    assert 'value="ar" lang="ar" dir="rtl"' in choice
    assert 'value="tr"' not in choice.partition("<main")[2]
    answer = await browser.get(f"{url}.pdf?format=handout-a5&language=de&second=ar")
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["content-disposition"] == 'attachment; filename="NAEHEN-handout-a5-de-ar.pdf"'
    assert answer.headers["cache-control"] == "no-store"
    text = text_of(answer.body)
    assert is_for_screen_readers(answer.body)
    assert read(answer.body).metadata.title == "Nähen"
    for word in ("Nähen", "خياطة", "NAEHEN", "Haus", "Integrationsbüro"):
        assert word in text


async def test_the_pdf_needs_no_choice(events, member):
    """Without any it is a poster in the main language; the same language twice is one language."""
    event_id = await events.published(member)
    browser = await events.signed_in(member)
    for query in ("", "?language=de&second=de", "?second="):
        answer = await browser.get(f"/console/events/{event_id}/posters.pdf{query}")
        assert answer.headers["content-disposition"].endswith('-poster-a4-de.pdf"')


@pytest.mark.parametrize("query", ["format=a0", "language=tr", "second=xx", "language=../../etc", "format=%00"])
async def test_a_choice_that_there_is_not_is_asked_again(events, member, query):
    """The field is named; nothing is printed."""
    event_id = await events.published(member, words=words("ar", "خياطة"))
    browser = await events.signed_in(member)
    answer = await browser.get(f"/console/events/{event_id}/posters.pdf?{query}")
    assert answer.status == 422
    assert 'id="error-summary"' in answer.text
    assert f'id="field-{query.partition("=")[0]}-error"' in answer.text


async def test_only_a_published_event_is_printed(events, member):
    """A draft has no page yet that a poster could lead to, and what is cancelled is not advertised."""
    draft, cancelled = await events.draft(member), await events.published(member)
    async with events.database.begin() as session:
        await cancel_event(session, member, cancelled, {"de": "Krank"}, 2, NOW)
    browser = await events.signed_in(member)
    for event_id in (draft, cancelled):
        assert "/posters" not in (await browser.get(f"/console/events/{event_id}")).text
        for path in ("posters", "posters.pdf"):
            answer = await browser.get(f"/console/events/{event_id}/{path}")
            assert answer.status == 409
            assert "This event is not published" in answer.text


async def test_when_too_much_is_printed_people_hear_when_to_come_again(events, member, monkeypatch):
    """The answer is 503 with a time to wait, and not an error of ours."""

    async def busy(*_):
        raise BusyError("poster.typ")

    monkeypatch.setattr(posters_pages, "typeset", busy)
    event_id = await events.published(member)
    browser = await events.signed_in(member)
    answer = await browser.get(f"/console/events/{event_id}/posters.pdf")
    assert answer.status == 503
    assert answer.headers["retry-after"] == "30"
