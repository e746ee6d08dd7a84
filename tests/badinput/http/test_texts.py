"""Markup, formulas, other directions and invisible characters as text: kept, and given to everybody as text alone."""

import json
import re
from email import message_from_bytes
from email.policy import default
from html.parser import HTMLParser
from uuid import uuid4

import pytest
from icalendar import Calendar
from uuid6 import uuid7

from services.events.events.drafting import EventContent
from services.notifications.templates.facts import EventFacts, Telling
from services.notifications.templates.mail import render_mail
from services.notifications.templates.sms import render_sms
from shared.contracts.events import ContactPoint, Venue
from shared.contracts.notification_requests import Template
from shared.i18n.plain import lines, one_line
from tests.badinput.http.services import LANGUAGES
from tests.support import notifications as of_notifications
from tests.support import registration_pages as pages
from tests.support.events_service import content

MARKUP = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'</textarea></title>-->&lt;b&gt;{{7*7}}%(x)s"
FORMULA = "=cmd|' /C calc'!A0"
RTL = "שלום مرحبا علی\u200cرضا 👩\u200d👧 ﷽"
TWO_LINES = "BEGIN:VALARM\r\nATTACH:x;:,\\n"
HOSTILE = pytest.mark.parametrize("text", [MARKUP, FORMULA, RTL], ids=["markup", "formula", "directions"])
JSON_LD = re.compile(r'<script type="application/ld\+json"[^>]*>(.*?)</script>', re.DOTALL)
PAGE_SCRIPTS = re.compile(r"<script(?! src=| type=\"application/ld\+json\")")


class Markup(HTMLParser):
    """What a browser would make of a page: no element of ours has a handler, and no image is from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.found += [f"{tag} {name}" for name, _ in attrs if name.startswith("on") or name == "srcdoc"]
        self.found += [f"{name}={value}" for name, value in attrs if (value or "").strip().startswith("javascript:")]
        self.found += [tag] if tag == "img" and ("src", "x") in attrs else []


def is_harmless(page: str) -> bool:
    """No script but those that pages load, no handler, no address that runs."""
    markup = Markup()
    markup.feed(page)
    return not markup.found and not PAGE_SCRIPTS.search(page)


def hostile(text: str) -> dict:
    """An event in whose every text field the text stands."""
    words = {"title": text[:120], "text": f"{text}\n\n{TWO_LINES}", "access_notes": text, "contact_hours": text}
    return {
        "words": {"de": words, "ar": words},
        "venue_name": text,
        "venue_address": text,
        "online_link": 'https://a.b/"><script>alert(1)</script>',
        "contact_name": text,
        "contact_email": "\"'<b>&@a.bc",
    }


@HOSTILE
async def test_what_organisers_type_is_text_on_every_page_and_in_every_file(events, text):
    """Programme, event, calendar, search engines' data, console and API, in each language of pages."""
    service, member, _ = events.more
    event_id = await service.published(member, **hostile(text))
    code = (await service.row(event_id)).code
    console = f"/console/events/{event_id}"
    for language in LANGUAGES:
        browser = events.browser(language)
        for path in (
            "/events?q=" + code,
            f"/events/{code}",
            "/console",
            console,
            f"{console}/edit",
            f"{console}/cancel",
            f"{console}/posters",
        ):
            page = await browser.raw("GET", path)
            assert page.status == 200, path
            assert is_harmless(page.text), path
    data = json.loads(JSON_LD.search((await events.browser().get(f"/events/{code}")).text)[1])
    assert data["name"] == text[:120]
    assert data["description"].startswith(text)
    calendar = Calendar.from_ical((await events.browser("de").get(f"/events/{code}.ics")).body)
    [entry] = calendar.walk("VEVENT")
    assert str(entry["summary"]) == text[:120]
    assert not calendar.walk("VALARM")
    told = (await events.browser().get(f"/api/events/{code}")).json()
    assert (told["title"]["de"], told["venue"]["name"]) == (text[:120], text)


@HOSTILE
def test_what_organisers_type_is_text_in_mails_and_sms(text):
    """The HTML part runs nothing, the text part and the subject hold the words, and no header is added."""
    venue, contact = Venue(name=text, address=text), ContactPoint(name=text, phone="+49 30 23125001", languages=["de"])
    titles = {"de": f"{text}\r\nBcc: x@example.org", "ar": text}
    event = of_notifications.event(titles, venue=venue, contact=contact, text={"de": text})
    for language in LANGUAGES:
        facts = EventFacts(event, 3, text, language)
        link, data = "https://teilhabe.example/r/abc", {"party": 1, "state": "confirmed"}
        for template in ("confirmation", "changed", Template.ALREADY_REGISTERED):
            told = Telling(
                template, language, uuid4(), uuid4(), data=data, event=facts, link=link, first=True, name=text
            )
            mail = message_from_bytes(
                render_mail(told, address="a@example.org", sender="b@example.org").raw, policy=default
            )
            assert mail["bcc"] is None
            assert is_harmless(mail.get_body(("html",)).get_content())
            assert text.split()[0][:20] in mail["subject"] + mail.get_body(("plain",)).get_content()
            assert "\n" not in render_sms(told).partition("Bcc")[0][:30]


@HOSTILE
async def test_what_participants_type_is_text_in_the_organiser_s_list(registrations, text):
    """A name of any kind is kept as it was typed and shown as words."""
    event, _ = registrations.more
    name = text[:120]
    await pages.register(registrations.browser(), event, name=name)
    stored = [row.name for row in await pages.registrations(registrations.database, event)]
    assert name in stored
    member = await pages.signed_in(registrations.app, event)
    page = await member.get(f"/registrations/console/events/{event.id}")
    assert is_harmless(page.text)


def test_text_keeps_what_is_seen_and_what_joins():
    """Letters of every script, joiners, emoji and paragraphs stay; what nobody sees goes."""
    assert one_line(RTL) == RTL
    assert lines("a\r\nb\u2028c\td") == "a\nb\nc\td"
    assert lines("a\x00b\x1bc\ud800d\u202ee\u2066f\ufeffg") == "abcdefg"
    assert one_line("a\x00\r\n b\u00a0c") == "a b c"
    assert [one_line(text) for text in ("\u200b\u200d", "\x00", "\u202e\u202c", " \t")] == [""] * 4


def test_an_event_s_title_needs_something_that_is_seen():
    """Zero-width characters alone are no title, in a form or in JSON."""
    words = {"de": {"title": "\u200b\u202e\x00"}}
    with pytest.raises(ValueError, match="at least 1 character"):
        EventContent.model_validate(content().model_dump() | {"words": words})


async def test_invisible_characters_that_came_along_when_pasting_hinder_nobody(registrations):
    """Contacts are copied from chats with marks around them: number and address are understood."""
    event, _ = registrations.more
    browser = registrations.browser()
    asked = await pages.register(
        browser, event, channel="phone", email="", phone="\u202a+49 1512 3456789\u202c", name="علی\u200cرضا"
    )
    assert pages.where(asked) == f"/registrations/asked/{event.id}"
    address = f"{uuid7().hex}@example.org"
    assert "/r/" in pages.where(await pages.register(browser, event, email=f"\u200b{address}\ufeff"))
    known = {row.address: row.name for row in await pages.registrations(registrations.database, event)}
    assert known["+4915123456789"] == "علی\u200cرضا"
    assert address in known
