"""Calendars from their addresses: what somebody may make us fetch, and what nobody may."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from uuid6 import uuid7

from services.events.importing import fetching
from services.events.importing.fetching import FetchError, fetch, is_public
from services.events.settings import EventsSettings
from tests.support.events_service import CSRF, running_events_service, shared_settings
from tests.support.import_pages import FIELDS, NEW, preview

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
