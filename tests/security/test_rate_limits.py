"""How often somebody may try, and who is never hindered."""

import asyncio
import contextlib
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import event as sqlalchemy_event
from sqlalchemy import text
from starlette.requests import Request

from services.notifications.providers.twilio import INBOUND_PATH, signature
from services.registrations.registrations.limits import PER_CLIENT, PER_EMAIL, PER_NUMBER, REMINDERS
from shared.web.limits import MOST_KEYS_HERE, Limit, Limits, TooManyTriesError, forgetting_timer
from tests.support import registrations as given
from tests.support.asgi_client import AsgiClient
from tests.support.registration_pages import email, messages, open_event, register, send, typed, where, words
from tests.support.shifts import open_day, sign_up

THREE = Limit("three", 3, timedelta(minutes=3))
GUESSES = 60


class From(AsgiClient):
    """A browser at an address of its own."""

    def __init__(self, app, address: str) -> None:
        super().__init__(app)
        self.address = address

    def _scope(self, *args):
        return super()._scope(*args) | {"client": (self.address, 1)}


@pytest.fixture
def app(doors):
    """The registrations service, whose memory of clients is empty."""
    app = doors.apps["registrations"]
    app.state.limits = Limits(doors.settings["registrations"], app.state.vault)
    return app


@pytest.fixture
def limits(app):
    return app.state.limits


@pytest.fixture
def database(app):
    return app.state.database


def asked(address="192.0.2.1", forwarded=None):
    headers = [(b"x-forwarded-for", forwarded.encode())] if forwarded else []
    return Request({"type": "http", "headers": headers, "client": (address, 1), "method": "GET", "path": "/"})


async def count(limits, database, whom, now):
    try:
        async with database.begin() as session:
            await limits.count(session, now, (THREE, whom))
    except TooManyTriesError as error:
        return error.seconds
    return 0


async def test_a_limit_lets_so_many_through_and_then_one_at_a_time(limits, database):
    """Three at once pass, the fourth waits a minute, and each minute lets one more through."""
    now, whom = datetime.now(UTC), str(uuid4())
    assert [await count(limits, database, whom, now) for _ in range(4)] == [0, 0, 0, 60]
    assert await count(limits, database, whom, now + timedelta(seconds=59)) == 1
    assert await count(limits, database, whom, now + timedelta(seconds=60)) == 0
    assert await count(limits, database, whom, now + timedelta(seconds=60)) == 60
    assert await count(limits, database, str(uuid4()), now) == 0


async def test_parallel_tries_do_not_pass_a_limit(limits, database):
    """Twenty processes at once share one count."""
    now, whom = datetime.now(UTC), str(uuid4())
    results = await asyncio.gather(*(count(limits, database, whom, now) for _ in range(20)))
    assert results.count(0) == 3


async def test_what_is_refused_by_one_limit_counts_for_none(limits, database):
    """Who is stopped as a client has not used up the tries of the address that was meant."""
    now, client, target = datetime.now(UTC), str(uuid4()), str(uuid4())
    one = Limit("one", 1, timedelta(minutes=1))
    for expected in (contextlib.nullcontext(), pytest.raises(TooManyTriesError)):
        with expected:
            async with database.begin() as session:
                await limits.count(session, now, (one, client), (THREE, target))
    assert [await count(limits, database, target, now) for _ in range(3)] == [0, 0, 60]


async def test_limits_keep_hashes_alone_and_forget_them(limits, database):
    """Neither address nor number stands in the table, and what is free again is deleted."""
    await count(limits, database, "+4915112345678", datetime.now(UTC) - timedelta(hours=1))
    async with database.read() as session:
        rows = (await session.execute(text("SELECT key, free_at FROM attempts"))).all()
    assert all(len(row.key) == 32 for row in rows)
    assert not [row for row in rows if b"4915112345678" in bytes(row.key)]
    await forgetting_timer(database).action()
    async with database.read() as session:
        left = await session.execute(text("SELECT count(*) FROM attempts WHERE free_at <= now()"))
        assert left.scalar_one() == 0


def test_memory_for_clients_is_bounded(limits):
    """However many addresses somebody has, a process remembers so many and no more."""
    for number in range(MOST_KEYS_HERE + 100):
        limits.count_here(THREE, str(number))
    assert len(limits._here) == MOST_KEYS_HERE


