"""The programme elsewhere: in the calendars of those who subscribe, and on the sites of organisations."""

import asyncio
import re
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
import uvicorn
from icalendar import Calendar

from services.events.events.cancelling import cancel_event
from services.events.events.commands import edit_event
from tests.support.events_service import NOW, content, count, words
from tests.support.look import open_page, running_browser, sideways, violations


@pytest.fixture
async def member(events):
    return await events.organisation("Integrationsbüro")


def own(member, **filters) -> str:
    filters = {"organisation": str(member.organisation_ids[0]), **filters}
    return "&".join(f"{name}={value}" for name, value in filters.items())


async def feed(browser, query):
    answer = await browser.get(f"/events.ics?{query}")
    assert (answer.status, answer.headers["content-type"]) == (200, "text/calendar; charset=utf-8")
    return Calendar.from_ical(answer.body)


def titles(calendar):
    return sorted(str(event["SUMMARY"]) for event in calendar.walk("VEVENT"))


async def test_the_feed_has_the_filters_of_the_programme(events, member):
    """Organisation, spoken language, kind and words choose the same events there as on the page; drafts are nowhere."""
    await events.published(member, words=words("de", "Nähen"))
    await events.published(member, words=words("de", "Debatte"), kind="participation", spoken_languages=["ar"])
    await events.draft(member, words=words("de", "Entwurf"))
    await events.published(await events.organisation("Verein"), words=words("de", "Woanders"))
    browser = events.browser("de")
    expected = {
        "": ["Debatte", "Nähen"],
        "kind=participation": ["Debatte"],
        "language=tr": ["Nähen"],
        "q=debat": ["Debatte"],
        "kind=rubbish": ["Debatte", "Nähen"],
    }
    for wanted, found in expected.items():
        query = f"{own(member)}&{wanted}"
        assert titles(await feed(browser, query)) == found
        page = (await browser.get(f"/events?{query}")).text
        listed = (await browser.get(f"/api/events?{query.replace('kind=rubbish', '')}")).json()["events"]
        for title in ("Debatte", "Nähen", "Entwurf", "Woanders"):
            assert (title in re.findall(r">([^<]+)</a></h2>", page)) == (title in found), (query, title)
        assert sorted(event["title"]["de"] for event in listed) == found
    assert {"Woanders", "Nähen"} <= set(titles(await feed(browser, "")))
    assert titles(await feed(browser, "organisation=01900000-0000-7000-8000-000000000000")) == []


async def test_a_feed_tells_programs_what_they_need(events, member):
    """Its name, how often to ask, and of each event when and how often it was changed."""
    event_id = await events.published(member)
    events.later(hours=5)
    async with events.database.begin() as session:
        await edit_event(session, member, event_id, content(venue_name="Neues Haus"), 2, events.now)
    calendar = await feed(events.browser("de"), own(member))
    assert str(calendar["X-WR-CALNAME"]) == str(calendar["NAME"]) == "Veranstaltungen: Integrationsbüro"
    assert calendar.to_ical().count(b"REFRESH-INTERVAL;VALUE=DURATION:PT1H\r\n") == 1
    assert calendar.to_ical().count(b"X-PUBLISHED-TTL:PT1H\r\n") == 1
    [event] = calendar.walk("VEVENT")
    assert (event["SEQUENCE"], event["STATUS"]) == (3, "CONFIRMED")
    assert event["LAST-MODIFIED"].dt == event["DTSTAMP"].dt == NOW + timedelta(hours=5)
    assert event["DTSTART"].params["TZID"] == "Europe/Berlin"


async def test_the_feed_is_in_the_readers_language(events, member):
    """`lang` in the address decides, for calendars send no language; no cookie is set."""
    await events.published(member, words=words("tr", "Dikiş"))
    answer = await events.browser("de").get(f"/events.ics?{own(member)}&lang=tr")
    assert "SUMMARY:Dikiş" in answer.text
    assert "Etkinlikler: Integrationsbüro" in answer.text.replace("\r\n ", "")
    assert "set-cookie" not in answer.headers


