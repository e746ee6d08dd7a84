"""The adapter for mail, against a server that speaks SMTP."""

from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import default
from uuid import uuid4

import pytest
from aiosmtpd.controller import Controller
from icalendar import Calendar

from services.notifications.deliveries.sending import Providers, Sender
from services.notifications.optouts.tokens import unsubscribe_token
from services.notifications.providers.port import NotRetryableError, OutgoingMail, RetryableError, ThrottledError
from services.notifications.providers.smtp import SmtpMail
from services.notifications.templates.mail import Mail
from shared.contracts.notification_requests import Secret, Template
from shared.contracts.registrations import EndedBy, RegistrationCancelled, RegistrationConfirmed
from shared.i18n.languages import PAGE_LANGUAGES
from tests.support import notifications as given


@pytest.fixture(scope="module")
async def database(database_url):
    async with given.open_database(database_url("notifications")) as database:
        yield database


class Inbox:
    """A mail server that keeps what it takes; `refuse` is its answer to RCPT instead of yes."""

    def __init__(self):
        self.taken = []
        self.peers = set()
        self.refuse = ""

    async def handle_RCPT(self, _server, _session, envelope, address, options):  # noqa: N802 - aiosmtpd's name
        if self.refuse:
            return self.refuse
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 OK"

    async def handle_DATA(self, _server, session, envelope):  # noqa: N802 - aiosmtpd's name
        self.peers.add(session.peer)
        self.taken.append((envelope.mail_from, envelope.rcpt_tos, envelope.content))
        return "250 taken"


@pytest.fixture
def inbox(free_port):
    inbox = Inbox()
    controller = Controller(inbox, hostname="127.0.0.1", port=free_port(), enable_SMTPUTF8=True)
    controller.start()
    inbox.port = controller.port
    yield inbox
    controller.stop()


@pytest.fixture
async def mail_provider(inbox):
    provider = smtp(inbox.port)
    yield provider
    await provider.close()


def smtp(port, security="none"):
    return SmtpMail(
        host="127.0.0.1",
        port=port,
        security=security,
        user="",
        password="",
        connections=2,
        timeout=timedelta(seconds=2),
    )


async def mailed(database, provider, message, language="de", address="person@example.org"):
    """Hand a message in, send it by SMTP, and read it as a mail program does."""
    person_id = message.person_id
    await given.publish_contact(
        database, person_id, version=2, language=language, email=address, name="N\r\nBcc: x@y.z"
    )
    await given.hand_in(database, message)
    fake = given.FakeProvider()
    await Sender(database, given.VAULT, given.settings(), Providers(fake, provider), given.later).send_mail()


async def event_mail(database, provider, inbox, kind, language="de", title=None, **more):
    state = given.event(title=title)
    await given.publish_event(database, state, version=4)
    await given.publish_organisation(database, state.organisation_id, name="Büro\r\nBcc: evil@example.org")
    message = given.registered(kind, state.id, uuid4(), party=2, **more)
    await mailed(database, provider, message, language)
    sender, recipients, content = inbox.taken[-1]
    return state, sender, recipients, message_from_bytes(content, policy=default)


@pytest.mark.parametrize("language", PAGE_LANGUAGES)
async def test_mail_arrives_whole_in_each_language(database, mail_provider, inbox, language):
    """Text and HTML say the same, in the reader's language and direction, with the link and the contact."""
    _, sender, recipients, mail = await event_mail(
        database, mail_provider, inbox, RegistrationConfirmed, language, given.LONG_TITLE, token="secretlink"
    )
    assert (sender, recipients) == ("teilhabe@example.org", ["person@example.org"])
    plain, html = (mail.get_body((kind,)).get_content() for kind in ("plain", "html"))
    link = "http://127.0.0.1:8720/r/secretlink"
    assert link in plain
    assert f'href="{link}"' in html
    for part in (plain, html):
        assert "GARTEN" in part
        assert "+49 30 23125001" in part
    assert f'<html lang="{language}" dir="{"rtl" if language == "ar" else "ltr"}">' in html
    assert mail["Content-Language"] == language
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    token = unsubscribe_token(given.VAULT, "person@example.org")
    assert mail["List-Unsubscribe"] == f"<http://127.0.0.1:8730/notifications/unsubscribe/{token}>"


