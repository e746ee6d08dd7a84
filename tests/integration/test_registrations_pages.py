"""The registration form and what it answers, through the application, on a real PostgreSQL."""

import asyncio
import html
import re
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text

from services.registrations.main import create_api
from services.registrations.registrations import commands
from shared.contracts.events import Status
from shared.database.migrations import upgrade
from tests.support import registrations as given
from tests.support.asgi_client import AsgiClient
from tests.support.registration_pages import (
    email,
    hidden,
    messages,
    open_event,
    own_path,
    register,
    registrations,
    send,
    signed_in,
    typed,
    where,
    words,
)


@pytest.fixture(scope="module")
async def app(database_url):
    url = database_url("registrations")
    await asyncio.to_thread(upgrade, "registrations", url)
    app = create_api(given.settings(url))
    yield app
    await app.state.database.close()


@pytest.fixture
def database(app):
    return app.state.database


@pytest.fixture
def browser(app):
    return AsgiClient(app)


async def test_registering_by_email_leads_to_the_own_page(browser, database):
    """Confirmed at once, on a page of one's own that no cache keeps."""
    event = await open_event(database)
    answer = await browser.get(where(await register(browser, event, party_size="2")))
    assert answer.status == 200
    assert "You have a place" in words(answer)
    assert "2 people are registered" in words(answer)
    assert answer.headers["cache-control"] == "no-store"
    (row,) = await registrations(database, event)
    assert (row.state, row.party_size, row.channel) == ("confirmed", 2, "web")


async def test_a_full_event_leads_to_the_waitlist_and_says_so_before(browser, database):
    """The form says that all is taken; the own page says which place in the line it is."""
    event = await open_event(database, 1)
    await register(browser, event)
    assert "All places are taken" in words(await browser.get(f"/registrations/new/{event.id}"))
    answer = await browser.get(where(await register(browser, event)))
    assert "You are number 1" in words(answer)


async def test_registering_by_phone_reveals_nothing_about_the_number(browser, database):
    """New, asked before, or registered: the same page at the same address."""
    event = await open_event(database)
    phone = {"channel": "phone", "phone": "0151 23456789", "email": "left@behind.example"}
    first = where(await register(browser, event, **phone))
    (row,) = await registrations(database, event)
    assert (row.state, row.address) == ("held", "+4915123456789")
    assert first == where(await register(browser, event, **phone)) == f"/registrations/asked/{event.id}"
    async with database.begin() as session:
        await given_accept(session, row.id)
    assert first == where(await register(browser, event, **phone))
    assert "Please answer our SMS" in words(await browser.get(first))
    assert len(await messages(database, event, "NotificationRequested")) == 1


async def given_accept(session, registration_id):
    await commands.accept(session, given.VAULT, given.RULES, registration_id, datetime.now(UTC))


async def test_a_form_sent_twice_leads_to_the_same_page(browser, database):
    """The same request key: one registration, one link."""
    event = await open_event(database)
    path = f"/registrations/new/{event.id}"
    form = {**await hidden(browser, path), **typed()}
    first, second = await browser.post(path, form), await browser.post(path, form)
    assert where(first) == where(second)
    assert len(await registrations(database, event)) == 1


async def test_the_same_address_twice_gets_a_friendly_page_and_one_mail(browser, database):
    """However it is spelled; at most one mail in ten minutes, and the number of people stays."""
    event = await open_event(database)
    address = email()
    await register(browser, event, email=address)
    for spelled in (address, address.upper(), f"  {address} "):
        location = where(await register(browser, event, email=spelled, party_size="3"))
        assert location == f"/registrations/already/{event.id}"
    assert "You are registered already" in words(await browser.get(location))
    (request,) = await messages(database, event, "NotificationRequested")
    assert request["template"] == "already-registered"
    async with database.begin() as session:
        await session.execute(text("UPDATE registrations SET reminded_at = reminded_at - interval '10 minutes'"))
    await register(browser, event, email=address)
    assert len(await messages(database, event, "NotificationRequested")) == 2
    assert [row.party_size for row in await registrations(database, event)] == [1]


