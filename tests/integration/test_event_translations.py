"""A co-host proposes a translation, another organisation reads it through, and the host approves it or says why not."""

import asyncio
import json
import re

import pytest
from sqlalchemy import text

from shared.contracts.organisations import Role
from tests.support.events_service import content, send, words

TURKISH = [("title", "Dikiş"), ("text", "Birlikte dikiyoruz."), ("access_notes", "Rampa")]


@pytest.fixture
async def host(events):
    return await events.organisation("Amt")


@pytest.fixture
async def guest(events):
    return await events.organisation("Verein")


def path_of(event_id, language="tr"):
    return f"/console/events/{event_id}/translations/{language}"


async def shared_event(events, host, *guests, scope="nothing", **changes):
    """A published event that the guests co-host."""
    event_id = await events.published(host, **changes)
    for guest in guests:
        await events.co_hosts(host, event_id, guest.organisation_ids[0], accepted_by=guest, scope=scope)
    return event_id


def hidden(page, action):
    """What the form with this action says of what its page showed."""
    form = page.text.partition(f'action="{action}"')[2].partition("</form>")[0]
    return [(n, v) for n, v in re.findall(r'name="(version|proposal|revision)" value="([^"]*)"', form)]


async def act(browser, event_id, way="", fields=(), seen=None, language="tr"):
    """Open the page, fill in the form of this way, and send it; `seen` is of a page that was opened before."""
    page = path_of(event_id, language)
    seen = seen if seen is not None else hidden(await browser.get(page), page + way)
    return await send(browser, page + way, [*fields, *seen], page)


async def proposed(events, host, guest, fields=TURKISH, **changes):
    """An event with an open proposal, the co-host's browser and the host's."""
    event_id = await shared_event(events, host, guest, **changes)
    theirs, ours = await events.session_of(guest), await events.session_of(host)
    answer = await act(theirs, event_id, fields=fields)
    assert answer.status == 303, answer.text
    return event_id, theirs, ours


async def edit(browser, event_id, **changes):
    """The host edits the event by program."""
    got = await browser.get(f"/api/events/{event_id}/content")
    body = json.dumps(got.json()["content"] | changes).encode()
    headers = {"if-match": got.headers["etag"], "content-type": "application/json"}
    answer = await browser.request("PUT", f"/api/events/{event_id}/content", body, headers)
    assert answer.status == 200, answer.text


async def said(events, event_id):
    """The event as the other services were last told of it."""
    return (await events.messages("events", event_id))[-1]["event"]


async def audited(events, event_id):
    changes = await events.messages("audit", event_id)
    return [change["action"] for change in changes if change["action"].startswith("translation.")]


async def test_what_a_co_host_proposes_is_read_once_the_host_approves(events, host, guest):
    """Until then nobody hears of it; then the words stand in the event, and everything else is as it was."""
    event_id, theirs, ours = await proposed(events, host, guest, scope="nothing")
    before, version = await said(events, event_id), (await events.row(event_id)).version
    assert "tr" not in before["title"]
    assert "1 translation waits for you" in (await ours.get(f"/console/events/{event_id}")).text
    page = await ours.get(path_of(event_id))
    assert '<html lang="en" dir="ltr"' in page.text, "the page is in its reader's language, not in the translation's"
    assert "Birlikte dikiyoruz." in page.text
    assert "Wir nähen." in page.text
    assert (await act(ours, event_id, "/approve")).status == 303
    after = await said(events, event_id)
    assert after["title"] == {"de": "Nähen", "tr": "Dikiş"}
    assert after["text"]["tr"] == "Birlikte dikiyoruz."
    assert after["venue"]["access_notes"] == {"de": "Rampe", "tr": "Rampa"}
    same = [name for name in before if name not in {"title", "text", "venue"}]
    assert {name: after[name] for name in same} == {name: before[name] for name in same}
    assert (await events.messages("events", event_id))[-1]["type"] == "EventChanged"
    assert (await events.row(event_id)).version == version + 1
    assert "Approved" in (await theirs.get(f"/console/events/{event_id}")).text
    assert "waits for you" not in (await ours.get(f"/console/events/{event_id}")).text
    assert await audited(events, event_id) == ["translation.proposed", "translation.approved"]