async def test_a_cancelled_event_is_cancelled_in_calendars(events, member):
    """It stays, crossed out, and an event that is over stays for a month."""
    event_id = await events.published(member)
    uid = (await feed(events.browser(), own(member))).walk("VEVENT")[0]["UID"]
    async with events.database.begin() as session:
        await cancel_event(session, member, event_id, {"de": "Krank"}, 2, events.now)
    [event] = (await feed(events.browser(), own(member))).walk("VEVENT")
    assert (event["STATUS"], event["UID"], event["SEQUENCE"]) == ("CANCELLED", uid, 3)
    events.now = NOW + timedelta(days=60)
    assert len((await feed(events.browser(), own(member))).walk("VEVENT")) == 1
    events.now = NOW + timedelta(days=70)
    assert (await feed(events.browser(), own(member))).walk("VEVENT") == []


async def test_an_unchanged_feed_is_not_sent_again(events, member):
    """304 for who has it, until something changes; registrations change nothing in it."""
    event_id = await events.published(member)
    browser, url = events.browser(), f"/events.ics?{own(member)}"
    tag = (await browser.get(url)).headers["etag"]
    await count(events, event_id, taken=3)
    for known in (tag, f"W/{tag}", f'"other", {tag}'):
        again = await browser.get(url, {"if-none-match": known})
        assert (again.status, again.body, again.headers["etag"]) == (304, b"", tag)
    assert (await browser.get(f"{url}&lang=tr", {"if-none-match": tag})).status == 200
    async with events.database.begin() as session:
        await edit_event(session, member, event_id, content(venue_name="Neues Haus"), 2, events.now)
    assert (await browser.get(url, {"if-none-match": tag})).status == 200


async def test_the_programme_leads_to_its_feed(events, member):
    """With the filter that is set, in the reader's language, for calendars and for people who copy addresses."""
    page = (await events.browser("de").get(f"/events?{own(member)}&kind=workshop&page=1")).text
    query = f"organisation={member.organisation_ids[0]}&amp;kind=workshop&amp;lang=de"
    assert f'href="http://127.0.0.1:8710/events.ics?{query}"' in page
    assert f'href="webcal://127.0.0.1:8710/events.ics?{query}"' in page


async def test_the_frame_shows_one_organisation(events, member):
    """Its events alone, with its name; links open pages of their own; without an organisation there is nothing."""
    code = (await events.row(await events.published(member))).code
    await events.published(await events.organisation("Verein"), words=words("de", "Woanders"))
    page = await events.browser("de").get(f"/events/embed?{own(member)}")
    assert "Veranstaltungen: Integrationsbüro" in page.text
    assert "Woanders" not in page.text
    links = re.findall(r"<a [^>]+>", page.text)
    assert f'href="http://127.0.0.1:8710/events/{code}?lang=de"' in " ".join(links)
    assert all('target="_blank" rel="noopener"' in link for link in links)
    for query in ("", "organisation=nobody", "organisation=01900000-0000-7000-8000-000000000000"):
        assert (await events.browser().get(f"/events/embed?{query}")).status == 404


async def test_only_the_frames_page_may_be_framed(events, member):
    """Every other page refuses to be framed, and the frame's own page sets no cookie, whatever its address says."""
    code = (await events.row(await events.published(member))).code
    browser = await events.signed_in(member)
    embedded = await browser.get(f"/events/embed?{own(member)}&lang=tr")
    assert "frame-ancestors *" in embedded.headers["content-security-policy"]
    assert "script-src 'self'" in embedded.headers["content-security-policy"]
    assert embedded.headers["cross-origin-resource-policy"] == "cross-origin"
    assert "set-cookie" not in embedded.headers
    assert "Integrationsbüro (en)" not in embedded.text.partition("<body")[2].partition("<h1")[0]
    own_page = f"/console/organisations/{member.organisation_ids[0]}/embed"
    for url in ("/events", f"/events/{code}", "/console", own_page, "/events/embed", "/sign-in", "/nothing"):
        answer = await browser.get(url)
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"], url
        assert answer.headers["cross-origin-resource-policy"] == "same-origin", url


async def test_the_script_has_an_address_for_ever(events):
    """Foreign sites may load it, and learn of a new one within an hour."""
    answer = await events.browser().get("/events/embed.js")
    assert (answer.status, answer.headers["content-type"].partition(";")[0]) == (200, "text/javascript")
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
    assert answer.headers["cache-control"] == "public, max-age=3600"


