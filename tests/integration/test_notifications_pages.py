"""The pages: phone and mailbox, unsubscribing, and what organisers see of deliveries."""

import asyncio
import re
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from icalendar import Calendar
from sqlalchemy import text

from services.notifications.deliveries.sending import Providers, Sender
from services.notifications.mailbox.providers import DevelopmentMailbox, DevelopmentPhone
from services.notifications.main import create_api
from services.notifications.optouts.tokens import unsubscribe_token
from services.notifications.providers.port import NotRetryableError
from shared.auth.tokens import TOKEN_COOKIE, sign_token
from shared.contracts.registrations import RegistrationConfirmed, RegistrationWaitlisted
from shared.database.engine import Database
from shared.database.migrations import upgrade
from tests.support import notifications as given
from tests.support.asgi_client import AsgiClient
from tests.support.look import open_page, running_browser, sideways, violations

PHONE = "/notifications/phone"


@pytest.fixture(scope="module")
async def database(database_url):
    url = database_url("notifications")
    await asyncio.to_thread(upgrade, "notifications", url)
    database = Database(url)
    yield database
    await database.close()


@pytest.fixture
async def app(database):
    app = create_api(given.settings(database.url, environment="development"))
    yield app
    await app.state.database.close()


@pytest.fixture
def client(app):
    return AsgiClient(app)


async def send_all(database):
    """What a worker does."""
    providers = Providers(DevelopmentPhone(database), DevelopmentMailbox(database))
    sender = Sender(database, given.VAULT, given.settings(), providers, given.later)
    while await sender.send_sms() + await sender.send_mail():
        continue


async def write(client, number, said):
    page = await client.get(PHONE)
    return await client.post(PHONE, {**dict(given.hidden_fields(page.text)), "number": number, "text": said})


async def test_text_written_on_the_phone_is_received_and_its_answer_shown(client, database):
    """A text from any number comes in as from a provider; the answer stands beside it, with its segments."""
    answer = await write(client, "030 2312 5101", "STOP")
    assert (answer.status, answer.headers["location"]) == (303, f"{PHONE}?number=%2B493023125101")
    await send_all(database)
    page = (await client.get(answer.headers["location"])).text
    assert "p-bubble--written" in page
    assert "p-bubble--sent" in page
    assert "GSM-7" in page
    part = (await client.get(f"{PHONE}/conversation?number=%2B493023125101")).text
    assert part.count("p-bubble--") == 2
    assert "<html" not in part


async def test_form_that_is_sent_twice_is_one_text(client, database):
    """The form's key makes the second sending the same as the first."""
    page = await client.get(PHONE)
    form = {**dict(given.hidden_fields(page.text)), "number": "+493023125102", "text": "GARTEN"}
    for _ in range(2):
        assert (await client.post(PHONE, form)).status == 303
    async with database.read() as session:
        count = await session.execute(text("SELECT count(*) FROM phone_messages WHERE number = '+493023125102'"))
        assert count.scalar_one() == 1


async def test_number_that_is_none_is_named_and_the_text_kept(client):
    """What was typed stays, and the field says how to mend it."""
    answer = await write(client, "Bank", "Meine Nachricht")
    assert answer.status == 422
    assert 'href="#field-number"' in answer.text
    assert "Meine Nachricht" in answer.text


async def mail_of(database, client, state, **person):
    await given.publish_event(database, state)
    person_id = await given.publish_contact(database, **person)
    await given.hand_in(database, given.registered(RegistrationConfirmed, state.id, person_id, token="tok"))
    await send_all(database)
    listed = (await client.get(f"{PHONE}?address={person['email']}")).text
    return re.search(rf"{PHONE}/mails/[0-9a-f-]{{36}}", listed)[0]