async def test_the_host_declines_and_the_co_host_reads_why(events, host, guest):
    """A reason has to be given; the event is unchanged, and the co-host goes on from its own words."""
    event_id, theirs, ours = await proposed(events, host, guest)
    version = (await events.row(event_id)).version
    assert (await act(ours, event_id, "/decline", [("reason", " ")])).status == 422
    assert (await act(ours, event_id, "/decline", [("reason", "Bitte einfacher.")])).status == 303
    assert "Bitte einfacher." in (await theirs.get(f"/console/events/{event_id}")).text
    assert (await events.row(event_id)).version == version
    assert "Birlikte dikiyoruz." in (await theirs.get(path_of(event_id))).text
    assert (await act(theirs, event_id, fields=[("title", "Dikelim"), ("text", "")])).status == 303
    assert await audited(events, event_id) == [
        "translation.proposed", "translation.declined", "translation.proposed",
    ]  # fmt: skip


async def test_the_co_host_writes_its_open_proposal_anew(events, host, guest):
    """There is one proposal still; what the event holds already, and what lacks a title, is no proposal."""
    event_id, theirs, _ = await proposed(events, host, guest)
    assert (await act(theirs, event_id, fields=[("title", "Dikiş atölyesi")])).status == 303
    assert (await act(theirs, event_id, fields=[("title", "")])).status == 422
    async with events.database.read() as session:
        query = text("SELECT title, revision, state FROM translation_proposals WHERE event_id = :id")
        assert (await session.execute(query, {"id": event_id})).all() == [("Dikiş atölyesi", 2, "open")]
    event_id = await shared_event(events, host, guest, words=words("tr", "Dikiş", "Metin"))
    same = [("title", "Dikiş"), ("text", "Metin"), ("access_notes", "")]
    assert (await act(theirs, event_id, fields=same)).status == 409


async def test_another_organisation_reads_through_and_does_not_write_over(events, host, guest):
    """The host sees who has read it; who wrote it does not count, and writing it anew takes the word back."""
    third = await events.organisation("Dritte")
    event_id = await shared_event(events, host, guest, third)
    theirs, reader, ours = [await events.session_of(one) for one in (guest, third, host)]
    await act(theirs, event_id, fields=TURKISH)
    seen = hidden(await reader.get(path_of(event_id)), path_of(event_id) + "/reviewed")
    assert (await act(reader, event_id, fields=[("title", "Başka")], seen=seen)).status == 409
    assert (await act(theirs, event_id, "/reviewed", seen=seen)).status == 409
    assert (await act(reader, event_id, "/reviewed")).status == 303
    assert "Dritte" in (await ours.get(path_of(event_id))).text
    await act(theirs, event_id, fields=[("title", "Dikelim")])
    assert "Dritte" not in (await ours.get(path_of(event_id))).text
    assert (await act(reader, event_id, "/reviewed", seen=seen)).status == 409
    assert "translation.reviewed" in await audited(events, event_id)


async def test_the_host_sees_that_the_main_text_changed_since(events, host, guest):
    """Both texts stand there; once the co-host has saved its words against the new text, the note is gone."""
    event_id, theirs, ours = await proposed(events, host, guest)
    note = "The main text has changed since"
    assert note not in (await ours.get(path_of(event_id))).text
    await edit(ours, event_id, venue_name="Anderes Haus")
    assert note not in (await ours.get(path_of(event_id))).text
    await edit(ours, event_id, words=words("de", "Nähen", "Wir nähen und stricken."))
    page = (await ours.get(path_of(event_id))).text
    assert note in page
    assert "Wir nähen und stricken." in page
    assert "Wir nähen." in page
    assert note in (await theirs.get(path_of(event_id))).text
    assert (await act(theirs, event_id, fields=TURKISH)).status == 303
    assert note not in (await ours.get(path_of(event_id))).text


@pytest.mark.parametrize("what", ["proposal", "main text"])
async def test_the_host_approves_only_what_it_has_seen(events, host, guest, what):
    """Where the proposal or the text changed after the page was opened, nothing is written; the page comes anew."""
    event_id, theirs, ours = await proposed(events, host, guest)
    seen = hidden(await ours.get(path_of(event_id)), path_of(event_id) + "/approve")
    if what == "proposal":
        await act(theirs, event_id, fields=[("title", "Kötü bir söz")])
    else:
        await edit(ours, event_id, words=words("de", "Stricken"))
    assert (await act(ours, event_id, "/approve", seen=seen)).status == 409
    assert "tr" not in (await said(events, event_id))["title"]
    assert (await act(ours, event_id, "/approve")).status == 303


async def test_what_else_was_changed_meanwhile_stays(events, host, guest):
    """A colleague moves the event to another house while the host reads: both are saved, twice is once."""
    event_id, _, ours = await proposed(events, host, guest)
    seen = hidden(await ours.get(path_of(event_id)), path_of(event_id) + "/approve")
    await edit(ours, event_id, venue_name="Anderes Haus")
    assert (await act(ours, event_id, "/approve", seen=seen)).status == 303
    version = (await events.row(event_id)).version
    assert (await act(ours, event_id, "/approve", seen=seen)).status == 303
    now = await said(events, event_id)
    assert (now["venue"]["name"], now["title"]["tr"]) == ("Anderes Haus", "Dikiş")
    assert (await events.row(event_id)).version == version


