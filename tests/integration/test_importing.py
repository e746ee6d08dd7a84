"""Importing events in the console: choose, look, confirm; and what somebody may make us fetch."""

import asyncio
import re
from contextlib import asynccontextmanager
from uuid import uuid4

import pytest
from sqlalchemy import text
from uuid6 import uuid7

from services.events.events.commands import create_event, edit_event
from services.events.events.publishing import publish_event
from services.events.importing import fetching
from services.events.importing.commands import KEPT_FOR, carry_out, forget_old_imports
from services.events.importing.fetching import FetchError, fetch, is_public
from services.events.settings import EventsSettings
from tests.support.events_service import CSRF, content, csrf, running_events_service, send, shared_settings

NEW = "/console/imports/new"
LIST = "Nr;Titel;Datum;Uhrzeit;Ort;ID\n1;Nähen;24.05.2027;18-20 Uhr;Haus;n1\n2;Kochen;25.05.2027;18 Uhr;Küche;k1\n"
FIELDS = {"kind": "workshop", "language": "de", "time_zone": "Europe/Berlin", "minutes": "", "order": ""}


@pytest.fixture
async def member(events):
    return await events.organisation("Integrationsbüro")


async def upload(browser, content, **fields):
    """Choose a file in the form, as browsers send it."""
    fields = FIELDS | {"csrf_token": await csrf(browser, NEW), "request_key": str(uuid7())} | fields
    mark = uuid4().hex
    parts = [f'--{mark}\r\nContent-Disposition: form-data; name="{n}"\r\n\r\n{v}\r\n' for n, v in fields.items()]
    head = f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="x.csv"\r\n\r\n'
    body = "".join(parts).encode() + head.encode() + content + f"\r\n--{mark}--\r\n".encode()
    return await browser.request("POST", NEW, body, {"content-type": f"multipart/form-data; boundary={mark}"})


async def paste(browser, content, **fields):
    return await send(browser, NEW, list((FIELDS | {"pasted": content} | fields).items()))


async def preview(browser, content, **fields):
    """The address of the preview."""
    answer = await paste(browser, content, **fields)
    assert answer.status == 303, answer.text
    return answer.headers["location"]


async def run_import(browser, content, **fields):
    """Import with everything that is on the way; the page that says what was done."""
    url = await preview(browser, content, **fields)
    assert (await send(browser, url, [])).headers["location"] == url
    return (await browser.get(url)).text


async def titles(events, member):
    """The titles of the organisation's events with state and version."""
    query = (
        "SELECT t.title, e.state, e.version FROM events e JOIN event_texts t ON t.event_id = e.id"
        " WHERE e.organisation_id = :id ORDER BY t.title"
    )
    async with events.database.read() as session:
        rows = await session.execute(text(query), {"id": member.organisation_ids[0]})
        return [tuple(row) for row in rows]


async def id_of(events, member, title):
    query = (
        "SELECT e.id FROM events e JOIN event_texts t ON t.event_id = e.id"
        " WHERE e.organisation_id = :id AND t.title = :title"
    )
    async with events.database.read() as session:
        values = {"id": member.organisation_ids[0], "title": title}
        return (await session.execute(text(query), values)).scalar_one()


async def test_from_a_file_over_the_preview_to_drafts(events, member):
    """Nothing happens before the organiser confirms; then the good rows are drafts, and the bad one still says why."""
    browser = await events.signed_in(member)
    assert f'href="{NEW}"' in (await browser.get("/console")).text
    answer = await upload(browser, LIST.encode("cp1252"))
    assert answer.status == 303, answer.text
    page = (await browser.get(answer.headers["location"])).text
    assert "Becomes a draft" in page
    assert "It says no end." in page
    assert "Import 1 event" in page
    assert await titles(events, member) == []
    await send(browser, answer.headers["location"], [])
    done = (await browser.get(answer.headers["location"])).text
    assert "1 draft was made or changed" in done
    assert "It says no end." in done
    assert await titles(events, member) == [("Nähen", "draft", 1)]
    assert f"/console/events/{await id_of(events, member, 'Nähen')}" in done
    assert await events.messages("events", await id_of(events, member, "Nähen")) == []


