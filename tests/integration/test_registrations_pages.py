"""The pages of registrations, through the application, on a real PostgreSQL."""

import asyncio
import html
import re
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from sqlalchemy import event as sqlalchemy_event
from sqlalchemy import text

from services.registrations.main import create_api
from services.registrations.registrations.admission import admit
from shared.auth.members import keep_organisations
from shared.auth.tokens import TOKEN_COOKIE, sign_token
from shared.contracts.contacts import Contact
from shared.contracts.events import Status
from shared.contracts.organisations import Membership, OrganisationChanged, Role
from shared.database.engine import Database
from shared.database.migrations import upgrade
from tests.support import registrations as given
from tests.support.asgi_client import AsgiClient

FIELD = re.compile(r'name="(csrf_token|request_key)" value="([^"]+)"')
PRIVATE_PEM = given.PRIVATE_KEY.private_bytes(
    given.serialization.Encoding.PEM,
    given.serialization.PrivateFormat.PKCS8,
    given.serialization.NoEncryption(),
).decode()


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


def email():
    return f"{uuid4().hex}@example.org"


def typed(**changes):
    """The form as it is filled in by somebody who has an e-mail address."""
    form = {"party_size": "1", "channel": "email", "email": email(), "phone": "", "name": "", "language": "en"}
    return {name: value for name, value in (form | {"consent": "yes"} | changes).items() if value is not None}


async def hidden(browser, path):
    """The hidden fields of the first form of a page."""
    answer = await browser.get(path)
    assert answer.status == 200, answer.text
    fields = FIELD.findall(answer.text)
    return {name: value for name, value in reversed(fields)}


async def send(browser, path, form, page=None):
    """Open the page, fill in its form, send it."""
    return await browser.post(path, {**await hidden(browser, page or path), **form})


async def register(browser, event, **changes):
    return await send(browser, f"/registrations/new/{event.id}", typed(**changes))


def where(answer):
    assert answer.status == 303, answer.text
    return answer.headers["location"]


async def own_path(browser, event, **changes):
    """Register by e-mail; the path of the own page."""
    return urlsplit(where(await register(browser, event, **changes))).path


def words(answer):
    """The page's text as it is read, without markup."""
    main = answer.text.partition("<main")[2].partition("</main>")[0]
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", main)).split())


async def open_event(database, capacity=10, **more):
    state = given.event(capacity, **more)
    await given.publish(database, state)
    return state


async def messages(database, event, kind):
    async with database.read() as session:
        rows = await session.execute(
            text(
                "SELECT convert_from(value, 'UTF8')::jsonb AS m FROM outbox WHERE key = :key"
                " OR convert_from(value, 'UTF8')::jsonb ->> 'event_id' = :key ORDER BY id"
            ),
            {"key": str(event.id)},
        )
        return [m for m in rows.scalars() if m["type"] == kind]


async def registrations(database, event):
    async with database.read() as session:
        rows = await session.execute(
            text(
                "SELECT r.*, p.address, p.language FROM registrations r JOIN people p ON p.id = r.person_id"
                " WHERE event_id = :id ORDER BY queue"
            ),
            {"id": event.id},
        )
        return rows.all()


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
    from services.registrations.registrations import commands

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
        ({"email": "a\u202e@example.org"}, "email", "not an e-mail address"),
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


async def test_the_party_changes_on_the_own_page(browser, database):
    """What fits is saved; what does not is said with the free places, and what was typed stays."""
    event = await open_event(database, 5, largest_party=4)
    path = await own_path(browser, event)
    await own_path(browser, event, party_size="3")
    saved = await browser.get(where(await send(browser, f"{path}/party", {"party_size": "2"}, path)))
    assert "Saved" in words(saved)
    refused = await send(browser, f"{path}/party", {"party_size": "4"}, path)
    assert refused.status == 422
    assert "0 more places are free. You can be at most 2 people" in words(refused)
    assert 'name="party_size" type="text" value="4"' in refused.text
    too_many = await send(browser, f"{path}/party", {"party_size": "5"}, path)
    assert too_many.status == 422
    for nonsense in ("0", "-1", "abc", "", "1000000000000", "٣٣"):
        assert (await send(browser, f"{path}/party", {"party_size": nonsense}, path)).status == 422
    assert [row.party_size for row in await registrations(database, event)] == [2, 3]


