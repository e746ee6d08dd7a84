"""The texts: every notification in every language, short enough, and without what phones and mails choke on."""

import re
from datetime import timedelta
from email import message_from_bytes, policy
from email.policy import default as default_policy
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from markupsafe import escape

from services.notifications.deliveries.composing import CANCELLED, MAILS, TEMPLATES
from services.notifications.deliveries.rendering import reading_language
from services.notifications.templates.environment import MESSAGES
from services.notifications.templates.facts import EventFacts, Logo, Telling, one_line
from services.notifications.templates.mail import UnusableAddressError, render_mail, source
from services.notifications.templates.sms import LIMIT, LIMITS, render_sms
from shared.auth.members import Profile
from shared.contracts.events import ContactPoint, Session
from shared.contracts.notification_requests import Template
from shared.i18n.formats import format_duration, format_range, language_name
from shared.i18n.languages import PAGE_LANGUAGES
from shared.sms.encoding import FORBIDDEN, segments
from shared.sms.keywords import Intent, parse, word_for
from shared.tickets import png, qr_code, ticket_url
from tests.support import notifications as given

ANSWERED_HERE = ("stopped", "started", "still-stopped")
SMS = sorted(path.name.removesuffix(".sms.txt") for path in MESSAGES.glob("*.sms.txt"))
MAIL = sorted(path.name.removesuffix(".mail.txt") for path in MESSAGES.glob("*.mail.txt") if "layout" not in path.name)
TICKET = "482913551204"
LINK = "https://teilhabe.example/r/abcdefghijklmnop"
DATA = {
    "party": 12,
    "previous": 3,
    "position": 14,
    "holds": True,
    "until": "2026-12-02T17:00:00+00:00",
    "state": "offered",
    "code": "GARTEN",
    "word": "YES",
    "codes": ["GARTEN", "HAFEN"],
    "lines": ["GARTEN|confirmed|3|||482 913", "HAFEN|offered|1|2026-12-02T17:00:00+00:00", "MARKT|waitlisted|2|"],
    "largest": 5,
    "why": "closed",
    "minutes": 225,
    "shares": ["1|contact|no|Migrantenselbstorganisation der Stadt und der Region Demostadt", "2|names|yes|Haus"],
    "shifts": [
        "3|2026-12-05T09:00:00+00:00|2026-12-05T12:00:00+00:00|Dolmetschen",
        "7|2026-12-05T12:00:00+00:00|2026-12-05T15:00:00+00:00|Küche",
    ],
    "more": 2,
    "full": "",
    "host": "Integrationsbüro",
    "event_title": "Nähen",
    "role": "owner",
    "declined_for": "certificate",
    "waiting": 3,
    "step": 2,
    "result": "left",
    "planned": "2026-12-05T09:00:00+00:00",
}


def facts(language, **changes):
    return EventFacts(given.event(given.LONG_TITLE, **changes), 3, "Integrationsbüro", language)


def telling(template, language="de", event=None, **changes):
    values = {"data": DATA, "event": event or facts(language), "link": LINK, "first": True, "name": "N"}
    values |= {"ticket": TICKET, "ticket_address": ticket_url("https://teilhabe.example", "GARTEN", TICKET)}
    return Telling(template, language, uuid4(), uuid4(), **values | changes)


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


@pytest.mark.parametrize("language", PAGE_LANGUAGES)
@pytest.mark.parametrize("name", MAIL)
def test_mail_renders_with_subject_text_and_html(name, language):
    """Every mail has a subject, both parts, and nothing left unfilled."""
    unsubscribe = None if name in MAILS else "https://teilhabe.example/notifications/unsubscribe/x"
    event = None if name in MAILS else facts(language)
    told = Telling(name, language, uuid4(), uuid4(), DATA, event, "N", LINK, unsubscribe=unsubscribe)
    mail = render_mail(told, address="a@example.org", sender="t@example.org")
    assert mail.subject
    assert b"%(" not in mail.raw
    assert b"text/plain" in mail.raw
    assert b"text/html" in mail.raw


@pytest.mark.parametrize(
    ("name", "state", "shown"),
    [
        ("confirmation", "", True),
        ("already-registered", "confirmed", True),
        ("already-registered", "waitlisted", False),
        ("waitlist", "", False),
        ("offer", "", False),
        ("cancelled", "confirmed", False),
    ],
)
def test_the_ticket_is_for_who_has_a_place(name, state, shown):
    """Code and QR code stand in the mail to a confirmed party alone; the picture is a part of the mail itself."""
    raw = render_mail(telling(name, data=DATA | {"state": state}), address="a@example.org", sender="t@example.org").raw
    mail = message_from_bytes(raw, policy=policy.default)
    bodies = [mail.get_body((kind,)).get_content() for kind in ("plain", "html")]
    pictures = [part for part in mail.walk() if part.get_content_type() == "image/png"]
    assert [("482 913" in body) for body in bodies] == [shown, shown]
    assert len(pictures) == shown
    if shown:
        address = ticket_url("https://teilhabe.example", "GARTEN", TICKET)
        assert pictures[0].get_content() == png(qr_code(address))
        assert pictures[0]["Content-ID"] == "<ticket>"
        assert 'src="cid:ticket"' in bodies[1]


