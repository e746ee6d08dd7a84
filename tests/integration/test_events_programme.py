import html
import json
import re
from datetime import UTC, datetime
from urllib.parse import quote
from zoneinfo import ZoneInfo

import pytest
from icalendar import Calendar

from services.events.events.cancelling import cancel_event
from tests.support.events_service import NOW, count, words

LINK = "https://meet.demo.example/secret-room"


@pytest.fixture
async def member(events):
    return await events.organisation("Integrationsbüro")


def codes_on(page) -> list[str]:
    return re.findall(r'href="/events/([A-Z0-9]+)"', page.text)


async def test_drafts_are_nobodys_business(events, member):
    """No page, file or answer of the API knows a draft, not even by its id."""
    event_id = await events.draft(member, code="ENTWURF")
    browser = events.browser()
    for reference in (str(event_id), "ENTWURF"):
        for url in (f"/events/{reference}", f"/events/{reference}.ics", f"/api/events/{reference}"):
            assert (await browser.get(url)).status == 404
    assert "ENTWURF" not in (await browser.get("/events?q=entwurf")).text
    assert (await browser.get("/api/events?q=entwurf")).json()["count"] == 0


async def test_the_online_link_is_for_registered_people(events, member):
    """It travels in the event's state, and stands on no public page, in no file and in no public answer."""
    event_id = await events.published(member, online_link=LINK, code="FERNWEH")
    assert (await events.messages("events", event_id))[0]["event"]["online_link"] == LINK
    browser = events.browser()
    for url in ("/events/FERNWEH", "/events/FERNWEH.ics", "/api/events/FERNWEH", "/events?q=fernweh", "/api/events"):
        answer = await browser.get(url)
        assert answer.status == 200
        assert "secret-room" not in answer.text
    assert (await browser.get("/api/events/FERNWEH")).json()["online"] is True


@pytest.mark.parametrize(
    ("language", "title", "search"),
    [
        ("tr", "Çocuklarla bahçe işi", "BAHCE"),
        ("tr", "Bahçelerimizde buluşalım", "bahçe"),
        ("tr", "İŞ arayanlar için", "iş ara"),
        ("ar", "نعمل معًا في الحديقة", "حديقه"),
        ("ar", "دورة اللغة", "اللُّغة"),
        ("uk", "Разом у саду", "САДУ разом"),
        ("de", "Nähcafé für Straßenfest", "nahcafe strassen"),
    ],
)
async def test_the_programme_finds_words_in_every_language(events, member, language, title, search):
    """Whatever the reader's language, spelling and endings, the event is found; another word does not find it."""
    event_id = await events.published(member, words=words(language, title))
    code = (await events.row(event_id)).code
    browser = events.browser()
    assert code in codes_on(await browser.get(f"/events?q={quote(search)}"))
    assert code not in codes_on(await browser.get(f"/events?q={quote(search)}+xyzzy"))


async def test_the_programme_filters(events, member):
    """Each filter leaves what fits and drops what does not."""
    name = {"venue_name": "Filterhaus"}
    course = await events.published(
        member,
        kind="course",
        spoken_languages=["ti"],
        sessions=[
            {"starts_at": f"2027-04-{day:02}T23:30", "ends_at": f"2027-04-{day + 1:02}T00:30"} for day in (5, 12)
        ],
        **name,
    )
    full = await events.published(member, spoken_languages=["vi"], **name)
    await count(events, full, taken=10)
    codes = {(await events.row(event_id)).code: event_id for event_id in (course, full)}
    browser = events.browser()

    async def found(query: str) -> set:
        return {codes[code] for code in codes_on(await browser.get(f"/events?q=filterhaus&{query}"))}

    assert await found("") == {course, full}
    assert await found("language=ti") == {course}
    assert await found("language=rubbish&kind=rubbish&from=never") == {course, full}
    assert await found("kind=workshop") == {full}
    assert await found("left=yes") == {course}
    assert await found("from=2027-04-06") == {course}
    assert await found("from=2027-04-13&until=2027-04-13") == {course}
    assert await found("from=2027-04-14") == set()
    assert await found("until=2027-04-04") == set()
    assert await found("from=2027-04-07&until=2027-04-11") == set()


