"""The adapters, each against a server that speaks its protocol: a Twilio-compatible HTTP API, and SMTP."""

import asyncio
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import default
from uuid import uuid4

import pytest
from aiohttp import encode_basic_auth, web
from aiosmtpd.controller import Controller
from icalendar import Calendar
from sqlalchemy import text

from services.notifications.deliveries.sending import Providers, Sender
from services.notifications.main import create_api
from services.notifications.optouts.tokens import unsubscribe_token
from services.notifications.providers.port import (
    NotRetryableError,
    OptedOutError,
    OutgoingMail,
    OutgoingSms,
    RetryableError,
    ThrottledError,
    UnknownOutcomeError,
)
from services.notifications.providers.smtp import SmtpMail
from services.notifications.providers.twilio import TwilioSms, signature
from services.notifications.templates.mail import Mail
from shared.contracts.notification_requests import Secret, Template
from shared.contracts.registrations import EndedBy, RegistrationCancelled, RegistrationConfirmed
from shared.database.engine import Database
from shared.database.migrations import upgrade
from shared.i18n.languages import PAGE_LANGUAGES
from tests.support import notifications as given
from tests.support.asgi_client import AsgiClient

TOKEN = "token"


@pytest.fixture(scope="module")
async def database(database_url):
    url = database_url("notifications")
    await asyncio.to_thread(upgrade, "notifications", url)
    database = Database(url)
    yield database
    await database.close()


class FakeTwilio:
    """Answers as Twilio does; `answers` holds (status, body) to give instead of success."""

    def __init__(self):
        self.posted = []
        self.answers = []
        self.hang = False

    async def create(self, request):
        form = dict(await request.post())
        authorized = request.headers["authorization"] == encode_basic_auth("AC1", TOKEN)
        self.posted.append((request.path, authorized, form))
        if self.hang:
            await asyncio.sleep(5)
        if self.answers:
            status, body, headers = self.answers.pop(0)
            return web.json_response(body, status=status, headers=headers)
        return web.json_response({"sid": f"SM{len(self.posted)}", "status": "queued"}, status=201)


@pytest.fixture
async def twilio():
    fake = FakeTwilio()
    app = web.Application()
    app.router.add_post("/2010-04-01/Accounts/{account}/Messages.json", fake.create)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    fake.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield fake
    await runner.cleanup()


@pytest.fixture
async def sms_provider(twilio):
    provider = adapter(twilio.url)
    yield provider
    await provider.close()


def adapter(url):
    return TwilioSms(
        url=url,
        account="AC1",
        token=TOKEN,
        sender="+493023125000",
        callback="https://teilhabe.example",
        timeout=timedelta(seconds=1),
        connections=4,
    )


def sms(said="Hallo"):
    return OutgoingSms(uuid4(), uuid4(), "+493023125042", said)


async def test_sms_is_posted_as_twilio_wants_it(twilio, sms_provider):
    """To, From, Body and a callback that names the delivery go out with the account's credentials."""
    message = sms("Grüße")
    accepted = await sms_provider.send(message)
    path, authorized, form = twilio.posted[0]
    assert (path, authorized) == ("/2010-04-01/Accounts/AC1/Messages.json", True)
    assert form == {
        "From": "+493023125000",
        "To": "+493023125042",
        "Body": "Grüße",
        "StatusCallback": f"https://teilhabe.example/notifications/twilio/receipts?delivery={message.delivery_id}",
    }
    assert accepted.provider_id == "SM1"


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (400, 21610, OptedOutError),
        (400, 21211, NotRetryableError),
        (400, 21614, NotRetryableError),
        (429, 20429, ThrottledError),
        (500, None, RetryableError),
        (503, 20503, RetryableError),
        (401, 20003, NotRetryableError),
    ],
)
async def test_refusals_of_twilio_are_told_apart(twilio, sms_provider, status, code, error):
    """Opted out, not valid, too fast, broken for now: each has its own consequence."""
    twilio.answers.append((status, {"code": code}, {"retry-after": "7"}))
    with pytest.raises(error) as raised:
        await sms_provider.send(sms())
    assert type(raised.value) is error
    if error is ThrottledError:
        assert raised.value.wait == timedelta(seconds=7)


async def test_answer_that_never_comes_is_an_unknown_outcome(twilio, sms_provider):
    """When Twilio was given an SMS and said nothing, nobody may say that it was not sent."""
    twilio.hang = True
    with pytest.raises(UnknownOutcomeError):
        await sms_provider.send(sms())


async def test_server_that_is_not_there_is_retryable(free_port):
    """When nothing was given to anybody, it can be given again."""
    provider = adapter(f"http://127.0.0.1:{free_port()}")
    with pytest.raises(RetryableError):
        await provider.send(sms())
    await provider.close()


@pytest.fixture
async def api(database):
    settings = given.settings(
        database.url,
        sms_provider="twilio",
        twilio_account="AC1",
        twilio_token=TOKEN,
        notifications_url="https://teilhabe.example",
    )
    app = create_api(settings)
    yield AsgiClient(app)
    await app.state.database.close()