@pytest.mark.parametrize(
    ("changes", "field", "sentence"),
    [
        ({"party_size": "0"}, "party_size", "Write how many people come"),
        ({"party_size": "-1"}, "party_size", "Write how many people come"),
        ({"party_size": "abc"}, "party_size", "Write how many people come"),
        ({"party_size": "1.5"}, "party_size", "Write how many people come"),
        ({"party_size": ""}, "party_size", "Write how many people come"),
        ({"party_size": None}, "party_size", "Write how many people come"),
        ({"party_size": "1000000000"}, "party_size", "At most 10 people"),
        ({"party_size": "9" * 5000}, "party_size", "Write how many people come"),
        ({"party_size": "11"}, "party_size", "At most 10 people"),
        ({"party_size": "١١"}, "party_size", "At most 10 people"),
        ({"email": ""}, "email", "not an e-mail address"),
        ({"email": "name"}, "email", "not an e-mail address"),
        ({"email": "name@"}, "email", "not an e-mail address"),
        ({"email": "a b@example.org"}, "email", "not an e-mail address"),
        ({"email": "\u202e@example.org"}, "email", "not an e-mail address"),
        ({"email": "a" * 10_000 + "@example.org"}, "email", "not an e-mail address"),
        ({"email": "x@example.org\r\nBcc: y@example.org"}, "email", "not an e-mail address"),
        ({"channel": "phone", "phone": ""}, "phone", "not a phone number"),
        ({"channel": "phone", "phone": "110"}, "phone", "not a phone number"),
        ({"channel": "phone", "phone": "abc"}, "phone", "not a phone number"),
        ({"channel": "phone", "phone": "0" * 500}, "phone", "not a phone number"),
        ({"channel": "phone", "phone": "030 23125000"}, "phone", "cannot get SMS"),
        ({"channel": "phone", "phone": "0900 5123456"}, "phone", "cannot get SMS"),
        ({"channel": None, "email": ""}, "channel", "Choose how we reach you"),
        ({"channel": "pigeon", "phone": "0151 23456789"}, "channel", "Choose how we reach you"),
        ({"consent": None}, "consent", "Without your agreement"),
        ({"consent": "no"}, "consent", "Without your agreement"),
        ({"language": "xx"}, "language", "Choose one of the answers"),
        ({"language": None}, "language", "Choose one of the answers"),
        ({"name": "N" * 10_000}, "name", "too long"),
    ],
)
async def test_what_does_not_fit_is_named_and_nothing_is_lost(browser, database, changes, field, sentence):
    """One error, at its field, with how to mend it; all that was typed is still there; nobody is registered."""
    event = await open_event(database)
    form = typed(**changes)
    answer = await send(browser, f"/registrations/new/{event.id}", form)
    assert answer.status == 422
    assert re.findall(r'href="#field-(\w+)"', answer.text) == [field]
    assert sentence in words(answer)
    for name in ("email", "phone", "name", "party_size"):
        assert html.escape(form.get(name, "").replace("\r", ""), quote=False) in answer.text.replace("\r", "")
    assert await registrations(database, event) == []


async def test_all_errors_come_at_once_in_the_order_of_the_form(browser, database):
    """Whoever sends an empty form reads everything that is missing."""
    event = await open_event(database)
    empty = dict.fromkeys(("party_size", "channel", "email", "language", "consent"), "")
    answer = await send(browser, f"/registrations/new/{event.id}", typed(**empty, name="x" * 121))
    found = re.findall(r'href="#field-(\w+)"', answer.text)
    assert found == ["party_size", "channel", "name", "language", "consent"]


@pytest.mark.parametrize("language", ["de", "tr", "ar", "uk"])
async def test_errors_are_in_the_reader_s_language(app, database, language):
    """A page in the reader's language, right to left where it must."""
    event = await open_event(database)
    browser = AsgiClient(app, language)
    answer = await register(browser, event, email="x")
    assert answer.headers["content-language"] == language
    assert f'dir="{"rtl" if language == "ar" else "ltr"}" data-kern' in answer.text


@pytest.mark.parametrize(
    ("number", "stored"),
    [
        ("0151 23456789", "+4915123456789"),
        ("+49 (0) 151-23456789", "+4915123456789"),
        ("0049 151/23456789", "+4915123456789"),
        ("+49\u00a0151\u00a023456789", "+4915123456789"),
        ("٠١٥١ ٢٣٤٥٦٧٨٩", "+4915123456789"),
        ("+380 67 123 45 67", "+380671234567"),
        ("+90 532 123 45 67", "+905321234567"),
    ],
)
async def test_phone_numbers_are_understood_as_people_write_them(browser, database, number, stored):
    """With and without the country, with brackets and slashes, in the digits of any script."""
    event = await open_event(database)
    await register(browser, event, channel="phone", phone=number)
    assert [row.address for row in await registrations(database, event)] == [stored]