async def test_the_console_has_the_snippet(events, member):
    """With the choices made, for members alone; rubbish chooses nothing."""
    url = f"/console/organisations/{member.organisation_ids[0]}/embed"
    browser = await events.signed_in(member)
    assert f'href="{url}"' in (await browser.get(url.removesuffix("/embed"))).text
    page = (await browser.get(f"{url}?language=tr&kind=course&words=ar")).text
    frame = f"http://127.0.0.1:8710/events/embed?{own(member, language='tr', kind='course', lang='ar')}"
    assert f'src="{frame.replace("&", "&amp;").removeprefix("http://127.0.0.1:8710")}"' in page
    assert frame.replace("&", "&amp;amp;") in page
    assert "&lt;iframe data-teilhabe src=&#34;" in page
    assert "src=&#34;http://127.0.0.1:8710/events/embed.js&#34;" in page
    assert "kind=" not in (await browser.get(f"{url}?kind=%22%3E%3Cscript%3E")).text.partition("<textarea")[2][:600]
    stranger = await events.signed_in(await events.organisation("Verein"))
    assert (await stranger.get(url)).status == 404
    assert (await events.browser().get(url)).status == 303


@asynccontextmanager
async def served(app, port):
    config = uvicorn.Config(app, "127.0.0.1", port, log_level="error", access_log=False, lifespan="off")
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.02)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await task


def foreign_site(page):
    """Somebody else's site, whose one page this is."""

    async def app(_scope, _receive, send):
        headers = [(b"content-type", b"text/html; charset=utf-8")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": page.encode()})

    return app


async def test_the_frame_grows_on_a_foreign_site(events, member, chromium, free_port):
    """As high as its content with the script, scrolling without it; another page of ours stays empty in a frame."""
    for number in range(6):
        await events.published(member, words=words("de", f"Kurs {number}"))
    async with served(events.app, free_port()) as ours, running_browser(chromium) as browser:
        frame = f"{ours}/events/embed?{own(member, lang='de')}"
        iframe = f'<iframe data-teilhabe src="{frame}" title="x" height="300" style="width:100%;border:0"></iframe>'
        other = f'<iframe id="other" src="{ours}/events" title="y"></iframe>'
        snippet = f'{iframe}<script src="{ours}/events/embed.js" async></script>{other}'
        async with served(foreign_site(snippet), free_port()) as theirs, open_page(browser, 360) as page:
            await page.goto(theirs)
            await page.wait_for_function("document.querySelector('iframe').clientHeight > 600")
            inside = next(each for each in page.frames if "/events/embed" in each.url)
            content_height = await inside.evaluate("document.querySelector('main').getBoundingClientRect().height")
            assert abs(await page.evaluate("document.querySelector('iframe').clientHeight") - content_height) < 2
            assert await inside.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
            assert not [each for each in page.frames if each.url.endswith("/events")]
            await page.evaluate("window.postMessage({ teilhabeHeight: 5000 }, '*')")
            await page.wait_for_timeout(100)
            assert await page.evaluate("document.querySelector('iframe').clientHeight") < 5000
            assert await page.context.cookies(ours) == []
        async with served(foreign_site(iframe), free_port()) as theirs, open_page(browser, 360) as page:
            await page.goto(theirs)
            await page.wait_for_timeout(300)
            assert await page.evaluate("document.querySelector('iframe').clientHeight") == 300


@pytest.mark.parametrize(("language", "width"), [("de", 1280), ("ar", 360)])
async def test_axe_finds_nothing_on_the_new_pages(events, member, chromium, free_port, language, width):
    """The import's form, preview and result, the snippet, and the frame's page, on a phone and a desktop."""
    await events.published(member)
    browser = await events.signed_in(member, language)
    pasted = "Titel;Datum;Uhrzeit;Ort\nNähen für alle;24.05.2027;18-20 Uhr;Haus, Weg 1\nB;25.05.2027;18 Uhr;\n"
    async with (
        served(events.app, free_port()) as ours,
        running_browser(chromium) as running,
        open_page(running, width, locale=language) as page,
    ):

        async def is_fit():
            assert (await violations(page), await sideways(page) <= 0) == ([], True), page.url

        cookies = [{"name": name, "value": value, "url": ours} for name, value in browser.cookies.items()]
        await page.context.add_cookies(cookies)
        organisation = member.organisation_ids[0]
        for path in (f"/events/embed?{own(member)}", f"/console/organisations/{organisation}/embed"):
            await page.goto(ours + path)
            await is_fit()
        await page.goto(f"{ours}/console/imports/new")
        await is_fit()
        await page.fill("#field-pasted", pasted)
        for until in ("main table", "main .kern-alert--success"):
            await page.click("main form button[type=submit]")
            await page.wait_for_selector(until)
            await is_fit()
        assert page.complaints == []