def signed(url, form):
    given_signature = signature(TOKEN, f"https://teilhabe.example{url}", form.items())
    return {"x-twilio-signature": given_signature}


async def one(database, statement, **values):
    async with database.read() as session:
        return (await session.execute(text(statement), values)).one()


async def test_signed_text_is_stored_and_an_unsigned_one_refused(api, database):
    """Only whoever knows the token can bring texts in; a repeated webhook is one text."""
    url = "/notifications/twilio/inbound"
    form = {"From": "+493023125043", "Body": "GARTEN 2", "MessageSid": "SMin1"}
    assert (await api.post(url, form)).status == 403
    assert (await api.post(url, form | {"Body": "STOP"}, signed(url, form))).status == 403
    for _ in range(2):
        answer = await api.post(url, form, signed(url, form))
        assert (answer.status, answer.headers["content-type"]) == (200, "text/xml; charset=utf-8")
    row = await one(database, "SELECT count(*) AS n FROM inbound WHERE provider_id = 'SMin1'")
    assert row.n == 1


async def test_text_from_no_number_is_answered_and_dropped(api, database):
    """A sender's name instead of a number cannot be answered and causes no repetition."""
    url = "/notifications/twilio/inbound"
    form = {"From": "Bank", "Body": "Your code", "MessageSid": "SMin2"}
    assert (await api.post(url, form, signed(url, form))).status == 200
    assert (await one(database, "SELECT count(*) AS n FROM inbound WHERE provider_id = 'SMin2'")).n == 0


async def report(api, delivery_id, status, sid="SM1", **more):
    url = f"/notifications/twilio/receipts?delivery={delivery_id}"
    form = {"MessageSid": sid, "MessageStatus": status, "To": "+493023125042", **more}
    return await api.post(url, form, signed(url, form))


async def sent_by_twilio(database, twilio):
    person_id = await given.confirmed(database)
    provider = adapter(twilio.url)
    sender = Sender(database, given.VAULT, given.settings(), Providers(provider, provider), later)
    await sender.send_sms()
    await provider.close()
    return (await one(database, "SELECT id FROM deliveries WHERE person_id = :id", id=person_id)).id


def later():
    return datetime.now(UTC) + timedelta(minutes=1)


async def delivery(database, delivery_id):
    return await one(database, "SELECT * FROM deliveries WHERE id = :id", id=delivery_id)


async def test_receipts_say_what_became_of_an_sms(api, database, twilio):
    """Sent becomes delivered, is published once, and nothing that comes later takes it back."""
    delivery_id = await sent_by_twilio(database, twilio)
    for status in ("sent", "delivered", "delivered", "sent", "failed"):
        assert (await report(api, delivery_id, status)).status == 204
    row = await delivery(database, delivery_id)
    assert (row.state, row.version) == ("delivered", 2)
    published = await one(database, "SELECT count(*) AS n FROM outbox WHERE key = :key", key=str(delivery_id))
    assert published.n == 2


async def test_receipt_of_failure_corrects_sent(api, database, twilio):
    """The provider took it, the phone did not: failed, with the provider's code."""
    delivery_id = await sent_by_twilio(database, twilio)
    await report(api, delivery_id, "undelivered", ErrorCode="30005")
    row = await delivery(database, delivery_id)
    assert (row.state, row.error_code) == ("failed", "30005")


async def test_receipt_settles_an_unknown_outcome(api, database, twilio):
    """The answer was lost, the receipt comes: it was sent, and is not sent again."""
    twilio.hang = True
    delivery_id = await sent_by_twilio(database, twilio)
    assert (await delivery(database, delivery_id)).state == "unknown"
    await report(api, delivery_id, "sent", sid="SMlost")
    row = await delivery(database, delivery_id)
    assert (row.state, row.provider_id) == ("sent", "SMlost")


async def test_receipt_that_is_forged_changes_nothing(api, database, twilio):
    """A report without the signature is refused."""
    delivery_id = await sent_by_twilio(database, twilio)
    url = f"/notifications/twilio/receipts?delivery={delivery_id}"
    form = {"MessageSid": "SM1", "MessageStatus": "failed"}
    assert (await api.post(url, form, {"x-twilio-signature": "AAAA"})).status == 403
    assert (await delivery(database, delivery_id)).state == "sent"


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
    await Sender(database, given.VAULT, given.settings(), Providers(fake, provider), later).send_mail()


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


def test_signature_is_the_one_of_twilios_documentation():
    """The worked example of Twilio's page "Validating signatures": the URL and the sorted fields of a call."""
    fields = {
        "CallSid": "CA1234567890ABCDE",
        "Caller": "+12349013030",
        "Digits": "1234",
        "From": "+12349013030",
        "To": "+18005551212",
    }
    url = "https://mycompany.com/myapp.php?foo=1&bar=2"
    assert signature("12345", url, fields.items()) == "0/KCTR6DLpKmkAf8muzZqo1nDgQ="