async def test_the_field_that_is_filled_in_counts_where_nothing_was_chosen(browser, database):
    """A browser that shows both fields and a person who skips the question: the one answer is clear."""
    event = await open_event(database)
    await register(browser, event, channel=None, email="", phone="0151 23456789")
    assert [row.address for row in await registrations(database, event)] == ["+4915123456789"]


async def test_a_number_of_people_may_be_typed_in_arabic_digits(browser, database):
    """٣ is 3, on the form and on the own page."""
    event = await open_event(database)
    path = await own_path(browser, event, party_size=" ٣ ")
    assert [row.party_size for row in await registrations(database, event)] == [3]
    await send(browser, f"{path}/party", {"party_size": "۴"}, path)
    assert [row.party_size for row in await registrations(database, event)] == [4]


async def test_a_unicode_domain_is_stored_as_mail_servers_know_it(browser, database):
    """The same address in both spellings is one person."""
    event = await open_event(database)
    local = uuid4().hex
    await register(browser, event, email=f"{local}@bücher.example")
    location = where(await register(browser, event, email=f"{local}@XN--bcher-kva.example"))
    assert location == f"/registrations/already/{event.id}"
    assert [row.address for row in await registrations(database, event)] == [f"{local}@xn--bcher-kva.example"]


@pytest.mark.parametrize(
    ("name", "stored"),
    [
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("=HYPERLINK('x')", "=HYPERLINK('x')"),
        ("\u202eAda\u2066 \u200eL\x00\x07", "Ada L"),
        ("Ada\u00a0\tL\r\nM", "Ada L M"),
        ("\u202e \u200f", None),
        ("   ", None),
        ("سارة", "سارة"),
    ],
)
async def test_names_are_kept_as_one_harmless_line(app, browser, database, name, stored):
    """No control or bidi characters are stored; markup is text on the organiser's page."""
    event = await open_event(database)
    await own_path(browser, event, name=name)
    assert [row.name for row in await registrations(database, event)] == [stored]
    member = await signed_in(app, event)
    page = await member.get(f"/registrations/console/events/{event.id}")
    assert html.escape(stored or "No name given").replace("&#x27;", "&#39;") in page.text
    assert "<script>alert" not in page.text


async def test_a_lost_token_shows_what_was_typed_and_sends_it_again(browser, database):
    """Nothing is lost: the page keeps the values, and its button works."""
    event = await open_event(database)
    path = f"/registrations/new/{event.id}"
    form = {**await hidden(browser, path), **typed(name="Ada")}
    form.pop("csrf_token")
    browser.cookies.clear()
    answer = await browser.post(path, form)
    assert answer.status == 403
    assert "Ada" in words(answer)
    again = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', answer.text))
    assert where(await browser.post(path, again)).startswith("/r/")


async def test_a_form_without_a_request_key_is_refused(browser, database):
    """Without it a second press would be a second registration."""
    event = await open_event(database)
    path = f"/registrations/new/{event.id}"
    fields = await hidden(browser, path)
    answer = await browser.post(path, {"csrf_token": fields["csrf_token"], **typed()})
    assert answer.status == 400


async def test_pages_say_why_one_cannot_register(browser, database):
    """Not yet, no longer, cancelled with its reason, and an event that has not arrived here."""
    now = datetime.now(UTC)
    early = await open_event(database, registration_opens_at=now + timedelta(days=2))
    late = await open_event(database, registration_closes_at=now - timedelta(days=2))
    off = await open_event(database, status=Status.CANCELLED, cancellation_reason={"en": "Storm"})
    for event, sentence in ((early, "Registration has not begun"), (late, "Registration is over"), (off, "Storm")):
        answer = await browser.get(f"/registrations/new/{event.id}")
        assert answer.status == 200
        assert sentence in words(answer)
    unknown = await browser.get(f"/registrations/new/{uuid4()}")
    assert (unknown.status, "published just now" in words(unknown)) == (404, True)
    for path in ("/registrations/new/abc", f"/registrations/asked/{uuid4()}", f"/registrations/already/{uuid4()}"):
        assert (await browser.get(path)).status == 404
    assert where(await browser.get("/registrations")).endswith("/events")


async def test_a_form_that_comes_too_late_leads_to_the_reason(browser, database):
    """The page was open while registration closed."""
    event = await open_event(database)
    path = f"/registrations/new/{event.id}"
    form = {**await hidden(browser, path), **typed()}
    cancelled = event.model_copy(update={"status": Status.CANCELLED, "cancellation_reason": {"en": "Storm"}})
    await given.publish(database, cancelled, 2)
    assert "Storm" in words(await browser.get(where(await browser.post(path, form))))
