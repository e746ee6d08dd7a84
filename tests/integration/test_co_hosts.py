"""An organisation is asked to co-host, answers, and leaves; both are named; the host decides what it may see."""

import asyncio
import json

import pytest

from shared.contracts.organisations import Role
from tests.support.events_service import owner_address, send, taken_over


@pytest.fixture
async def host(events):
    return await events.organisation("Amt")


@pytest.fixture
async def guest(events):
    return await events.organisation("Verein")


def page_of(event_id):
    return f"/console/events/{event_id}/co-hosts"


def asks_for(member, scope="names", role="partner"):
    return [("organisation", str(member.organisation_ids[0])), ("role", role), ("scope", scope)]


async def asked(events, host, guest, **changes):
    """A published event to which the guest is invited, and the host's browser."""
    event_id, browser = await events.published(host), await events.session_of(host)
    answer = await send(browser, page_of(event_id), asks_for(guest, **changes))
    assert answer.status == 303, answer.text
    return event_id, browser


async def answered(events, guest, event_id, answer):
    browser = await events.session_of(guest)
    path = f"{page_of(event_id)}/{guest.organisation_ids[0]}/answer"
    return await send(browser, path, [("answer", answer)], page_of(event_id))


async def told(events, event_id):
    """What the other services were last told of the co-hosts."""
    return (await events.messages("events", event_id))[-1]["event"]["co_hosts"]


async def test_an_invited_organisation_co_hosts_once_it_accepts(events, host, guest):
    """Until then nobody hears of it; then it is named on the page, in the programme's JSON and in JSON-LD."""
    event_id, _ = await asked(events, host, guest)
    assert await told(events, event_id) == []
    mail = (await events.messages("notification-requests"))[-1]
    assert (mail["template"], mail["person_id"]) == ("co-host-invited", str(guest.person_id))
    assert page_of(event_id) in (await (await events.session_of(guest)).get("/console")).text
    assert (await answered(events, guest, event_id, "yes")).status == 303
    assert page_of(event_id) not in (await (await events.session_of(guest)).get("/console")).text
    organisation_id = str(guest.organisation_ids[0])
    assert await told(events, event_id) == [{"organisation_id": organisation_id, "role": "partner", "scope": "names"}]
    row = await events.row(event_id)
    page = (await events.browser("de").get(f"/events/{row.code}")).text
    assert f'href="/organisations/{organisation_id}"' in page
    structured = json.loads(page.partition('<script type="application/ld+json">')[2].partition("</script>")[0])
    assert [one["name"] for one in structured["organizer"]] == ["Amt", "Verein"]
    shown = (await events.browser().get(f"/api/events/{row.code}")).json()
    assert [one["id"] for one in shown["co_hosts"]] == [organisation_id]
    assert "Nähen" in (await events.browser().get(f"/organisations/{organisation_id}")).text
    mail = (await events.messages("notification-requests"))[-1]
    assert (mail["template"], mail["data"]["state"]) == ("co-host-changed", "accepted")
    assert mail["person_id"] == str(host.person_id)


async def test_who_declines_sees_nothing_and_can_be_asked_again(events, host, guest):
    """After a no the event is not there for the organisation; a second invitation can be accepted."""
    event_id, browser = await asked(events, host, guest)
    await answered(events, guest, event_id, "no")
    assert (await (await events.session_of(guest)).get(page_of(event_id))).status == 404
    await send(browser, page_of(event_id), asks_for(guest, "counts"))
    await answered(events, guest, event_id, "yes")
    assert [one["scope"] for one in await told(events, event_id)] == ["counts"]


@pytest.mark.parametrize("by", ["host", "co-host"])
async def test_either_side_ends_it(events, host, guest, by):
    """At once: the event's state without the co-host is published, and the other side gets a mail."""
    event_id, browser = await asked(events, host, guest)
    await answered(events, guest, event_id, "yes")
    path, theirs = f"{page_of(event_id)}/{guest.organisation_ids[0]}", await events.session_of(guest)
    if by == "host":
        await send(browser, f"{path}/end", [], page_of(event_id))
    else:
        await send(theirs, f"{path}/leave", [], page_of(event_id))
    assert await told(events, event_id) == []
    assert (await theirs.get(f"/console/events/{event_id}")).status == 404
    mail = (await events.messages("notification-requests"))[-1]
    assert mail["data"]["state"] == {"host": "ended", "co-host": "left"}[by]
    assert mail["person_id"] == str({"host": guest, "co-host": host}[by].person_id)


