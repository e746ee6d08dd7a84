"""The adapter for SMS, against a server that speaks the HTTP API of Twilio."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest
from aiohttp import encode_basic_auth, web
from sqlalchemy import text

from services.notifications.deliveries.sending import Providers, Sender
from services.notifications.main import create_api
from services.notifications.providers.port import (
    NotRetryableError,
    OptedOutError,
    OutgoingSms,
    RetryableError,
    ThrottledError,
    UnknownOutcomeError,
)
from services.notifications.providers.twilio import TwilioSms, signature
from tests.support import notifications as given
from tests.support.asgi_client import AsgiClient

TOKEN = "token"


@pytest.fixture(scope="module")
async def database(database_url):
    async with given.open_database(database_url("notifications")) as database:
        yield database


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
    sender = Sender(database, given.VAULT, given.settings(), Providers(provider, provider), given.later)
    await sender.send_sms()
    await provider.close()
    return (await one(database, "SELECT id FROM deliveries WHERE person_id = :id", id=person_id)).id


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