@pytest.mark.parametrize(
    ("proxies", "forwarded", "client"),
    [
        (0, "198.51.100.7", "192.0.2.1"),
        (1, "198.51.100.7", "198.51.100.7"),
        (1, "203.0.113.9, 198.51.100.7", "198.51.100.7"),
        (2, "203.0.113.9, 198.51.100.7", "203.0.113.9"),
        (2, "198.51.100.7", "192.0.2.1"),
        (1, "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        (1, "::ffff:198.51.100.7", "198.51.100.7"),
        (1, "x" * 200, "x" * 64),
    ],
)
def test_only_trusted_proxies_say_who_asks(doors, proxies, forwarded, client):
    """What a client writes into X-Forwarded-For itself counts for nothing; an IPv6 household is one client."""
    settings = doors.settings["registrations"].model_copy(update={"trusted_proxies": proxies})
    limits = Limits(settings, doors.apps["registrations"].state.vault)
    assert limits.client(asked(forwarded=forwarded)) == client


async def test_a_class_and_a_desk_are_not_hindered(app, database):
    """Thirty pupils behind one address at once, then a desk with a hundred people there: each gets an answer."""
    event = await open_event(database, capacity=500)
    pupils = [From(app, "192.0.2.10") for _ in range(30)]
    answers = await asyncio.gather(*(register(pupil, event) for pupil in pupils))
    assert {answer.status for answer in answers} == {303}
    desk = From(app, "192.0.2.11")
    assert {(await register(desk, event)).status for _ in range(100)} == {303}


async def test_one_client_cannot_fill_an_event_without_end(app, database):
    """After 120 at once the form says to wait, keeps what was typed, and others still get in."""
    event = await open_event(database, capacity=500)
    url = f"/registrations/api/events/{event.id}/registrations"
    bot = From(app, "192.0.2.20")
    for _ in range(PER_CLIENT.most):
        assert (await bot.post_json(url, {"email": email(), "consent": True})).status == 201
    refused = await bot.post_json(url, {"email": email(), "consent": True})
    assert (refused.status, refused.headers["content-type"]) == (429, "application/problem+json")
    assert refused.json()["type"] == "urn:teilhabe:problem:too-many-tries"
    assert 1 <= int(refused.headers["retry-after"]) <= 30
    page = await register(bot, event, email="typed@example.org", language="en")
    assert page.status == 429
    assert "Wait a little, then try again." in words(page)
    assert "typed@example.org" in page.text
    assert int(page.headers["retry-after"]) >= 1
    assert (await register(From(app, "192.0.2.21"), event)).status == 303


async def test_everybody_on_a_developers_machine_may_register(doors, app, database):
    """While it is tried out this machine is no client; in production it is one as every other, and a proxy's fault."""
    event = await open_event(database, capacity=500)
    url = f"/registrations/api/events/{event.id}/registrations"
    bodies = [{"email": email(), "consent": True} for _ in range(PER_CLIENT.most + 1)]
    assert {(await From(app, "127.0.0.1").post_json(url, body)).status for body in bodies} == {201}
    production = doors.settings["registrations"].model_copy(update={"environment": "production"})
    app.state.limits = Limits(production, app.state.vault)
    assert [(await From(app, "127.0.0.1").post_json(url, body)).status for body in bodies][-1] == 429


async def test_one_mail_address_is_not_flooded(app, database):
    """A stranger with many computers registers one address for many events: mails to it come to an end."""
    target, statuses = email(), []
    for number in range(PER_EMAIL.most + 1):
        event = await open_event(database)
        statuses.append((await register(From(app, f"198.51.100.{number}"), event, email=target)).status)
    assert statuses == [303] * PER_EMAIL.most + [429]


@pytest.mark.parametrize("known", [True, False], ids=["known", "unknown"])
async def test_one_number_is_not_flooded(app, database, known):
    """A number is asked eight times a day at most, over all events and clients, whatever is known of it."""
    number = f"+49151{uuid4().int % 10**8:08d}"
    if known:
        state = await open_event(database)
        await app.state.writer.submit(state.places[0].id, given.wish(number))
    statuses = []
    for client in range(PER_NUMBER.most + 1):
        event = await open_event(database)
        browser = From(app, f"203.0.113.{client}")
        statuses.append((await register(browser, event, channel="phone", phone=number, email="")).status)
    assert statuses == [303] * PER_NUMBER.most + [429]


async def test_every_shift_counts_against_the_limit_of_a_number(app, database):
    """Each asks the number's owner by SMS: a stranger makes no more of them with one form than with many."""
    day = await open_day(database, shifts=5)
    browser, number = From(app, "192.0.2.96"), given.number()
    form = {"channel": "phone", "phone": number}
    assert where(await sign_up(browser, day, 1, 3, 5, 7, **form)) == f"/registrations/asked/{day.id}"
    assert where(await sign_up(browser, day, 9, **form)) == f"/registrations/asked/{day.id}"
    refused = await sign_up(browser, day, 1, 3, 5, 7, 9, **form)
    assert refused.status == 429
    assert 'name="post" value="9" id="post-9" aria-describedby="post-9-about" checked' in refused.text


async def test_reminders_for_one_person_come_to_an_end(app, database):
    """Somebody who is registered for many events gets five reminders a day; the page says the same as ever."""
    target, sent, pages = email(), 0, set()
    for number in range(REMINDERS.most + 2):
        event = await open_event(database)
        await app.state.writer.submit(event.places[0].id, given.wish(target))
        answer = await register(From(app, f"198.51.100.{100 + number}"), event, email=target)
        pages.add((answer.status, answer.headers["location"].split("/")[2]))
        async with database.read() as session:
            reminded = await session.execute(
                text("SELECT reminded_at FROM registrations WHERE event_id = :id"), {"id": event.id}
            )
            sent += reminded.scalar_one() is not None
    assert sent == REMINDERS.most
    assert pages == {(303, "already")}


async def guess(browser, url, method="GET", form=None):
    """Sixty wrong secrets, and one more."""
    answers = []
    for _ in range(GUESSES + 1):
        path = url.format(guess=uuid4().hex)
        answers.append(await (browser.get(path) if method == "GET" else browser.post(path, form or {})))
    assert "retry-after" in answers[-1].headers
    return [answer.status for answer in answers]


@pytest.mark.parametrize(
    ("service", "url", "status", "client"),
    [
        ("registrations", "/r/{guess}", 404, "192.0.2.80"),
        ("registrations", "/registrations/api/own/{guess}", 404, "192.0.2.81"),
        ("events", "/sign-in/{guess}", 410, "192.0.2.82"),
        ("notifications", "/notifications/unsubscribe/{guess}", 404, "192.0.2.83"),
    ],
)
async def test_guessing_at_secrets_comes_to_an_end(doors, service, url, status, client):
    """After sixty wrong links a client gets 429, a page or a problem; another client still gets 404."""
    assert await guess(From(doors.apps[service], client), url) == [status] * GUESSES + [429]
    assert (await From(doors.apps[service], "192.0.2.250").get(url.format(guess="x"))).status == status


async def test_forged_webhooks_come_to_an_end(doors):
    """After sixty wrong signatures a client gets 429, and the provider's own are still taken from that address."""
    browser = From(doors.apps["notifications"], "192.0.2.90")
    assert await guess(browser, INBOUND_PATH, "POST", {"From": "+4915112345678"}) == [403] * GUESSES + [429]
    settings = doors.settings["notifications"]
    form = {"From": "+4915112345678", "Body": "HILFE", "MessageSid": "SM1"}
    proof = signature(settings.twilio_token.get_secret_value(), settings.notifications_url + INBOUND_PATH, form.items())
    assert (await browser.post(INBOUND_PATH, form, {"x-twilio-signature": proof})).status == 200


async def test_a_right_link_is_never_refused(app, database):
    """Behind an address from which somebody guesses, people still reach their own page."""
    event = await open_event(database)
    browser = From(app, "192.0.2.91")
    location = (await register(browser, event)).headers["location"]
    await guess(browser, "/r/{guess}")
    assert (await browser.get(location)).status == 200


async def test_a_registration_by_mail_needs_no_further_statement(app, database):
    """The limits of the hot path cost no round trip: what a registration asks of the database is the same as before."""
    event, seen = await open_event(database), []
    url = f"/registrations/api/events/{event.id}/registrations"

    def note(_connection, _cursor, statement, *_):
        seen.append(statement)

    sqlalchemy_event.listen(database.engine.sync_engine, "before_cursor_execute", note)
    try:
        assert (await From(app, "192.0.2.92").post_json(url, {"email": email(), "consent": True})).status == 201
    finally:
        sqlalchemy_event.remove(database.engine.sync_engine, "before_cursor_execute", note)
    assert not [statement for statement in seen if "attempts" in statement]


@pytest.mark.parametrize(("typed_language", "kept"), [("ar", "de"), ("de", "de")])
async def test_a_form_changes_the_language_of_nobody_who_is_known(app, database, typed_language, kept):
    """A stranger who types somebody's address in a form does not change the language of their messages."""
    target = email()
    first, second = await open_event(database), await open_event(database)
    await register(From(app, "192.0.2.93"), first, email=target, language="de")
    await register(From(app, "192.0.2.94"), second, email=target, language=typed_language)
    async with database.read() as session:
        language = await session.execute(text("SELECT language FROM people WHERE address = :a"), {"a": target})
        assert language.scalar_one() == kept
    assert len(await messages(database, second, "RegistrationConfirmed")) == 1


async def test_the_own_page_changes_the_language(app, database):
    """Who has the link from our message chooses the language there."""
    event, target = await open_event(database), email()
    browser = From(app, "192.0.2.95")
    own = (await send(browser, f"/registrations/new/{event.id}", typed(email=target, language="de"))).headers
    path = own["location"].partition("?")[0]
    await send(browser, f"{path}/language", {"language": "ar"}, page=path)
    async with database.read() as session:
        language = await session.execute(text("SELECT language FROM people WHERE address = :a"), {"a": target})
        assert language.scalar_one() == "ar"
