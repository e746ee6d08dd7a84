"""Notifications as mails: subject, text and HTML, tickets, logos, and who hosts."""

import re
from email import message_from_bytes, policy
from email.policy import default as default_policy
from uuid import uuid4

import pytest
from markupsafe import escape

from services.notifications.deliveries.composing import MAILS
from services.notifications.deliveries.rendering import reading_language
from services.notifications.templates.environment import MESSAGES
from services.notifications.templates.facts import EventFacts, Logo, Telling, one_line
from services.notifications.templates.mail import UnusableAddressError, render_mail
from services.notifications.templates.sms import render_sms
from shared.auth.members import Profile
from shared.contracts.events import ContactPoint
from shared.i18n.formats import language_name
from shared.i18n.languages import PAGE_LANGUAGES
from shared.tickets import png, qr_code, ticket_url
from tests.support import notifications as given
from tests.support.notification_texts import DATA, LINK, TICKET, facts, telling

MAIL = sorted(path.name.removesuffix(".mail.txt") for path in MESSAGES.glob("*.mail.txt") if "layout" not in path.name)


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