async def test_importing_again_recognises_what_is_here(events, member):
    """Unchanged rows change nothing; changed ones change the draft; a row more is a draft more."""
    browser = await events.signed_in(member)
    await run_import(browser, LIST, minutes="90")
    page = (await browser.get(await preview(browser, LIST, minutes="90"))).text
    assert page.count("Is here already") == 2
    assert "There is nothing to import" in page
    more = LIST.replace("Nähen", "Nähen für alle") + "3;Lesen;26.05.2027;18 Uhr;Haus;l1\n"
    done = await run_import(browser, more, minutes="90")
    assert [done.count(words) for words in ("Draft made", "Draft changed", "Was here already")] == [1, 1, 1]
    assert await titles(events, member) == [
        ("Kochen", "draft", 1),
        ("Lesen", "draft", 1),
        ("Nähen für alle", "draft", 2),
    ]
    assert "Was here already" in await run_import(browser, more, minutes="90")


async def test_what_people_changed_here_stays(events, member):
    """A draft that somebody edited and an event that is public stay as they are, and the preview says why."""
    browser = await events.signed_in(member)
    await run_import(browser, LIST, minutes="90")
    edited, public = await id_of(events, member, "Nähen"), await id_of(events, member, "Kochen")
    async with events.database.begin() as session:
        await edit_event(session, member, edited, content(), 1, events.now)
        await edit_event(session, member, public, content(words={"de": {**WORDS, "title": "Kochen"}}), 1, events.now)
        await publish_event(session, member, public, 2, events.now)
    before = await titles(events, member)
    page = await run_import(browser, LIST.replace("24.05.", "27.05.").replace("Kochen", "Backen"), minutes="90")
    assert "Somebody has changed the draft here." in page
    assert "It is published here." in page
    assert await titles(events, member) == before


WORDS = {"text": "Wir kochen.", "access_notes": "Rampe", "contact_hours": "Mo 9-12"}


async def test_a_draft_that_is_edited_between_preview_and_confirmation_stays(events, member):
    """The preview promised a change; what somebody wrote since then is kept all the same."""
    browser = await events.signed_in(member)
    await run_import(browser, LIST, minutes="90")
    url = await preview(browser, LIST.replace("Nähen", "Nähkurs"), minutes="90")
    assert "The draft is changed" in (await browser.get(url)).text
    async with events.database.begin() as session:
        await edit_event(session, member, await id_of(events, member, "Nähen"), content(), 1, events.now)
    await send(browser, url, [])
    assert "Somebody has changed the draft here." in (await browser.get(url)).text
    assert ("Nähen", "draft", 2) in await titles(events, member)


async def test_confirming_twice_makes_each_event_once(events, member):
    """Twice one after the other, five times at once, and two imports of one list at once."""
    browser = await events.signed_in(member)
    urls = [await preview(browser, LIST, minutes="90") for _ in range(2)]
    ids = [url.rpartition("/")[2] for url in urls]

    async def confirm(import_id):
        async with events.database.begin() as session:
            await carry_out(session, member, import_id, events.now)

    await asyncio.gather(*(confirm(import_id) for import_id in ids for _ in range(3)))
    await send(browser, urls[0], [])
    assert [title for title, _, _ in await titles(events, member)] == ["Kochen", "Nähen"]
    pages = [(await browser.get(url)).text for url in urls]
    assert sorted(page.count("Draft made") for page in pages) == [0, 2]


async def test_without_its_lock_two_imports_meet(events, member, monkeypatch):
    """The negative control: where two imports of one organisation do not wait for each other, one of them fails."""
    browser = await events.signed_in(member)
    ids = [(await preview(browser, LIST, minutes="90")).rpartition("/")[2] for _ in range(2)]
    both_looked = asyncio.Barrier(2)

    async def both_find_nothing(*_):
        await both_looked.wait()
        return {}

    monkeypatch.setattr("services.events.importing.commands.known_events", both_find_nothing)
    monkeypatch.setattr("services.events.importing.commands.lock_organisation", lambda *_: asyncio.sleep(0))

    async def confirm(import_id):
        async with events.database.begin() as session:
            await carry_out(session, member, import_id, events.now)

    done = await asyncio.gather(*map(confirm, ids), return_exceptions=True)
    assert [type(answer).__name__ for answer in done if answer] == ["IntegrityError"]


async def test_all_of_it_or_nothing(events, member, monkeypatch):
    """Where the last event cannot be made, none is, and the import can be confirmed again."""
    browser = await events.signed_in(member)
    url = await preview(browser, LIST, minutes="90")
    import_id = url.rpartition("/")[2]
    made = []

    async def fails_at_the_second(*given):
        made.append(given)
        if len(made) == 2:
            raise OSError
        return await create_event(*given)

    monkeypatch.setattr("services.events.importing.commands.create_event", fails_at_the_second)
    with pytest.raises(OSError):  # noqa: PT011 - the one raised above
        async with events.database.begin() as session:
            await carry_out(session, member, import_id, events.now)
    assert await titles(events, member) == []
    monkeypatch.undo()
    await send(browser, url, [])
    assert len(await titles(events, member)) == 2


