"""The provider's webhooks under attack: forged, replayed, enormous, odd, and a thousand at once."""

import asyncio
import unicodedata
from urllib.parse import quote_plus
from uuid import uuid4

import pytest
from sqlalchemy import text

from services.notifications.main import create_api
from services.notifications.providers.twilio import signature
from shared.contracts.sms import Sms, SmsReceived
from tests.support import notifications as given
from tests.support.asgi_client import AsgiClient

TOKEN = "token"
OURS = "https://teilhabe.example"
INBOUND = "/notifications/twilio/inbound"
RECEIPTS = "/notifications/twilio/receipts"
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
async def api(database):
    more = {"sms_provider": "twilio", "twilio_account": "AC1", "twilio_token": TOKEN, "notifications_url": OURS}
    app = create_api(given.settings(database.url, **more))
    yield AsgiClient(app)
    await app.state.database.close()


def sms(number, said="HILFE", **more):
    return {"From": number, "Body": said, "MessageSid": f"SM{uuid4().hex}", **more}


def signed(form, url=INBOUND, token=TOKEN):
    return {"x-twilio-signature": signature(token, f"{OURS}{url}", form.items())}


async def post(api, form, url=INBOUND, **more):
    return await api.post(url, form, signed(form, url, **more))


async def texts(database, number):
    """What was passed on of this number's texts."""
    query = text("SELECT value FROM outbox WHERE key = :key AND topic = :topic ORDER BY id")
    values = {"key": str(given.VAULT.keyed_uuid(number, "sms")), "topic": SmsReceived.topic}
    async with database.read() as session:
        found = [SmsReceived.model_validate_json(value) for value in (await session.execute(query, values)).scalars()]
    return [given.VAULT.open(m.sealed, Sms, f"sms:{m.message_id}").text for m in found]


async def counts(database):
    """How many rows each table has that a webhook could write."""
    tables = ("inbound", "receipts", "optouts", "deliveries", "outbox")
    async with database.read() as session:
        return [(await session.execute(text(f"SELECT count(*) FROM {t}"))).scalar_one() for t in tables]  # noqa: S608


FORGED = {
    "no signature": lambda _form: {},
    "an empty one": lambda _form: {"x-twilio-signature": ""},
    "rubbish": lambda _form: {"x-twilio-signature": "AAAA"},
    "letters of another alphabet": lambda _form: {"x-twilio-signature": "Ā" * 28},
    "another token's": lambda form: signed(form, token="other"),
    "an empty token's": lambda form: signed(form, token=""),
    "that of another text": lambda form: signed(form | {"Body": "NEIN"}),
    "that of fewer fields": lambda form: signed({"From": form["From"]}),
    "that of another address": lambda form: signed(form, RECEIPTS),
    "that of the same address with a query": lambda form: signed(form, f"{INBOUND}?x=1"),
    "that of another host": lambda form: {
        "x-twilio-signature": signature(TOKEN, f"https://evil.example{INBOUND}", form.items())
    },
    "that of http": lambda form: {
        "x-twilio-signature": signature(TOKEN, f"http://teilhabe.example{INBOUND}", form.items())
    },
}


@pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED)
async def test_a_forged_text_is_refused_and_leaves_nothing(api, database, number, forged):
    """Whoever does not know the token cannot speak for anybody."""
    before = await counts(database)
    form = sms(number, "STOP")
    headers = {name: value.encode().decode("latin-1") for name, value in forged(form).items()}
    answer = await api.post(INBOUND, form, headers | {"x-forwarded-for": number})
    assert answer.status in {403, 429}
    assert await counts(database) == before


async def test_a_host_that_the_caller_names_does_not_count(api, number):
    """The signature is over our own address: a forged Host or X-Forwarded-Host changes nothing."""
    form = sms(number)
    theirs = {"x-twilio-signature": signature(TOKEN, f"https://evil.example{INBOUND}", form.items())}
    for name in ("host", "x-forwarded-host", "x-original-host"):
        assert (await api.post(INBOUND, form, theirs | {name: "evil.example"})).status in {403, 429}