async def test_mail_is_shown_as_html_as_text_and_with_its_file(client, database):
    """Three ways to read it: a sandboxed frame whose policy forbids scripts, text with links, and the calendar file."""
    path = await mail_of(database, client, given.event(), email="reader@example.org")
    page = await client.get(path)
    assert 'href="http://127.0.0.1:8720/r/tok"' in page.text
    assert "frame-src 'self'" in page.headers["content-security-policy"]
    html = await client.get(f"{path}/html")
    assert "default-src 'none'" in html.headers["content-security-policy"]
    assert "sandbox" in html.headers["content-security-policy"]
    assert "frame-ancestors 'self'" in html.headers["content-security-policy"]
    file = await client.get(f"{path}/attachments/0")
    assert file.headers["content-disposition"].startswith("attachment")
    assert len(Calendar.from_ical(file.body).walk("VEVENT")) == 1
    assert (await client.get(f"{path}/attachments/1")).status == 404
    assert (await client.get(f"{PHONE}/mails/{uuid4()}")).status == 404


async def test_link_in_a_mail_opens_in_the_whole_window(app, database, chromium, free_port):
    """The button of a confirmation leads to the registration, out of the frame that the mail is shown in."""
    mail = await mail_of(database, AsgiClient(app), given.event(), email="clicker@example.org")
    async with (
        given.serving(app, free_port()) as base,
        running_browser(chromium) as browser,
        open_page(browser, 800) as page,
    ):
        await page.route("**/r/tok", lambda route: route.fulfill(body="there"))
        await page.goto(base + mail)
        await page.frame_locator("iframe").locator("a.button").click()
        await page.wait_for_url("**/r/tok")
        assert page.complaints == []


async def test_unsubscribing_takes_one_click_and_so_does_the_way_back(client, database):
    """A mail program posts without cookie or token, as RFC 8058 says; a person finds the way back on the page."""
    path = f"/notifications/unsubscribe/{unsubscribe_token(given.VAULT, 'tired@example.org')}"
    asked = await AsgiClient(client.app).post(path, {"List-Unsubscribe": "One-Click"})
    assert asked.status == 303
    state = given.event()
    await given.publish_event(database, state)
    person_id = await given.publish_contact(database, email="Tired@Example.org")
    await given.hand_in(database, given.registered(RegistrationConfirmed, state.id, person_id))
    await send_all(database)
    async with database.read() as session:
        found = await session.execute(text("SELECT state FROM deliveries WHERE person_id = :id"), {"id": person_id})
        assert list(found.scalars()) == ["suppressed"]
    page = await client.get(path)
    assert "tired" not in page.text.lower()
    assert (await AsgiClient(client.app).post(f"{path}/undo", {})).status == 403
    assert (await client.post(f"{path}/undo", dict(given.hidden_fields(page.text)))).status == 303
    assert f'action="{path}"' in (await client.get(path)).text


async def test_looking_at_the_unsubscribe_page_stops_nothing(client, database):
    """Programs that fetch every link of a mail unsubscribe nobody."""
    path = f"/notifications/unsubscribe/{unsubscribe_token(given.VAULT, 'scanned@example.org')}"
    assert (await client.get(path)).status == 200
    key = given.VAULT.keyed_uuid("scanned@example.org", "email")
    async with database.read() as session:
        found = await session.execute(text("SELECT count(*) FROM optouts WHERE address_key = :key"), {"key": key})
        assert found.scalar_one() == 0


async def test_unsubscribe_link_that_we_did_not_make_is_not_found(client):
    """A made-up token is a page that does not exist."""
    assert (await client.get(f"/notifications/unsubscribe/{'a' * 48}")).status == 404
    assert (await client.post(f"/notifications/unsubscribe/{'a' * 48}", {})).status == 404


async def member_of(database, organisation_id, client):
    person_id = uuid4()
    await given.publish_organisation(database, organisation_id, person_id)
    client.cookies[TOKEN_COOKIE] = sign_token(person_id, given.PRIVATE_KEY, datetime.now(UTC))


