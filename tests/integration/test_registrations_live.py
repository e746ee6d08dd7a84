"""Lists that update by themselves: what a stream says, to whom, for how long, and at what cost."""

import asyncio
import json
from datetime import timedelta

import pytest
from sqlalchemy import event as sqlalchemy_event

from services.registrations.actions.model import Action
from services.registrations.main import create_api
from services.registrations.registrations import live
from services.registrations.registrations.consumers import delivery_consumer
from shared.auth.members import keep_organisations
from shared.contracts.deliveries import DeliveryChannel, DeliveryEnded, Outcome
from shared.contracts.organisations import OrganisationChanged, Role
from shared.database.migrations import upgrade
from tests.support import registrations as given
from tests.support.registration_list import act, admitted
from tests.support.registration_pages import open_event, signed_in

PATIENCE = 5


@pytest.fixture(scope="module")
async def url(database_url):
    url = database_url("registrations")
    await asyncio.to_thread(upgrade, "registrations", url)
    return url


def process(url):
    """An api process that looks often, and lets a stream live for a minute."""
    app = create_api(given.settings(url))
    app.state.live.longest, app.state.live.every = 60, 0.05
    return app


@pytest.fixture
async def app(url):
    app = process(url)
    yield app
    await app.state.database.close()


class Stream:
    """One open stream, read as it comes."""

    def __init__(self, browser, event):
        self.scope = browser._scope("GET", f"/registrations/console/events/{event.id}/stream", b"", {})
        self.app, self.parts, self.start = browser.app, asyncio.Queue(), None
        self.asked = False

    async def __aenter__(self):
        self.gone = asyncio.Event()
        self.task = asyncio.create_task(self.app(self.scope, self._receive, self._send))
        return self

    async def __aexit__(self, *_):
        self.gone.set()
        await asyncio.wait_for(self.task, PATIENCE)

    async def _receive(self):
        if not self.asked:
            self.asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message):
        if message["type"] == "http.response.start":
            self.start = message
        else:
            self.parts.put_nowait(message["body"].decode())

    async def next(self, kind, patience=PATIENCE):
        """The data of the next event of this kind; everything that was said until then is in `said`."""
        self.said = []
        while True:
            part = await asyncio.wait_for(self.parts.get(), patience)
            self.said.append(part)
            if part.startswith(f"event: {kind}\n"):
                return json.loads(part.partition("data: ")[2])


async def test_a_change_in_one_process_is_heard_in_another(app, url):
    """Registrations, notes and messages that reached nobody: each is said at once, and nothing personal with it."""
    event = await open_event(app.state.database)
    other = process(url)
    async with Stream(await signed_in(app, event), event) as stream:
        before = await stream.next("standing")
        headers = dict(stream.start["headers"])
        assert headers[b"content-type"].startswith(b"text/event-stream")
        assert (headers[b"x-accel-buffering"], headers[b"cache-control"]) == (b"no", b"no-store")
        (one,) = await admitted(other.state.database, event, given.wish("ada@example.org", size=2, name="Ada"))
        told = await stream.next("standing")
        assert told == {"version": told["version"], "capacity": 10, "taken": 2, "waiting": 0}
        assert told["version"] > before["version"]
        await act(other.state.database, event, Action.NOTE, one, note="Pram")
        noted = await stream.next("standing")
        assert noted["version"] > told["version"]
        failed = DeliveryEnded(
            aggregate_id=one,
            aggregate_version=1,
            template="confirmation",
            channel=DeliveryChannel.EMAIL,
            outcome=Outcome.FAILED,
            registration_id=one,
        )
        async with other.state.database.begin() as session:
            await delivery_consumer().apply(session, [failed])
        assert (await stream.next("standing"))["version"] > noted["version"]
        assert not any(secret in part for part in stream.said for secret in ("Ada", "ada@", "Pram", str(one)))
    assert app.state.live.open == 0
    await other.state.database.close()


async def test_a_stream_ends_when_the_right_does(app):
    """A member who is removed hears "end" and nothing after it."""
    event = await open_event(app.state.database)
    app.state.live.check_every = 0.2
    async with Stream(await signed_in(app, event), event) as stream:
        await stream.next("standing")
        gone = OrganisationChanged(
            aggregate_id=event.organisation_id, aggregate_version=2**50, name={"de": "Büro"}, members=[]
        )
        async with app.state.database.begin() as session:
            await keep_organisations(session, [gone])
        await stream.next("end")
        await asyncio.wait_for(stream.task, PATIENCE)


async def test_without_the_check_a_stream_would_go_on(app):
    """The control: with a check that comes too late, who was removed hears of the next registration."""
    event = await open_event(app.state.database)
    app.state.live.check_every = 60
    async with Stream(await signed_in(app, event), event) as stream:
        await stream.next("standing")
        gone = OrganisationChanged(
            aggregate_id=event.organisation_id, aggregate_version=2**50, name={"de": "Büro"}, members=[]
        )
        async with app.state.database.begin() as session:
            await keep_organisations(session, [gone])
        await admitted(app.state.database, event, given.wish())
        assert (await stream.next("standing"))["taken"] == 1


def test_a_right_is_asked_for_more_than_once_a_minute(url):
    """As processes are started: the check comes within a minute, and a stream ends with the token at the latest."""
    app = create_api(given.settings(url).model_copy(update={"live_time": timedelta(minutes=10)}))
    assert app.state.live.check_every < 60
    assert app.state.live.longest == 600


async def test_many_pages_cost_one_statement_a_look(app):
    """Whatever the number of streams and events, the process asks once for all of them."""
    events = [await open_event(app.state.database) for _ in range(3)]
    browsers = [await signed_in(app, event) for event in events]
    streams = [Stream(browser, event) for browser, event in zip(browsers, events, strict=True) for _ in range(4)]
    asked = []
    for stream in streams:
        await stream.__aenter__()
    for stream in streams:
        await stream.next("standing")

    def note(_connection, _cursor, statement, *_):
        asked.append(statement)

    engine = app.state.database.engine.sync_engine
    sqlalchemy_event.listen(engine, "before_cursor_execute", note)
    await asyncio.sleep(app.state.live.every * 10)
    sqlalchemy_event.remove(engine, "before_cursor_execute", note)
    for stream in streams:
        await stream.__aexit__()
    assert 0 < len(asked) <= 11
    assert app.state.live._looking is None


async def test_streams_are_bounded(app, monkeypatch):
    """One person has so many, a process so many; beyond that the page works without, and is told to wait."""
    monkeypatch.setattr(live, "MOST_OF_ONE", 1)
    event = await open_event(app.state.database)
    browser = await signed_in(app, event)
    path = f"/registrations/console/events/{event.id}/stream"
    async with Stream(browser, event) as stream:
        await stream.next("standing")
        refused = await browser.get(path)
        assert (refused.status, refused.headers["retry-after"]) == (503, "60")
    monkeypatch.setattr(live, "MOST", 0)
    assert (await browser.get(path)).status == 503


async def test_a_stream_is_for_whoever_sees_figures(app):
    """A viewer may, a stranger finds nothing, and a process that stops ends all of them."""
    event = await open_event(app.state.database)
    assert (await (await signed_in(app)).get(f"/registrations/console/events/{event.id}/stream")).status == 404
    async with Stream(await signed_in(app, event, Role.VIEWER), event) as stream:
        await stream.next("standing")
        app.state.is_stopping = lambda: True
        await asyncio.wait_for(stream.task, PATIENCE)