def test_who_reads_from_the_right_sees_numbers_in_their_order():
    """Groups of digits change places there, unless they are one or something that runs from the left is before them."""
    status = render_sms(telling("sms-status", "ar"))
    assert "482913" in render_sms(telling("confirmation", "ar", first=False))
    assert "482913" in status
    assert "482 913" not in status
    raw = render_mail(telling("confirmation", "ar"), address="a@example.org", sender="t@example.org").raw
    assert "\u200e482 913" in message_from_bytes(raw, policy=policy.default).get_body(("plain",)).get_content()


def test_what_people_wrote_is_text_in_html():
    """Markup in a title, a name or a contact point does nothing in a mail."""
    evil = "<img src=x onerror=alert(1)>"
    event = EventFacts(given.event({"de": evil}, contact=ContactPoint(name=evil, hours={"de": evil})), 1, evil, "de")
    mail = render_mail(telling("confirmation", event=event, name=evil), address="a@example.org", sender="t@example.org")
    assert b"<img src=x" not in mail.raw.replace(b"=3D", b"=").split(b"text/html")[1]


@pytest.mark.parametrize("address", ["", "a b", "x@y@z", "a@example.org\r\nBcc: b@example.org"])
def test_address_that_is_none_is_refused(address):
    """What cannot stand in a header is an error, never another header."""
    with pytest.raises(UnusableAddressError):
        render_mail(telling("confirmation"), address=address, sender="t@example.org")


def test_line_breaks_and_controls_become_spaces():
    """One line is one line, whatever was typed."""
    assert one_line(" a\r\nb\tc\x00d\u2028e ") == "a b c d e"


@pytest.mark.parametrize(
    ("wanted", "got"), [("de", "de"), ("kmr", "tr"), ("de-simple", "de"), ("fa", "en"), ("xx", "de"), ("", "de")]
)
def test_language_without_texts_falls_back_along_its_chain(wanted, got):
    """Kurmanji readers get Turkish, Leichte Sprache gets German, never an empty text."""
    assert reading_language(wanted) == got


def test_rendering_compiles_each_template_once():
    """The second person costs no compilation: the compiled template is the same object."""
    from services.notifications.templates.environment import template

    assert template("confirmation.sms.txt", "de", "sms") is template("confirmation.sms.txt", "de", "sms")


@pytest.mark.parametrize("language", PAGE_LANGUAGES)
def test_a_mail_names_everybody_who_hosts_with_whom_to_ask_there(language):
    """Both organisations sign, and the co-host's number and languages stand there in the reader's language."""
    contact = ContactPoint(name="Sprechstunde", phone="+49 30 23125099")
    guest = Profile(uuid4(), {"de": "Haus der Kulturen"}, "association", ["ar"], contact)
    event = EventFacts(given.event(), 1, "Integrationsbüro", language, [guest])
    mail = render_mail(telling("confirmation", language, event), address="a@example.org", sender="t@example.org")
    parts = message_from_bytes(mail.raw, policy=default_policy)
    for kind in ("plain", "html"):
        text = parts.get_body((kind,)).get_content()
        assert text.count("Haus der Kulturen") == 2
        assert "Integrationsbüro" in text
        assert "+49 30 23125099" in text
        assert language_name("ar", language) in text


def test_a_mail_brings_the_logos_of_all_hosts_along():
    """Each is a part of the mail under the name that its HTML uses, with the organisation's name for who sees none."""
    logos = [Logo('Büro "Mitte"', b"\x89PNG first"), Logo("Haus der Kulturen", b"\x89PNG second")]
    event = EventFacts(given.event(), 1, "Integrationsbüro", "de", logos=logos)
    told = telling("confirmation", "de", event)
    parts = message_from_bytes(
        render_mail(told, address="a@x.example", sender="t@x.example").raw, policy=default_policy
    )
    html = parts.get_body(("html",)).get_content()
    pictures = {
        part["content-id"]: part.get_content() for part in parts.walk() if part.get_content_type() == "image/png"
    }
    for number, logo in enumerate(logos):
        assert f'src="cid:logo-{number}" alt="{escape(logo.name)}"' in html
        assert pictures[f"<logo-{number}>"] == logo.png
    assert "http" not in "".join(re.findall(r'src="([^"]*)', html))


@pytest.mark.parametrize("template", ["co-host-invited", "co-host-changed"])
def test_who_is_asked_to_co_host_reads_names_in_their_own_language(template):
    """A mail to an Arabic reader names host and event in Arabic where they have such names."""
    texts = {"host": ["de|Willkommensamt", "ar|مكتب الترحيب"], "event_title": ["de|Kreis", "ar|حلقة الجوار"]}
    told = Telling(template, "ar", uuid4(), uuid4(), texts | {"state": "accepted"}, None, None, LINK)
    mail = render_mail(told, address="a@example.org", sender="t@example.org")
    body = message_from_bytes(mail.raw, policy=default_policy).get_body(("plain",)).get_content()
    assert "مكتب الترحيب" in body
    assert "حلقة الجوار" in body
    assert "Willkommensamt" not in body