async def test_what_is_over_is_hidden_and_what_is_cancelled_says_so(events, member):
    """A cancelled event stays in the programme as cancelled until its time; then it is gone like the others."""
    event_id = await events.published(member, venue_name="Absagehaus")
    async with events.database.begin() as session:
        await cancel_event(session, member, event_id, {"de": "Der Raum ist gesperrt."}, 2, NOW)
    browser = events.browser()
    listed = await browser.get("/events?q=absagehaus")
    assert "Cancelled" in listed.text
    page = await browser.get(f"/events/{event_id}")
    assert "Der Raum ist gesperrt." in page.text
    assert "/registrations/new/" not in page.text
    events.now = datetime(2027, 4, 6, tzinfo=UTC)
    assert codes_on(await browser.get("/events?q=absagehaus")) == []


async def test_pages_of_the_programme(events, member):
    """Twenty events to a page, each once, and the filter goes on to the next page."""
    made = {await events.published(member, venue_name="Seitenhaus") for _ in range(23)}
    browser = events.browser()
    first = await browser.get("/events?q=seitenhaus")
    second = await browser.get("/events?q=seitenhaus&page=2")
    assert "23 events" in first.text
    assert 'href="?q=seitenhaus&amp;page=2"' in first.text
    codes = codes_on(first) + codes_on(second)
    assert (len(codes), len(set(codes))) == (len(made), len(made))


async def test_an_empty_programme_says_what_to_do(events):
    """Where nothing fits, the way back to everything is shown."""
    page = await events.browser().get("/events?q=xyzzy")
    assert "No event fits" in page.text
    assert 'href="/events"' in page.text


async def test_the_programme_needs_as_many_statements_for_one_event_as_for_many(events, member):
    """Eight statements, however many events, languages and sessions there are."""
    browser, needed = events.browser(), []
    for more in (1, 12):
        for _ in range(more):
            await events.published(member, venue_name="Zaehlhaus", words=words("tr", "Dikiş"))
        events.statements.clear()
        assert len(codes_on(await browser.get("/events?q=zaehlhaus"))) >= more
        needed.append(len([one for one in events.statements if one.startswith("SELECT")]))
    assert needed == [8, 8]


@pytest.mark.parametrize(
    ("taken", "changes", "says", "may_register"),
    [
        (4, {}, "6 places left", True),
        (10, {}, "All places are taken", True),
        (0, {"registration_opens_at": "2027-03-20T09:00"}, "You can register from", False),
        (0, {"registration_closes_at": "2027-03-02T09:00"}, "Registration is closed", False),
    ],
)
async def test_each_state_of_the_registration_is_said(events, member, taken, changes, says, may_register):
    """Open, full with a waitlist, not yet open and closed: each says so, and where one can register is a button."""
    event_id = await events.published(member, **changes)
    await count(events, event_id, taken)
    events.now = datetime(2027, 3, 3, tzinfo=UTC)
    page = await events.browser().get(f"/events/{event_id}")
    assert says in html.unescape(page.text)
    button = f'href="{events.settings.registrations_url}/registrations/new/{event_id}"'
    assert (button in page.text) == may_register
    assert ("+493023125000" in page.text) == may_register
    assert "Büro" in page.text


async def test_the_contact_is_always_there(events, member):
    """Whom to ask, in which languages and when, whatever the state of the event."""
    event_id = await events.published(member, contact_languages=["de", "ar"], contact_email="office@demo.example")
    async with events.database.begin() as session:
        await cancel_event(session, member, event_id, {"de": "Krank"}, 2, NOW)
    page = (await events.browser().get(f"/events/{event_id}")).text
    for part in ("Büro", "+49 30 23125010", "office@demo.example", "العربية", "Mo 9-12", "Public office"):
        assert part in page


async def test_a_text_in_another_language_is_said_plainly(events, member):
    """A reader of Arabic gets English rather than German and is told so; what is only in German says that, too."""
    event_id = await events.published(member, words=words("en", "Sewing", "We sew."))
    page = (await events.browser("ar").get(f"/events/{event_id}")).text
    assert '<html lang="ar" dir="rtl"' in page
    assert re.search(r'<h1[^>]* lang="en" dir="ltr">Sewing</h1>', page)
    notes = re.findall(r"t-note.*?</p>", page, re.DOTALL)
    assert ["English" in note for note in notes] == [True, False]
    assert "Deutsch" in notes[1]
    native = (await events.browser("de").get(f"/events/{event_id}")).text
    assert "t-note" not in native


