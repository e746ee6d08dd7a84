"""Importing events in the console: choose, look, confirm."""

import asyncio
import re
from uuid import uuid4

import pytest
from sqlalchemy import text
from uuid6 import uuid7

from services.events.events.commands import create_event, edit_event
from services.events.events.publishing import publish_event
from services.events.importing.commands import KEPT_FOR, carry_out, forget_old_imports
from tests.support.events_service import content, csrf, send
from tests.support.import_pages import FIELDS, NEW, paste, preview

LIST = "Nr;Titel;Datum;Uhrzeit;Ort;ID\n1;Nähen;24.05.2027;18-20 Uhr;Haus;n1\n2;Kochen;25.05.2027;18 Uhr;Küche;k1\n"


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
