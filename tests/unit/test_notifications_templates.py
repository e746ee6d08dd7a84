"""The texts: every notification in every language, short enough, and without what phones and mails choke on."""

from datetime import timedelta
from email import message_from_bytes, policy
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest

from services.notifications.deliveries.composing import CANCELLED, MAILS, TEMPLATES
from services.notifications.templates.environment import MESSAGES
from services.notifications.templates.facts import EventFacts
from services.notifications.templates.mail import render_mail
from services.notifications.templates.sms import LIMIT, LIMITS, render_sms
from shared.contracts.events import Session
from shared.contracts.notification_requests import Template
from shared.i18n.formats import format_range
from shared.i18n.languages import PAGE_LANGUAGES
from shared.sms.encoding import FORBIDDEN, segments
from shared.sms.keywords import Intent, parse, word_for
from tests.support import notifications as given
from tests.support.notification_texts import facts, telling

ANSWERED_HERE = ("stopped", "started", "still-stopped")
SMS = sorted(path.name.removesuffix(".sms.txt") for path in MESSAGES.glob("*.sms.txt"))
MAIL = sorted(path.name.removesuffix(".mail.txt") for path in MESSAGES.glob("*.mail.txt") if "layout" not in path.name)


def test_there_is_a_text_for_everything_that_can_be_asked_for():
    """No message and no request ends in a template that does not exist."""
    wanted = {*TEMPLATES.values(), *CANCELLED.values(), *map(str, Template), *ANSWERED_HERE}
    assert set(SMS) | set(MAIL) == wanted
    assert set(SMS) == wanted - set(MAILS)
    of_mail = {name for name in wanted if not name.startswith("sms-")} - {"confirm-number", *ANSWERED_HERE}
    assert set(MAIL) == of_mail


@pytest.mark.parametrize("language", PAGE_LANGUAGES)
@pytest.mark.parametrize("name", SMS)
def test_sms_renders_within_its_limit_and_without_invisible_characters(name, language):
    """With a title that is far too long, an SMS stays short, and holds no bidi control and no markup."""
    text = render_sms(telling(name, language))
    assert segments(text).count <= LIMITS.get(name, LIMIT), text
    assert not FORBIDDEN.intersection(text)
    assert not {"&amp;", "&#", "<b", "%(", "{{"} & {text[i : i + n] for n in (2, 5) for i in range(len(text))}
    assert text.count("http") <= 1
    assert "  " not in text


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("language", PAGE_LANGUAGES)
def test_confirmation_fits_two_segments_with_all_that_a_person_needs(language, first):
    """However long the title is: the date in full, the code, how to cancel, and to a new number how to stop."""
    event = facts(language)
    text = render_sms(telling("confirmation", language, event, first=first))
    session = event.state.sessions[0]
    when = format_range(session.starts_at, session.ends_at, language, "Europe/Berlin", short=True)
    assert segments(text).count <= 2
    assert when in text
    assert f"{word_for(Intent.CANCEL, language)} GARTEN" in text
    assert (word_for(Intent.STOP, language) in text) is first


@pytest.mark.parametrize("language", PAGE_LANGUAGES)
def test_confirmation_says_the_code_for_the_door(language):
    """In every language; it gives way only where a title could not be read any more, and STATUS says it then."""
    short = EventFacts(given.event({"de": "Garten zusammen"}), 3, "Büro", language)
    code = "482913" if language == "ar" else "482 913"
    for event in (short, facts(language)):
        assert code in render_sms(telling("confirmation", language, event, first=False))
    crowded = render_sms(telling("confirmation", language, first=True))
    assert code in crowded or len(crowded.partition("...")[0]) > 24
    assert code in render_sms(telling("sms-status", language))


@pytest.mark.parametrize("language", PAGE_LANGUAGES)
def test_what_we_tell_people_to_text_is_what_we_understand(language):
    """The words in our own texts, copied into an answer, mean what we said they mean."""
    cancel = parse(f"{word_for(Intent.CANCEL, language)} GARTEN.", lambda code: code == "GARTEN")
    assert (cancel.intent, cancel.code) == (Intent.CANCEL, "GARTEN")
    yes = parse(f"{word_for(Intent.YES, language)} GARTEN.", lambda code: code == "GARTEN")
    assert (yes.intent, yes.code) == (Intent.YES, "GARTEN")