async def test_an_event_has_one_address(events, member):
    """The code finds it in any case, and the page names one canonical address and one for each language."""
    await events.published(member, code="ADRETT")
    for reference in ("ADRETT", "adrett"):
        page = (await events.browser().get(f"/events/{reference}")).text
        assert '<link rel="canonical" href="http://127.0.0.1:8710/events/ADRETT">' in page
    assert 'hreflang="ar" href="http://127.0.0.1:8710/events/ADRETT?lang=ar"' in page
    assert 'hreflang="x-default"' in page
    turkish = (await events.browser().get("/events/ADRETT?lang=tr")).text
    assert '<link rel="canonical" href="http://127.0.0.1:8710/events/ADRETT?lang=tr">' in turkish


async def test_the_calendar_file_reads_back(events, member):
    """All sessions with their zone's rules, in the reader's language; a later version has a higher sequence."""
    sessions = [{"starts_at": f"2027-{day}T19:00", "ends_at": f"2027-{day}T20:30"} for day in ("03-22", "03-29")]
    event_id = await events.published(member, sessions=sessions, words=words("tr", "Dikiş", "Birlikte dikiyoruz."))
    answer = await events.browser("tr").get(f"/events/{event_id}.ics")
    assert answer.headers["content-type"].startswith("text/calendar")
    calendar = Calendar.from_ical(answer.body)
    entries = list(calendar.walk("VEVENT"))
    assert [entry["summary"] for entry in entries] == ["Dikiş", "Dikiş"]
    berlin = ZoneInfo("Europe/Berlin")
    assert [entry["dtstart"].dt for entry in entries] == [
        datetime(2027, 3, 22, 19, tzinfo=berlin),
        datetime(2027, 3, 29, 19, tzinfo=berlin),
    ]
    assert [zone["tzid"] for zone in calendar.walk("VTIMEZONE")] == ["Europe/Berlin"]
    assert {str(entry["status"]) for entry in entries} == {"CONFIRMED"}
    async with events.database.begin() as session:
        await cancel_event(session, member, event_id, {"de": "Krank"}, 2, NOW)
    later = list(Calendar.from_ical((await events.browser().get(f"/events/{event_id}.ics")).body).walk("VEVENT"))
    assert [entry["uid"] for entry in later] == [entry["uid"] for entry in entries]
    assert {str(entry["status"]) for entry in later} == {"CANCELLED"}
    assert later[0]["sequence"] > entries[0]["sequence"]


def json_ld(page) -> dict:
    found = re.search(r'<script type="application/ld\+json">(.*?)</script>', page.text, re.DOTALL)
    assert found
    return json.loads(found[1])


async def test_search_engines_can_read_the_event(events, member):
    """The JSON-LD is valid whatever the texts hold, and says status, places, languages and dates."""
    nasty = '</script><script>alert("x")</script> & <b>'
    event_id = await events.published(member, words=words("en", nasty, nasty), online_link=LINK)
    await count(events, event_id, taken=4)
    page = await events.browser().get(f"/events/{event_id}")
    assert "<script>alert" not in page.text
    data = json_ld(page)
    assert data["name"] == nasty
    assert data["eventStatus"] == "https://schema.org/EventScheduled"
    assert data["eventAttendanceMode"] == "https://schema.org/MixedEventAttendanceMode"
    assert (data["remainingAttendeeCapacity"], data["maximumAttendeeCapacity"]) == (6, 10)
    assert data["inLanguage"] == ["de", "tr"]
    assert data["startDate"] == "2027-04-05T10:00:00+02:00"
    assert data["offers"]["availability"] == "https://schema.org/InStock"
    assert [place["@type"] for place in data["location"]] == ["Place", "VirtualLocation"]
    async with events.database.begin() as session:
        await cancel_event(session, member, event_id, {"de": "Krank"}, 2, NOW)
    cancelled = json_ld(await events.browser().get(f"/events/{event_id}"))
    assert cancelled["eventStatus"] == "https://schema.org/EventCancelled"