async def test_a_party_is_told_the_largest_that_the_event_allows(browser, database):
    """There are places enough, and the event wants small parties."""
    event = await open_event(database, 50, largest_party=4)
    path = await own_path(browser, event)
    refused = await send(browser, f"{path}/party", {"party_size": "5"}, path)
    assert "At most 4 people can come together" in words(refused)


async def test_the_language_of_messages_changes_on_the_own_page(browser, database):
    """The contact is told to notifications, encrypted; the page itself stays in the reader's language."""
    event = await open_event(database)
    address = email()
    path = await own_path(browser, event, email=address)
    answer = await browser.get(where(await send(browser, f"{path}/language", {"language": "ar"}, path)))
    assert 'value="ar" selected' in answer.text
    (row,) = await registrations(database, event)
    async with database.read() as session:
        contacts = await session.execute(
            text("SELECT convert_from(value, 'UTF8')::jsonb FROM outbox WHERE key = :key ORDER BY id"),
            {"key": str(row.person_id)},
        )
        newest = list(contacts.scalars())[-1]
    opened = given.VAULT.open(newest["sealed"], Contact, f"contact:{row.person_id}")
    assert (opened.language, opened.email, newest["aggregate_version"]) == ("ar", address, 2)
    for nonsense in ("xx", ""):
        assert (await send(browser, f"{path}/language", {"language": nonsense}, path)).status == 422


async def test_cancelling_asks_once_and_says_so(browser, database):
    """A page that asks, a button, and a page that says that it is done; again changes nothing."""
    event = await open_event(database)
    path = await own_path(browser, event, party_size="2")
    assert "places of 2 people" in words(await browser.get(f"{path}/cancel"))
    fields = await hidden(browser, f"{path}/cancel")
    for _ in range(2):
        assert "not registered any more" in words(
            await browser.get(where(await browser.post(f"{path}/cancel", fields)))
        )
    assert where(await browser.get(f"{path}/cancel")) == path
    assert len(await messages(database, event, "RegistrationCancelled")) == 1
    for action, form in (("party", {"party_size": "2"}), ("accept", {}), ("language", {"language": "tr"})):
        assert where(await browser.post(f"{path}/{action}", fields | form)).startswith(path)


async def test_an_offer_says_until_when_and_is_taken_with_one_button(browser, database):
    """The waiting party sees the end of its offer, accepts, and has a place; a second press is harmless."""
    event = await open_event(database, 1)
    first = await own_path(browser, event)
    waiting = await own_path(browser, event)
    await browser.post(f"{first}/cancel", await hidden(browser, f"{first}/cancel"))
    page = await browser.get(waiting)
    assert "A place is free for you" in words(page)
    assert re.search(r"until \S.*\d{2}:\d{2}", words(page))
    fields = await hidden(browser, waiting)
    for _ in range(2):
        assert "You have a place" in words(await browser.get(where(await browser.post(f"{waiting}/accept", fields))))
    assert [row.state for row in await registrations(database, event)] == ["cancelled", "confirmed"]


async def test_a_cancelled_event_says_so_on_the_own_page(browser, database):
    """With the reason in the reader's language, and the way to other events."""
    event = await open_event(database)
    path = await own_path(browser, event)
    cancelled = event.model_copy(update={"status": Status.CANCELLED, "cancellation_reason": {"en": "Storm", "de": "x"}})
    await given.publish(database, cancelled, 2)
    page = words(await browser.get(path))
    assert "This event does not take place" in page
    assert "Storm" in page


async def test_links_are_found_in_any_case_and_unknown_ones_are_explained(browser, database):
    """A link in capital letters works; a garbled one says what to do, on each of the actions."""
    path = await own_path(browser, await open_event(database))
    token = path.removeprefix("/r/")
    assert (await browser.get(f"/r/{token.upper()}")).status == 200
    fields = await hidden(browser, path)
    for garbled in (token[:-1], token + "x", "a" * 3000, "\u0000", "%00", "' or 1=1", "🌻"):
        answer = await browser.get(f"/r/{garbled}")
        assert (answer.status, "Copy the whole link" in words(answer)) == (404, True)
    for action in ("cancel", "accept", "party", "language"):
        assert (await browser.post(f"/r/xyz/{action}", fields)).status == 404
        assert (await browser.post(f"{path}/{action}", {})).status == 403