async def event_with_deliveries(database, organisation_id):
    state = given.event(organisation_id=organisation_id)
    await given.publish_event(database, state)
    for kind, more in ((RegistrationConfirmed, {}), (RegistrationWaitlisted, {"position": 1})):
        person_id = await given.publish_contact(database)
        await given.hand_in(database, given.registered(kind, state.id, person_id, **more))
    fake, providers = given.fakes(NotRetryableError("30005"))
    await Sender(database, given.VAULT, given.settings(), providers, given.later).send_sms()
    assert len(fake.given) == 1
    return state


async def test_members_see_counts_and_reasons_and_nobody_elses(client, database):
    """An organisation sees how its own events' messages stand; another one's event is not found."""
    ours, theirs = uuid4(), uuid4()
    state, foreign = await event_with_deliveries(database, ours), await event_with_deliveries(database, theirs)
    await member_of(database, ours, client)
    console = (await client.get("/notifications/console")).text
    assert str(state.id) in console
    assert str(foreign.id) not in console
    page = (await client.get(f"/notifications/console/{state.id}")).text
    assert "The number does not exist." in page
    assert "+4930" not in page
    answer = await client.get(f"/notifications/api/events/{state.id}/deliveries")
    counted = [(row["state"], row["reason"], row["count"]) for row in answer.json()["deliveries"]]
    assert sorted(counted, key=str) == [("failed", "30005", 1), ("sent", None, 1)]
    assert (await client.get(f"/notifications/console/{foreign.id}")).status == 404
    assert (await client.get(f"/notifications/api/events/{foreign.id}/deliveries")).status == 404


async def test_strangers_are_sent_to_sign_in(client):
    """Without a token there is nothing to see: people are sent to sign in, programs are told."""
    assert (await client.get("/notifications/console")).status == 303
    assert (await client.get(f"/notifications/api/events/{uuid4()}/deliveries")).status == 401


@pytest.mark.parametrize("language", ["de", "ar"])
@pytest.mark.parametrize("width", [360, 1280])
async def test_pages_can_be_used_by_anyone(app, database, chromium, free_port, width, language):
    """Axe finds nothing on phone, mailbox, mail, unsubscribe page and console, and no page scrolls sideways."""
    client = AsgiClient(app, language)
    organisation_id = uuid4()
    state = await event_with_deliveries(database, organisation_id)
    mail = await mail_of(database, client, state, email=f"seen-{uuid4().hex[:6]}@example.org", language=language)
    await write(client, "+493023125110", "GARTEN 3 عربي")
    await write(client, "+493023125110", "STOP")
    await send_all(database)
    await member_of(database, organisation_id, client)
    token = unsubscribe_token(given.VAULT, "seen@example.org")
    paths = [
        f"{PHONE}?number=%2B493023125110",
        mail,
        f"/notifications/unsubscribe/{token}",
        "/notifications/console",
        f"/notifications/console/{state.id}",
    ]
    async with (
        given.serving(app, free_port()) as base,
        running_browser(chromium) as browser,
        open_page(browser, width, locale=language) as page,
    ):
        await page.context.add_cookies([{"name": TOKEN_COOKIE, "value": client.cookies[TOKEN_COOKIE], "url": base}])
        for path in paths:
            await page.goto(base + path)
            assert await violations(page) == [], path
            assert await sideways(page) <= 0, path
        assert page.complaints == []


async def test_answers_arrive_on_the_phone_by_themselves(app, database, chromium, free_port):
    """The open page shows an answer within a few seconds, without being loaded anew."""
    client = AsgiClient(app)
    await write(client, "+493023125120", "GARTEN")
    async with (
        given.serving(app, free_port()) as base,
        running_browser(chromium) as browser,
        open_page(browser, 360) as page,
    ):
        await page.goto(f"{base}{PHONE}?number=%2B493023125120")
        assert await page.locator(".p-bubble").count() == 1
        await page.evaluate("window.stays = true")
        await write(client, "+493023125120", "STOP")
        await send_all(database)
        await page.locator(".p-bubble--sent").wait_for(timeout=8000)
        assert await page.evaluate("window.stays")
        assert page.complaints == []