async def test_titles_and_names_cannot_add_headers(database, mail_provider, inbox):
    """Line breaks in a title, an organisation's or a person's name stay text."""
    evil = {"de": "Fest\r\nBcc: evil@example.org\r\n\r\n<script>alert(1)</script>"}
    _, _, recipients, mail = await event_mail(database, mail_provider, inbox, RegistrationConfirmed, title=evil)
    assert recipients == ["person@example.org"]
    assert mail["Bcc"] is None
    assert "\n" not in mail["Subject"]
    assert mail["From"].addresses[0].display_name == "Büro Bcc: evil@example.org"
    assert "<script>" not in mail.get_body(("html",)).get_content()


@pytest.mark.parametrize(
    ("kind", "more", "method", "status"),
    [
        (RegistrationConfirmed, {}, "PUBLISH", "CONFIRMED"),
        (RegistrationCancelled, {"by": EndedBy.PERSON}, "CANCEL", "CANCELLED"),
    ],
)
async def test_calendar_file_fits_the_mail(database, mail_provider, inbox, kind, more, method, status):
    """The entry bears the session's own id and the event's version, so that a later one replaces it."""
    state, _, _, mail = await event_mail(database, mail_provider, inbox, kind, **more)
    (attachment,) = mail.iter_attachments()
    assert attachment.get_content_type() == "text/calendar"
    assert attachment.get_param("method") == method
    calendar = Calendar.from_ical(attachment.get_payload(decode=True))
    (entry,) = calendar.walk("VEVENT")
    session = state.sessions[0]
    assert calendar["method"] == method
    assert (entry["uid"], entry["sequence"], entry["status"]) == (f"{session.id}@teilhabe", 4, status)
    assert entry.decoded("dtstart") == session.starts_at
    assert entry.decoded("dtend") == session.ends_at
    assert str(entry["summary"]) == "Gemeinsam gärtnern"


async def test_sign_in_mail_has_a_link_and_no_unsubscribe(database, mail_provider, inbox):
    """Nobody can unsubscribe from the link that they ask for themselves."""
    person_id = await given.publish_contact(database, email="member@example.org")
    expires = datetime.now(UTC) + timedelta(minutes=15)
    request = given.requested(Template.SIGN_IN, secret=Secret(token="tok"), person_id=person_id, expires_at=expires)
    await mailed(database, mail_provider, request, address="member@example.org")
    mail = message_from_bytes(inbox.taken[-1][2], policy=default)
    assert "http://127.0.0.1:8710/sign-in/tok" in mail.get_body(("plain",)).get_content()
    assert mail["List-Unsubscribe"] is None
    assert list(mail.iter_attachments()) == []


def outgoing(address="person@example.org"):
    return OutgoingMail(uuid4(), uuid4(), Mail("teilhabe@example.org", address, "S", b"Subject: S\r\n\r\nText\r\n"))


async def test_connections_are_kept(mail_provider, inbox):
    """Ten mails one after the other need one connection."""
    for _ in range(10):
        await mail_provider.send(outgoing())
    assert (len(inbox.taken), len(inbox.peers)) == (10, 1)


async def test_connection_that_the_server_closed_is_made_anew(mail_provider, inbox):
    """A kept connection that died in the meantime costs no mail."""
    await mail_provider.send(outgoing())
    mail_provider._idle[0].close()
    await mail_provider.send(outgoing())
    assert (len(inbox.taken), len(inbox.peers)) == (2, 2)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ("550 no such user", NotRetryableError),
        ("451 slow down", ThrottledError),
        ("452 too many", ThrottledError),
        ("454 later", RetryableError),
    ],
)
async def test_refusals_of_a_mail_server_are_told_apart(mail_provider, inbox, answer, error):
    """For good, for now, too fast: each has its own consequence, and the next mail goes out."""
    inbox.refuse = answer
    with pytest.raises(error) as raised:
        await mail_provider.send(outgoing())
    assert (type(raised.value), raised.value.code) == (error, f"smtp-{answer[:3]}")
    inbox.refuse = ""
    await mail_provider.send(outgoing())


async def test_mail_server_that_offers_no_starttls_gets_no_mail(inbox):
    """Where encryption is asked for, nothing goes out without it."""
    provider = smtp(inbox.port, "starttls")
    with pytest.raises(RetryableError):
        await provider.send(outgoing())
    assert inbox.taken == []


async def test_mail_server_that_is_not_there_is_retryable(free_port):
    """When nothing was given to anybody, it can be given again."""
    with pytest.raises(RetryableError):
        await smtp(free_port()).send(outgoing())


async def test_address_with_letters_beyond_ascii_is_written_to(mail_provider, inbox):
    """A mail server that knows SMTPUTF8 gets addresses as people write them."""
    await mail_provider.send(outgoing("grüße@example.org"))
    assert inbox.taken[-1][1] == ["grüße@example.org"]