async def test_a_smaller_scope_holds_at_once_and_an_edit_in_between_is_not_disturbed(events, host, guest):
    """The host cuts the scope down while somebody has the event's form open: both are saved."""
    event_id, browser = await asked(events, host, guest, scope="contact")
    await answered(events, guest, event_id, "yes")
    form_at = (await events.row(event_id)).version
    await send(browser, page_of(event_id), asks_for(guest, "nothing"))
    assert [one["scope"] for one in await told(events, event_id)] == ["nothing"]
    content = (await browser.get(f"/api/events/{event_id}/content")).json()["content"] | {"venue_name": "Anderes Haus"}
    headers = {"if-match": f'"{form_at}"', "content-type": "application/json"}
    saved = await browser.request("PUT", f"/api/events/{event_id}/content", json.dumps(content).encode(), headers)
    assert saved.status == 200, saved.text


async def test_a_co_host_looks_and_changes_nothing(events, host, guest):
    """The event's page is there for it without actions; each way to change it says no."""
    event_id, _ = await asked(events, host, guest)
    await answered(events, guest, event_id, "yes")
    browser = await events.session_of(guest)
    page = await browser.get(f"/console/events/{event_id}")
    assert page.status == 200
    assert "/edit" not in page.text
    for path in ("/edit", "/reschedule", "/cancel", "/history"):
        assert (await browser.get(f"/console/events/{event_id}{path}")).status == 403, path


async def test_the_events_log_names_the_other_organisation_and_not_its_people(events, host, guest):
    """The host reads which organisation said yes and which it asked; of the addresses it reads its own alone."""
    event_id, browser = await asked(events, host, guest)
    await answered(events, guest, event_id, "yes")
    await taken_over(events)
    log = (await browser.get(f"/console/events/{event_id}/history")).text
    assert "Accepted to co-host" in log
    assert owner_address(host.organisation_ids[0]) in log
    assert owner_address(guest.organisation_ids[0]) not in log
    assert log.count("Verein") == 2
    page = f"/console/organisations/{guest.organisation_ids[0]}/history"
    assert owner_address(guest.organisation_ids[0]) in (await (await events.session_of(guest)).get(page)).text


@pytest.mark.parametrize("role", [Role.DESK, Role.VIEWER])
async def test_only_who_makes_events_decides_about_co_hosting(events, host, guest, role):
    """Neither side's desk or viewer asks, answers or ends."""
    event_id, _ = await asked(events, host, guest)
    for side in (host, guest):
        browser = await events.session_of(await events.colleague(side.organisation_ids[0], role))
        assert (await browser.get(page_of(event_id))).status in {403, 404}


async def test_nobody_co_hosts_its_own_event_or_one_that_it_was_not_asked_to(events, host, guest):
    """The form says no, and the routes of answers know of no invitation."""
    event_id, browser = await asked(events, host, guest)
    assert (await send(browser, page_of(event_id), asks_for(host))).status == 422
    stranger = await events.organisation("Fremd")
    theirs = await events.session_of(stranger)
    path = f"{page_of(event_id)}/{stranger.organisation_ids[0]}/answer"
    answer = await send(theirs, path, [("answer", "yes")], "/console")
    assert answer.status == 404
    other = f"{page_of(event_id)}/{guest.organisation_ids[0]}/answer"
    assert (await send(theirs, other, [("answer", "yes")], "/console")).status == 404
    assert await told(events, event_id) == []


async def test_two_answers_at_once_are_one(events, host, guest):
    """Yes and no in the same moment: one of them holds, and the event says the same as the row."""
    event_id, _ = await asked(events, host, guest)
    await asyncio.gather(*(answered(events, guest, event_id, one) for one in ("yes", "no", "yes")))
    row = (await (await events.session_of(host)).get(page_of(event_id))).text
    assert ("Co-hosts" in row) is bool(await told(events, event_id))