async def test_a_long_list_is_imported_in_one_go(events, member):
    """A hundred rows are read, shown and made together."""
    rows = "".join(f"{n};Kurs {n};24.05.2027;18-20 Uhr;Haus;k{n}\n" for n in range(100))
    browser = await events.signed_in(member)
    page = await run_import(browser, "Nr;Titel;Datum;Uhrzeit;Ort;ID\n" + rows)
    assert "100 drafts were made or changed" in page
    assert len(await titles(events, member)) == 100


async def test_an_import_is_its_members_own(events, member):
    """Another member finds no preview and confirms nothing, nor does anybody for an organisation that is not theirs."""
    url = await preview(await events.signed_in(member), LIST)
    stranger = await events.signed_in(await events.organisation("Anderer Verein"))
    assert (await stranger.get(url)).status == 404
    token = await csrf(stranger, NEW)
    assert (await stranger.post(url, {"csrf_token": token, "request_key": str(uuid7())})).status == 404
    assert await titles(events, member) == []
    other = await paste(stranger, LIST, organisation=str(member.organisation_ids[0]))
    page = await stranger.get(other.headers["location"])
    assert "Anderer Verein" in page.text


@pytest.mark.parametrize(
    ("fields", "part"),
    [
        ({"pasted": ""}, "Choose a file, paste a text, or write an address."),
        ({"address": "https://example.org/x.ics"}, "Choose one way"),
        ({"pasted": "Vorname;Nachname\nA;B"}, "We find no line with the names of the columns."),
        ({"pasted": "x" * (2 * 1024 * 1024 + 1)}, "This is larger than 2 MB."),
        ({"kind": "party"}, "Choose one of the answers."),
        ({"language": "xx"}, "Choose one of the languages."),
        ({"time_zone": "Mars/Base"}, "Choose a time zone"),
        ({"minutes": "1000000"}, "Choose one of the answers."),
        ({"day_from": "16:00", "day_until": "10:00"}, "Write both times"),
        ({"pasted": "", "address": "file:///etc/passwd"}, "Write a web address"),
        ({"pasted": "", "address": "http://127.0.0.1:8710/healthz"}, "not on the public internet"),
    ],
)
async def test_a_wrong_form_comes_back_with_what_was_typed(events, member, fields, part):
    """Each mistake is said at its field, in words."""
    browser = await events.signed_in(member)
    answer = await paste(browser, fields.pop("pasted", LIST), **fields)
    assert answer.status == 422
    assert part in answer.text
    for typed in fields.values():
        assert typed in answer.text or typed in {"party", "xx", "Mars/Base", "1000000"}


async def test_the_reasons_are_in_the_readers_language(events, member):
    """A refused row says why in German and in Arabic, whoever looked at it first."""
    browser = await events.signed_in(member, "de")
    url = await preview(browser, LIST)
    assert "Ende" in (await browser.get(url)).text
    assert "It says no end" not in (await browser.get(url)).text
    arabic = (await browser.get(f"{url}?lang=ar")).text
    assert re.search("[\u0600-\u06ff]", arabic)
    assert "It says no end" not in arabic


async def test_a_larger_body_is_refused_and_other_forms_take_no_file(events, member):
    """Beyond what an import may bring the answer is 413; what takes a file is this form alone."""
    browser = await events.signed_in(member)
    assert (await upload(browser, b"x" * (7 * 1024 * 1024))).status == 413
    assert (await paste(browser, "x" * (1024 * 1024))).status == 422
    too_long = await browser.post("/console/events/new", {"title-de": "x" * (1024 * 1024)})
    assert too_long.status == 413


async def test_old_imports_are_forgotten_and_their_events_are_not(events, member):
    """A day later the preview is gone; the same list is still recognised."""
    browser = await events.signed_in(member)
    url = await preview(browser, LIST, minutes="90")
    await send(browser, url, [])
    async with events.database.begin() as session:
        await forget_old_imports(session, events.now)
    assert (await browser.get(url)).status == 200
    async with events.database.begin() as session:
        await forget_old_imports(session, events.now + KEPT_FOR * 1.1)
    assert (await browser.get(url)).status == 404
    assert "There is nothing to import" in (await browser.get(await preview(browser, LIST, minutes="90"))).text