async def test_the_same_id_with_another_text_is_the_first_text(api, database, number):
    """What was said under an id is said: a second content, signed or not, changes nothing."""
    form = sms(number, "GARTEN 2")
    assert (await post(api, form)).status == 200
    for said in ("GARTEN 2", "GARTEN 9", "STOP", ""):
        assert (await post(api, form | {"Body": said})).status == 200
    assert await texts(database, number) == ["GARTEN 2"]
    async with database.read() as session:
        key = given.VAULT.keyed_uuid(number, "sms")
        stopped = text("SELECT count(*) FROM optouts WHERE address_key = :key")
        assert (await session.execute(stopped, {"key": key})).scalar_one() == 0


async def test_a_replayed_stop_does_not_undo_a_later_start(api, database, number):
    """An old webhook that somebody caught and sends again is known by its id, however much came since."""
    stop, start = sms(number, "STOP"), sms(number, "START")
    for form in (stop, start, stop, stop):
        assert (await post(api, form)).status == 200
    assert (await post(api, sms(number, "GARTEN"))).status == 200
    assert await texts(database, number) == ["GARTEN"]


IDS = {
    "none": "",
    "NUL": "SM\0",
    "long": "SM" + "x" * 5_000,
    "another alphabet": "СМ1",
    "a line break": "SM1\nx",
}


@pytest.mark.parametrize("provider_id", IDS.values(), ids=IDS)
async def test_a_text_or_receipt_with_an_odd_id_is_dropped(api, database, number, provider_id):
    """An id that no table could keep is no reason for an error: the provider would only repeat it."""
    before = await counts(database)
    assert (await post(api, sms(number) | {"MessageSid": provider_id})).status == 200
    form = {"MessageSid": provider_id, "MessageStatus": "failed", "To": number, "ErrorCode": "21610"}
    assert (await post(api, form, f"{RECEIPTS}?delivery={uuid4()}")).status == 204
    assert await counts(database) == before


RECEIPT_FIELDS = [
    {"MessageStatus": "exploded"},
    {"MessageStatus": ""},
    {"MessageStatus": "failed", "ErrorCode": "\0"},
    {"MessageStatus": "failed", "ErrorCode": "9" * 5_000},
    {"MessageStatus": "failed", "ErrorCode": "21610", "To": "\0"},
    {"MessageStatus": "failed", "ErrorCode": "21610", "To": "DHL"},
    {"MessageStatus": "failed", "ErrorCode": "21610", "To": "+" + "1" * 5_000},
    {"MessageStatus": "delivered"},
    {},
]


@pytest.mark.parametrize("fields", RECEIPT_FIELDS, ids=str)
async def test_an_odd_receipt_of_nothing_that_we_sent_changes_no_delivery(api, database, fields):
    """Unknown statuses, codes and deliveries are taken and forgotten; nobody is opted out by rubbish."""
    before = await counts(database)
    form = {"MessageSid": f"SM{uuid4().hex}", **fields}
    assert (await post(api, form, f"{RECEIPTS}?delivery={uuid4()}")).status == 204
    after = await counts(database)
    assert after[2:] == before[2:]


@pytest.mark.parametrize("delivery", ["", "x", "1", "../../", "%00"])
async def test_a_receipt_for_no_delivery_is_refused(api, delivery):
    """The address of a receipt names a delivery by its id, or is none of ours."""
    form = {"MessageSid": "SM1", "MessageStatus": "sent"}
    assert (await post(api, form, f"{RECEIPTS}?delivery={delivery}")).status in {400, 422}


BODIES = {
    "empty": "",
    "spaces": "   ",
    "NUL": "\0\0",
    "an emoji": "🌻",
    "a family of emoji": "👨‍👩‍👧‍👦",
    "right to left": "\u202eNETRAG\u202c",
    "Ge'ez": "ሰላም",
    "Armenian": "Բարեւ",
    "Chinese": "你好",
    "half a surrogate": "\ud83d",
    "line breaks": "GARTEN\r\n2",
    "Unicode's last": "\U0010ffff",
    "combining marks": "Z" + "\u0301" * 1_000,
}


