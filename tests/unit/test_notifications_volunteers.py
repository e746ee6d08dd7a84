"""What volunteers are told: before a shift, when somebody is missing, and about their certificate."""

import re
from email import message_from_bytes, policy
from email.policy import default as default_policy

import pytest

from services.notifications.templates.facts import EventFacts
from services.notifications.templates.mail import render_mail, source
from services.notifications.templates.sms import LIMIT, render_sms
from shared.i18n.formats import format_duration, format_range
from shared.i18n.languages import PAGE_LANGUAGES
from shared.sms.encoding import segments
from shared.sms.keywords import Intent, parse, word_for
from tests.support import notifications as given
from tests.support.notification_texts import LINK, facts, telling


@pytest.mark.parametrize("language", PAGE_LANGUAGES)
def test_a_certificate_is_told_with_its_hours_and_its_link(language):
    """However long the title is: the link is what the SMS is about, and stays; the mail leaves out what is over."""
    for event in (facts(language), EventFacts(given.event({"de": "Chor"}), 1, "Büro", language)):
        told = telling("certificate-ready", language, event)
        text = render_sms(told)
        assert segments(text).count <= LIMIT
        assert LINK in text
        assert format_duration(225, language, short=True) in text
        mail = message_from_bytes(
            render_mail(told, address="a@example.org", sender="t@example.org").raw, policy=policy.default
        )
        plain = mail.get_body(("plain",)).get_content()
        assert format_duration(225, language) in " ".join(plain.split())
        assert LINK in plain
        for body in (plain, mail.get_body(("html",)).get_content()):
            assert event.dates[0] not in body
            assert event.contact.name in body
        assert "text/calendar" not in [part.get_content_type() for part in mail.walk()]
    at_the_desk, by_mail = (telling("certificate-ready", language, by_desk=by_desk) for by_desk in (True, False))
    assert source(at_the_desk, "text")["text"] != source(by_mail, "text")["text"]


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("language", PAGE_LANGUAGES)
def test_the_question_before_a_shift_says_what_to_answer_in_two_segments(language, first):
    """Shift, time and the two words, however long the title is; where there is room, the place."""
    short = EventFacts(given.event({"de": "Küche – Stadtteilfest"}), 3, "Büro", language)
    for event in (short, facts(language)):
        text = render_sms(telling("shift-reminder", language, event, first=first, data={}))
        session = event.state.sessions[0]
        assert segments(text).count <= 2
        assert format_range(session.starts_at, session.ends_at, language, "Europe/Berlin", short=True) in text
        assert {word_for(Intent.YES, language), word_for(Intent.NO, language)} <= set(re.findall(r"\w+", text))
        assert LINK not in text
        assert first or event is not short or event.place in text
    for said, meant in ((Intent.YES, Intent.YES), (Intent.NO, Intent.NO)):
        assert parse(word_for(said, language), lambda _code: False).intent is meant


@pytest.mark.parametrize("language", PAGE_LANGUAGES)
def test_the_mail_before_a_shift_has_two_ways_to_answer(language):
    """Both lead to pages that only ask; a mail with one button has no second."""
    raw = render_mail(telling("shift-reminder", language, data={}), address="a@x.example", sender="t@x.example").raw
    mail = message_from_bytes(raw, policy=default_policy)
    assert re.findall(r'class="button[^"]*" href="([^"]*)"', mail.get_body(("html",)).get_content()) == [
        LINK,
        f"{LINK}/cancel",
    ]
    assert mail.get_body(("plain",)).get_content().count(LINK) == 2
    raw = render_mail(telling("offer", language), address="a@x.example", sender="t@x.example").raw
    html = message_from_bytes(raw, policy=default_policy).get_body(("html",)).get_content()
    assert html.count('class="button') == 1


@pytest.mark.parametrize("language", PAGE_LANGUAGES)
def test_who_is_asked_for_help_reads_how_to_say_yes_and_how_to_be_asked_no_more(language):
    """However long the title is: the time, the code with the number, and the link to the page that takes it back."""
    short = EventFacts(given.event({"de": "Küche – Stadtteilfest"}), 3, "Büro", language, number=4)
    for event in (short, EventFacts(given.event(given.LONG_TITLE), 3, "Büro", language, number=4)):
        told = telling(
            "shift-wanted", language, event, data={}, sign_up="https://teilhabe.example/registrations/shifts/1"
        )
        text = render_sms(told)
        session = event.state.sessions[0]
        assert format_range(session.starts_at, session.ends_at, language, "Europe/Berlin", short=True) in text
        assert "GARTEN 4" in text
        assert text.endswith(LINK)
        mail = message_from_bytes(
            render_mail(told, address="a@x.example", sender="t@x.example").raw, policy=default_policy
        )
        assert re.findall(r'class="button[^"]*" href="([^"]*)"', mail.get_body(("html",)).get_content()) == [
            "https://teilhabe.example/registrations/shifts/1#post-4",
            f"{LINK}#askable",
        ]


@pytest.mark.parametrize("language", PAGE_LANGUAGES)
def test_a_yes_to_a_shift_is_thanked_for_once(language):
    """One shift with its title and how to cancel; several with what they are texted by."""
    event = EventFacts(given.event({"de": "Küche – Stadtteilfest"}), 3, "Büro", language)
    one = render_sms(telling("sms-coming", language, event, data={"codes": ["GARTEN 3"]}, first=False))
    assert "Küche" in one
    assert f"{word_for(Intent.CANCEL, language)} GARTEN" in one
    several = render_sms(telling("sms-coming", language, None, data={"codes": ["GARTEN 3", "HAFEN 12"]}, first=False))
    assert "GARTEN 3, HAFEN 12." in several
    assert segments(one).count <= 2
    assert segments(several).count <= 2
