"""The list as a file: as it was filtered, in the reader's words, written down, and kept nowhere."""

import asyncio
import csv
import io
import json
import tracemalloc

import openpyxl
import pytest

from services.registrations.actions.model import Action
from services.registrations.main import create_api
from shared.contracts.organisations import Role
from shared.database.migrations import upgrade
from shared.tickets import code_of, ticket_of
from tests.support import registrations as given
from tests.support.registration_list import act, admitted, crowded_event
from tests.support.registration_pages import messages, open_event, registrations, signed_in
from tests.support.sheets import text_of

MANY = 10_000
MOST_MEMORY = 60_000_000


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


def path_of(event, kind, query=""):
    return f"/registrations/console/events/{event.id}/export.{kind}{query}"


async def test_a_file_holds_what_the_list_shows_in_the_reader_s_language(app, database):
    """Heads, states and languages in German, the time of the event's zone; filtered as the list was."""
    event = await open_event(database)
    one, *_ = await admitted(database, event, given.wish(size=2, name="=Ada"), given.wish(name="Bea"))
    await act(database, event, Action.MARK, one)
    await act(database, event, Action.NOTE, one, note="+ Kinderwagen")
    browser = await signed_in(app, event, Role.ORGANISER, language="de")
    answer = await browser.get(path_of(event, "csv", "?marked=yes"))
    assert answer.headers["content-disposition"].startswith(f'attachment; filename="{event.code}-')
    assert answer.headers["cache-control"] == "no-store"
    head, *rows = csv.reader(io.StringIO(answer.body.decode("utf-8-sig"), newline=""), delimiter=";")
    assert head[:4] == ["Name", "Personen", "Status", "Sprache"]
    assert [row[:4] for row in rows] == [["'=Ada", "2", "Bestätigt", "Deutsch"]]
    assert rows[0][-1] == "'+ Kinderwagen"
    assert "example.org" not in answer.body.decode()
    book = openpyxl.load_workbook(io.BytesIO((await browser.get(path_of(event, "xlsx"))).body))
    assert [cell.value for cell in book.active["A"]] == ["Name", "=Ada", "Bea"]


async def test_who_has_a_place_is_on_the_attendance_list_and_has_a_badge(app, database):
    """As PDF, in the reader's language; who waits is not there, and it is written down who took it."""
    event = await open_event(database, 3)
    await admitted(database, event, given.wish(size=2, name="Bea"), given.wish(name="Ada"), given.wish(name="Waits"))
    browser, seen = await signed_in(app, event, Role.ORGANISER, language="de"), {}
    for kind in ("attendance", "badges"):
        answer = await browser.get(f"/registrations/console/events/{event.id}/{kind}.pdf")
        assert (answer.status, answer.headers["content-type"]) == (200, "application/pdf")
        assert answer.headers["content-disposition"].endswith(f'-{kind}.pdf"')
        seen[kind] = text_of(answer.body)
        assert "Waits" not in seen[kind]
        assert seen[kind].index("Ada") < seen[kind].index("Bea")
    assert "Anwesenheitsliste" in seen["attendance"]
    codes = [code_of(ticket_of(row.id)) for row in await registrations(database, event) if row.state == "confirmed"]
    assert len(codes) == 2
    assert all(code in seen["attendance"] for code in codes)
    told = await messages(database, event, "ChangeRecorded")
    assert [m["after"] for m in told] == [{"format": kind, "rows": 2} for kind in ("attendance", "badges")]
    desk = await signed_in(app, event, Role.DESK)
    assert (await desk.get(f"/registrations/console/events/{event.id}/badges.pdf")).status == 403


async def test_who_took_a_file_is_in_the_audit_log(app, database):
    """Who, which kind, how many rows; a refused try is not there."""
    event = await open_event(database)
    await admitted(database, event, given.wish(name="Ada"), given.wish())
    desk = await signed_in(app, event, Role.DESK)
    assert (await desk.get(path_of(event, "csv"))).status == 403
    browser = await signed_in(app, event)
    for kind in ("csv", "xlsx"):
        assert (await browser.get(path_of(event, kind))).status == 200
    told = await messages(database, event, "ChangeRecorded")
    assert [(m["action"], m["person_id"], m["after"]) for m in told] == [
        ("registrations.exported", str(browser.person_id), {"format": kind, "rows": 2}) for kind in ("csv", "xlsx")
    ]
    assert "Ada" not in json.dumps(told)
    assert (await browser.get(path_of(event, "pdf"))).status == 404


async def test_ten_thousand_rows_take_little_memory_and_leave_nothing(app, database, tmp_path, monkeypatch):
    """Both kinds are whole; what is held at once has a bound; no file is made anywhere."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    event = await crowded_event(database, MANY)
    browser = await signed_in(app, event)
    for kind in ("csv", "xlsx"):
        tracemalloc.start()
        answer = await browser.get(path_of(event, kind))
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert most < MOST_MEMORY, kind
        if kind == "csv":
            assert answer.body.count(b"\r\n") == MANY + 1
        else:
            assert openpyxl.load_workbook(io.BytesIO(answer.body), read_only=True).active.max_row == MANY + 1
    assert list(tmp_path.iterdir()) == []