async def test_approving_and_declining_at_once_is_one_of_them(events, host, guest):
    """One answer holds, the other is told that nothing waits any more; the event says the same."""
    event_id, _, ours = await proposed(events, host, guest)
    seen = hidden(await ours.get(path_of(event_id)), path_of(event_id) + "/approve")
    answers = await asyncio.gather(
        act(ours, event_id, "/approve", seen=seen),
        act(ours, event_id, "/decline", [("reason", "Nein.")], seen=seen),
    )
    assert sorted(answer.status for answer in answers) == [303, 409]
    approved = "tr" in (await said(events, event_id))["title"]
    assert (answers[0].status == 303) is approved


async def test_two_proposals_at_once_are_one(events, host, guest):
    """Two colleagues propose in the same moment: one waits, and the other is shown it with their own words kept."""
    event_id = await shared_event(events, host, guest)
    colleague = await events.colleague(guest.organisation_ids[0], Role.ORGANISER)
    browsers = [await events.session_of(one) for one in (guest, colleague)]
    seen = hidden(await browsers[0].get(path_of(event_id)), path_of(event_id))
    answers = await asyncio.gather(
        *(act(one, event_id, fields=[("title", f"Söz {n}")], seen=seen) for n, one in enumerate(browsers))
    )
    assert sorted(answer.status for answer in answers) == [303, 409]
    [refused] = [answer for answer in answers if answer.status == 409]
    assert "Söz 0" in refused.text
    assert "Söz 1" in refused.text


async def test_who_may_translate(events, host, guest):
    """A co-host's desk and viewer may not, a stranger finds nothing, and the host's form is where it edits."""
    event_id, theirs, ours = await proposed(events, host, guest)
    stranger = await events.session_of(await events.organisation("Fremd"))
    for role in (Role.DESK, Role.VIEWER):
        for side in (host, guest):
            browser = await events.session_of(await events.colleague(side.organisation_ids[0], role))
            assert (await browser.get(path_of(event_id))).status == 403
            assert "/translations" not in (await browser.get(f"/console/events/{event_id}")).text
    for path in (path_of(event_id), f"/console/events/{event_id}/translations"):
        assert (await stranger.get(path)).status == 404
    assert (await act(theirs, event_id, "/approve")).status == 403
    assert (await act(ours, event_id, fields=TURKISH)).status == 403
    for language in ("de", "xx"):
        assert (await theirs.get(path_of(event_id, language))).status == 404


async def test_an_ended_co_hosting_ends_translating_at_once(events, host, guest):
    """The form that was open is refused; what waits can still be decided by the host."""
    event_id, theirs, ours = await proposed(events, host, guest)
    page = f"/console/events/{event_id}/co-hosts"
    await send(ours, f"{page}/{guest.organisation_ids[0]}/end", [], page)
    assert (await theirs.get(path_of(event_id))).status == 404
    answer = await send(theirs, path_of(event_id), [("title", "Sonra")], "/console")
    assert answer.status == 404
    assert (await act(ours, event_id, "/approve")).status == 303


async def test_a_draft_and_a_cancelled_event(events, host, guest):
    """A draft is translated before it is published; a cancelled event stays as it is."""
    event_id = await events.draft(host)
    await events.co_hosts(host, event_id, guest.organisation_ids[0], accepted_by=guest)
    theirs, ours = await events.session_of(guest), await events.session_of(host)
    assert (await act(theirs, event_id, fields=TURKISH)).status == 303
    assert (await act(ours, event_id, "/approve")).status == 303
    shown = (await ours.get(f"/api/events/{event_id}/content")).json()["content"]
    assert shown["sessions"] == content().model_dump(mode="json")["sessions"]
    assert shown["words"]["tr"]["title"] == "Dikiş"
    event_id, theirs, ours = await proposed(events, host, guest)
    async with events.database.begin() as session:
        cancelled = "UPDATE events SET state = 'cancelled', cancelled_at = now() WHERE id = :id"
        await session.execute(text(cancelled), {"id": event_id})
    assert (await act(ours, event_id, "/approve")).status == 409
    assert (await act(theirs, event_id, fields=[("title", "Sonra")])).status == 409
    assert "Translate<" not in (await theirs.get(f"/console/events/{event_id}")).text