async def signed_in(app, event=None):
    """An organiser of the event's organisation, or of another."""
    person, organisation = uuid4(), event.organisation_id if event else uuid4()
    message = OrganisationChanged(
        aggregate_id=organisation,
        aggregate_version=int(datetime.now(UTC).timestamp() * 1000),
        name={"de": "Integrationsbüro"},
        members=[Membership(person_id=person, role=Role.OWNER)],
    )
    async with app.state.database.begin() as session:
        await keep_organisations(session, [message])
    browser = AsgiClient(app)
    browser.cookies[TOKEN_COOKIE] = sign_token(person, PRIVATE_PEM, datetime.now(UTC))
    return browser


async def test_the_list_belongs_to_the_event_s_organisation(app, browser, database):
    """Strangers sign in first; other organisations' members find nothing; members see who comes."""
    event = await open_event(database)
    await own_path(browser, event, name="Ada", party_size="3")
    path = f"/registrations/console/events/{event.id}"
    assert "/sign-in/renew?next=" in where(await browser.get(path))
    assert (await (await signed_in(app)).get(path)).status == 404
    member = await signed_in(app, event)
    assert (await member.get(f"/registrations/console/events/{uuid4()}")).status == 404
    page = await member.get(path)
    assert "Ada 3 Confirmed English E-mail" in words(page)
    assert page.headers["cache-control"] == "no-store"
    browser.cookies[TOKEN_COOKIE] = "forged.token.here"
    assert "/sign-in/renew" in where(await browser.get(path))


async def test_the_list_needs_as_many_statements_for_many_as_for_none(app, database):
    """Its pages hold a hundred; a page beyond the last is the last."""
    event = await open_event(database, 30, largest_party=5)
    member = await signed_in(app, event)
    path = f"/registrations/console/events/{event.id}"
    none, page = await counted(database, member, path)
    assert "Nobody has registered yet" in words(page)
    wishes = [given.wish(given.number() if n % 2 else None, 1, ask_owner=bool(n % 2)) for n in range(101)]
    async with database.begin() as session:
        await admit(session, given.VAULT, given.RULES, event.places[0].id, wishes, datetime.now(UTC))
    many, page = await counted(database, member, path)
    assert none == many
    assert page.text.count('role="rowheader"') == 100
    for number in (2, 9999):
        _, page = await counted(database, member, f"{path}?page={number}")
        assert page.text.count('role="rowheader"') == 1
    assert (await member.get(f"{path}?page=0")).status == 400


async def counted(database, browser, path):
    """How many statements a page needs, and the page."""
    seen = []

    def note(_connection, _cursor, statement, *_):
        seen.append(statement)

    sqlalchemy_event.listen(database.engine.sync_engine, "before_cursor_execute", note)
    try:
        page = await browser.get(path)
    finally:
        sqlalchemy_event.remove(database.engine.sync_engine, "before_cursor_execute", note)
    assert page.status == 200, page.text
    return len(seen), page


async def test_while_the_database_is_away_people_are_told_to_come_back(free_port, monkeypatch):
    """503 with Retry-After, as a page and as a problem; nothing of the address is told."""
    away = create_api(given.settings(f"postgresql+asyncpg://u:p@127.0.0.1:{free_port()}/x"))
    browser = AsgiClient(away)
    page = await browser.get(f"/registrations/new/{uuid4()}")
    assert (page.status, page.headers["retry-after"]) == (503, "10")
    assert "We will be back soon" in words(page)
    program = await browser.get(f"/registrations/api/events/{uuid4()}/places")
    assert (program.status, program.headers["retry-after"]) == (503, "10")
    assert program.headers["content-type"] == "application/problem+json"
    assert program.json()["type"] == "urn:teilhabe:problem:database-away"
    await away.state.database.close()


async def test_another_database_error_is_not_called_an_outage(app, browser, monkeypatch):
    """A mistake of ours stays a 500."""

    async def broken(*_):
        async with app.state.database.begin() as session:
            await session.execute(text("SELECT nonsense"))

    monkeypatch.setattr("services.registrations.registrations.manage.by_token", broken)
    assert (await browser.get("/r/abc")).status == 500


async def test_a_database_that_hangs_fails_all_who_wait_at_once():
    """The writer does not try each wish of a batch against a database that is away."""
    from services.registrations.registrations.writer import AdmissionWriter

    class Away(Database):
        tries = 0

        def begin(self):
            Away.tries += 1
            raise ConnectionRefusedError

    writer = AdmissionWriter(Away("postgresql+asyncpg://nowhere"), given.VAULT, given.RULES)
    pool = uuid4()
    results = await asyncio.gather(*(writer.submit(pool, given.wish()) for _ in range(50)), return_exceptions=True)
    assert {type(result) for result in results} == {ConnectionRefusedError}
    assert Away.tries <= 2