# What somebody may make us fetch

ICS = (
    "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:a\r\nSUMMARY:Sprachcafé\r\nDTSTART:20270524T163000Z\r\n"
    "DTEND:20270524T180000Z\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
)


@asynccontextmanager
async def server(answers, port):
    """A server on this machine that answers each path with these bytes; `seen` are the paths that were asked for."""
    seen = []

    async def answer(reader, writer):
        path = (await reader.readline()).decode().split()[1]
        seen.append(path)
        while (await reader.readline()).strip():
            pass
        given = answers.get(path, b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")
        writer.write(given)
        await writer.drain()
        if path == "/slow":
            await asyncio.sleep(2)
        writer.close()

    running = await asyncio.start_server(answer, "127.0.0.1", port)
    try:
        yield seen
    finally:
        running.close()


def ok(body, *headers):
    lines = ["HTTP/1.1 200 OK", f"content-length: {len(body)}", "connection: close", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


def leads_to(url):
    return f"HTTP/1.1 302 Found\r\nlocation: {url}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".encode()


async def test_a_calendar_is_fetched_from_its_address(migrated, free_port):
    """Whatever its server calls it; the events are previewed as those of a file."""
    settings = EventsSettings(TEILHABE_DATABASE_EVENTS=migrated, import_from_here=True, **shared_settings())
    async with running_events_service(migrated) as events:
        member, port = await events.organisation("Büro"), free_port()
        events.app.state.settings = events.settings.model_copy(update={"import_from_here": True})
        browser = await events.signed_in(member)
        async with server({"/x.ics": ok(ICS.encode(), "content-type: application/octet-stream")}, port):
            url = await preview(browser, "", address=f"http://127.0.0.1:{port}/x.ics")
        assert "Sprachcafé" in (await browser.get(url)).text
    assert settings.import_from_here


def test_only_tests_reach_this_machine():
    """The setting that lets imports reach inside is refused anywhere but in tests."""
    for environment in ("development", "production"):
        given = shared_settings() | {"environment": environment, "import_from_here": True}
        with pytest.raises(ValueError, match="IMPORT_FROM_HERE"):
            EventsSettings(TEILHABE_DATABASE_EVENTS="postgresql+asyncpg://nobody@/nothing", **given)


INSIDE = [
    "127.0.0.1", "127.1.2.3", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",  # noqa: S104
    "192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255",
    "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1", "2001:db8::1",
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "::127.0.0.1", "2001:0:7f00:1::",
]  # fmt: skip


@pytest.mark.parametrize("address", INSIDE)
async def test_addresses_inside_are_not_public(address):
    """Private, local, shared, reserved and translated addresses are refused as they are, and as what a name has."""
    assert not is_public(address)
    host = f"[{address}]" if ":" in address else address
    with pytest.raises(FetchError, match=r"not on the public internet|Write a web address"):
        await fetch(f"http://{host}/x.ics")


def test_public_addresses_are():
    """And their translated form is what they are."""
    assert all(map(is_public, ("8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8")))


@pytest.mark.parametrize("host", ["localhost", "2130706433", "0x7f.1", "0177.0.0.1", "127.1", "localhost."])
async def test_other_names_of_this_machine_are_refused(host, free_port, monkeypatch):
    """However it is written, what it resolves to counts; nobody is called."""
    port = free_port()
    monkeypatch.setattr(fetching, "_PORTS", {port})
    async with server({"/x.ics": ok(b"secret")}, port) as seen:
        # Some resolvers do not know all of these; none of them gets through.
        with pytest.raises(FetchError, match=r"not on the public internet|Nobody answers"):
            await fetch(f"http://{host}:{port}/x.ics")
    assert seen == []


async def test_what_counts_is_the_address_that_is_connected_to(monkeypatch, free_port):
    """A name that means a public address when it is looked at and another when it is called gains nothing."""
    port, loop = free_port(), asyncio.get_running_loop()
    monkeypatch.setattr(fetching, "_PORTS", {port})

    async def getaddrinfo(_host, port, **_):
        return [(2, 1, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(loop, "getaddrinfo", getaddrinfo)
    async with server({"/x.ics": ok(b"secret")}, port) as seen:
        with pytest.raises(FetchError, match="not on the public internet"):
            await fetch(f"http://calendar.example.org:{port}/x.ics")
        assert seen == []
        # The negative control: with the door open the name does lead here.
        monkeypatch.setattr(fetching, "is_public", lambda _: True)
        assert await fetch(f"http://calendar.example.org:{port}/x.ics") == b"secret"


async def test_each_redirect_is_checked_anew(monkeypatch, free_port):
    """A public server that leads inside leads nowhere, nor does one that leads in circles."""
    port = free_port()
    here = f"http://127.0.0.1:{port}"
    answers = {
        "/once": leads_to("/x.ics"),
        "/file": leads_to("file:///etc/passwd"),
        "/inside": leads_to("http://169.254.169.254/latest/meta-data"),
        "/circle": leads_to("/circle"),
        "/x.ics": ok(b"calendar"),
    }
    async with server(answers, port) as seen:
        assert await fetch(f"{here}/once", allow_local=True) == b"calendar"
        with pytest.raises(FetchError, match="Write a web address"):
            await fetch(f"{here}/file", allow_local=True)
        with pytest.raises(FetchError, match="without an end"):
            await fetch(f"{here}/circle", allow_local=True)
        assert seen.count("/circle") == 4
        # This server counts as public now; all else is judged as ever.
        judge = fetching.is_public
        monkeypatch.setattr(fetching, "is_public", lambda address: address == "127.0.0.1" or judge(address))
        monkeypatch.setattr(fetching, "_PORTS", {port})
        with pytest.raises(FetchError, match="not on the public internet"):
            await fetch(f"{here}/inside")


async def test_without_its_guard_we_would_be_led_inside(monkeypatch, free_port):
    """The negative control: with every address held public, the redirect reaches a server on this machine."""
    port = free_port()
    answers = {"/inside": leads_to(f"http://localhost:{port}/secret"), "/secret": ok(b"secret")}
    monkeypatch.setattr(fetching, "is_public", lambda _: True)
    monkeypatch.setattr(fetching, "_PORTS", {port})
    async with server(answers, port):
        assert await fetch(f"http://127.0.0.1:{port}/inside") == b"secret"


async def test_size_time_and_errors_of_the_server_have_their_reasons(monkeypatch, free_port):
    """Too large, whatever its length says; too slow; an error; compressed; nobody there."""
    monkeypatch.setattr(fetching, "_SECONDS", 0.5)
    port = free_port()
    large = b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n" + b"x" * (2 * 1024 * 1024 + 1)
    answers = {"/large": large, "/slow": b"", "/zip": ok(b"x", "content-encoding: gzip")}
    async with server(answers, port):
        for path, part in (
            ("large", "larger than"),
            ("slow", "too long"),
            ("none", "answered with error"),
            ("zip", "Nobody"),
        ):
            with pytest.raises(FetchError, match=part):
                await fetch(f"http://127.0.0.1:{port}/{path}", allow_local=True)
    with pytest.raises(FetchError, match="Nobody answers"):
        await fetch(f"http://127.0.0.1:{port}/x.ics", allow_local=True)


@pytest.mark.parametrize(
    "address",
    ["", "example.org", "ftp://example.org/x", "https://user:pw@example.org/", "https://", "http://[::1", "//x/y"],
)
async def test_what_is_no_web_address_is_said_to_be_none(address):
    """No other schemes, no passwords in addresses."""
    with pytest.raises(FetchError, match="Write a web address"):
        await fetch(address)


async def test_webcal_is_https(monkeypatch):
    """As calendars write it; a port that serves something else is not called."""
    asked = []

    async def follow(_session, address, **_):
        asked.append(address)
        return b""

    monkeypatch.setattr(fetching, "_follow", follow)
    await fetch("webcal://example.org/x.ics")
    assert asked == ["https://example.org/x.ics"]
    with pytest.raises(FetchError, match="not on the public internet"):
        await fetch("http://example.org:25/")


async def test_a_member_does_not_fetch_without_end(events, member):
    """After thirty addresses in an hour the answer is 429."""
    browser = await events.signed_in(member)
    fields = FIELDS | {"pasted": "", "address": "http://127.0.0.1/x.ics"}
    page = await browser.get(NEW)
    token = CSRF.findall(page.text)[-1]
    answers = []
    for _ in range(31):
        given = fields | {"csrf_token": token, "request_key": str(uuid7())}
        answers.append((await browser.post(NEW, given)).status)
    assert (set(answers[:30]), answers[30]) == ({422}, 429)