def test_title_is_shortened_at_a_word_and_the_date_never():
    """What does not fit goes from the end of the title, at a word, with three dots."""
    text = render_sms(telling("confirmation", "tr"))
    assert "..." in text
    cut = text[: text.index("...")].rpartition(" ")[2]
    assert cut.rstrip(",:") in given.LONG_TITLE["tr"].replace(",", "").replace(":", "").split()


def test_title_of_one_endless_word_is_cut_inside_it():
    """A title without a space cannot push the date out either."""
    event = EventFacts(given.event({"de": "Ж" * 300}), 1, "Büro", "uk")
    text = render_sms(telling("confirmation", "uk", event))
    assert segments(text).count <= 2
    assert "10:00" in text


def test_short_title_leaves_room_for_place_contact_and_link():
    """Where there is room, the SMS also names the place, the link, and whom to ask."""
    event = EventFacts(given.event({"de": "Chor"}), 1, "Büro", "de")
    text = render_sms(telling("confirmation", "de", event, data={"party": 1}, link="https://t.example/r/abc"))
    assert "Stadtteilhaus, Marktstraße 5" in text
    assert "+49 30 23125001" in text
    assert text.endswith("https://t.example/r/abc")


def test_course_says_its_first_date_and_how_many_more_there_are():
    """A course of three evenings is one line in an SMS, and three in a mail."""
    first = given.event().sessions[0]
    sessions = [
        Session(
            id=uuid4(), starts_at=first.starts_at + timedelta(days=7 * n), ends_at=first.ends_at + timedelta(days=7 * n)
        )
        for n in range(3)
    ]
    event = EventFacts(given.event({"de": "Kurs"}, sessions=sessions), 1, "Büro", "en")
    assert "and 2 more dates" in render_sms(telling("confirmation", "en", event))
    mail = render_mail(telling("confirmation", "en", event), address="a@example.org", sender="t@example.org")
    assert mail.raw.count(b"10:00") >= 6


@pytest.mark.parametrize("language", PAGE_LANGUAGES)
def test_no_notification_names_a_date_that_does_not_hold(language):
    """While an event is postponed each one says so where the date stood, and none brings a date into a calendar."""
    event = facts(language, status="postponed")
    session = event.state.sessions[0]
    clock = session.starts_at.astimezone(ZoneInfo("Europe/Berlin")).strftime("%H:%M")
    for name in ("confirmation", "offer", "waitlist", "already-registered", "party-changed"):
        told = telling(name, language, event, data={"party": 1, "state": "confirmed", "position": 2})
        mail = render_mail(told, address="a@example.org", sender="t@example.org").raw
        text = message_from_bytes(mail, policy=policy.default).get_body(("plain",)).get_content()
        assert clock not in render_sms(told), name
        assert clock not in text, name
        assert b"text/calendar" not in mail, name


@pytest.mark.parametrize("language", PAGE_LANGUAGES)
def test_a_postponement_takes_the_date_out_of_the_calendar_and_says_why(language):
    """The old date and the reason stand in SMS and mail; the file cancels the entry."""
    event = facts(language, status="postponed", postponement_reason={"de": "Sturm"})
    told = telling("postponed", language, event, data={"planned": "2026-12-05T09:00:00+00:00", "state": "confirmed"})
    mail = render_mail(told, address="a@example.org", sender="t@example.org").raw
    document = message_from_bytes(mail, policy=policy.default)
    calendar = next(part for part in document.walk() if part.get_content_type() == "text/calendar")
    assert calendar.get_param("method") == "CANCEL"
    for text in (render_sms(told), document.get_body(("plain",)).get_content()):
        assert "10:00" in text
        assert "Sturm" in text


def test_a_status_says_of_which_events_the_date_is_not_known():
    """Of two registrations only the postponed one is called so."""
    lines = ["GARTEN|confirmed|3||postponed", "HAFEN|confirmed|1|"]
    text = render_sms(telling("sms-status", "en", data={"lines": lines}))
    assert text.startswith("GARTEN: confirmed, 3 people. Postponed, the new date is not known yet. HAFEN: confirmed")
    assert text.count("Postponed") == 1


@pytest.mark.parametrize("language", PAGE_LANGUAGES)
def test_with_the_new_date_an_open_offer_has_its_new_time(language):
    """Whoever was offered a place reads until when to answer, others that they stay registered."""
    data = {"state": "offered", "until": "2026-12-02T17:00:00+00:00"}
    asked = render_sms(telling("rescheduled", language, data=data))
    assert "18:00" in asked
    assert f"{word_for(Intent.YES, language)} GARTEN" in asked
    assert "18:00" not in render_sms(telling("rescheduled", language, data={"state": "confirmed"}))