@pytest.mark.parametrize("said", BODIES.values(), ids=BODIES)
async def test_any_text_is_taken(api, database, number, said):
    """Whatever a phone can send comes through, without what a table or a program could trip over."""
    form = sms(number)
    taken = form | {"Body": said.encode("utf-8", "surrogatepass").decode("utf-8", "replace")}
    body = "&".join(f"{k}={quote_plus(v.encode('utf-8', 'surrogatepass'))}" for k, v in (form | {"Body": said}).items())
    headers = {"content-type": FORM} | signed(taken)
    assert (await api.request("POST", INBOUND, body.encode(), headers)).status == 200
    (kept,) = await texts(database, number)
    assert {unicodedata.category(character) for character in kept.replace("\n", "")}.isdisjoint({"Cc", "Cs"})


async def test_a_novel_is_cut(api, database, number):
    """Of 2,000 characters all are read, of more the first 2,000, and beyond a form's limit it is refused."""
    await post(api, sms(number, "a" * 2_000))
    await post(api, sms(number, "b" * 5_000))
    assert [len(said) for said in await texts(database, number)] == [2_000, 2_000]
    assert (await post(api, sms(number, "c" * 3_000_000))).status in {200, 400, 413}


BROKEN = {
    "no body": (b"", FORM),
    "JSON": (b'{"From": "+4915123456789"}', "application/json"),
    "no type": (b"From=%2B4915123456789", ""),
    "a broken multipart": (b"--x\r\nContent-Disposition: form-data", "multipart/form-data; boundary=x"),
    "percent signs": (b"From=%&Body=%zz&MessageSid=%", FORM),
    "no UTF-8": (b"From=%ff%fe&Body=%c3&MessageSid=%80", FORM),
    "raw bytes": (bytes(range(256)), FORM),
    "a thousand fields": (b"&".join(b"a%d=b" % n for n in range(1_000)), FORM),
    "a field twice": (b"From=%2B4915123456789&From=%2B4915123456780", FORM),
}


@pytest.mark.parametrize(("body", "kind"), BROKEN.values(), ids=BROKEN)
async def test_a_broken_webhook_is_refused(api, database, body, kind):
    """No error of ours, whatever comes instead of a form."""
    before = await counts(database)
    headers = {"content-type": kind, "x-twilio-signature": "AAAA", "x-forwarded-for": uuid4().hex}
    assert (await api.request("POST", INBOUND, body, headers)).status in {400, 403, 413, 422, 429}
    assert await counts(database) == before


async def test_a_field_twice_is_signed_as_it_is_read(api, database, number):
    """Two bodies in one form: the signature covers both, so that nobody slips a second one in."""
    form = sms(number)
    once = signed(form)
    body = "&".join(f"{name}={quote_plus(value)}" for name, value in form.items()) + "&Body=STOP"
    assert (await api.request("POST", INBOUND, body.encode(), {"content-type": FORM} | once)).status in {403, 429}
    assert await texts(database, number) == []


async def test_senders_without_a_number_that_we_write_to_are_dropped(api, database):
    """Names, short codes, premium rates and satellites are answered to the provider, and to nobody else."""
    before = await counts(database)
    for sender in ("Bank", "80888", "1800FLOWERS", "+19005550123", "+8816123456789", "", "\0", "+" * 5_000):
        assert (await post(api, sms(sender))).status == 200
    assert await counts(database) == before


async def test_a_thousand_numbers_at_once_are_a_thousand_texts(api, database):
    """Each text is stored, once; what a busy machine puts off with 503 comes again, as providers do it."""
    forms = [sms(f"+491511{n:07d}", "GARTEN") for n in range(1_000)]
    left = [*forms, *forms[:100]]
    while left:
        answers = await asyncio.gather(*(post(api, form) for form in left))
        assert {answer.status for answer in answers} <= {200, 503}
        again = [form for form, answer in zip(left, answers, strict=True) if answer.status == 503]
        assert len(again) < len(left)
        left = again
    async with database.read() as session:
        query = text("SELECT count(*) FROM inbound WHERE provider_id = ANY(:ids) AND repeats IS NULL")
        assert (await session.execute(query, {"ids": [form["MessageSid"] for form in forms]})).scalar_one() == 1_000
