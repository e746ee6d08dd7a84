"""The call list at the desk: the most urgent first, found by name, told by one, and seen by nobody else."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from services.notifications.calls import commands
from shared.contracts.organisations import Role
from shared.contracts.registrations import (
    PartyChanged,
    PlaceOffered,
    RegistrationCancelled,
    RegistrationConfirmed,
    RegistrationWaitlisted,
)
from tests.support import notifications as given
from tests.support.call_list import (
    CALLS,
    UNTIL,
    desk_of,
    heard,
    ledger,
    on_paper,
    press_told,
    published,
    running_api,
    soon,
)
from tests.support.registration_pages import words


@pytest.fixture(scope="module")
async def database(database_url):
    async with given.open_database(database_url("notifications")) as database:
        yield database


@pytest.fixture(scope="module")
async def app(database):
    async with running_api(database.url) as app:
        yield app


async def test_told_ends_all_that_the_page_showed_of_the_person_and_nothing_newer(app, database):
    """Each entry has its line in the log, without a name; what came meanwhile stays open."""
    state = soon()
    desk = await desk_of(app, state)
    waits = (RegistrationWaitlisted, {"position": 1})
    person_id, registration_id = await on_paper(
        database, state, waits, (PartyChanged, {"previous_size": 2, "waits": True})
    )
    *_, shown = await ledger(database, person_id)
    await heard(database, state, person_id, registration_id, (PlaceOffered, {"expires_at": UNTIL}))
    answer = await press_told(desk, shown.id)
    assert (answer.status, answer.headers["location"]) == (303, f"{CALLS}?done=told")
    assert "the person has been told" in words(await desk.get(answer.headers["location"]))
    rows = await ledger(database, person_id)
    assert [(row.state, row.told_by) for row in rows] == [("delivered", desk.person_id)] * 2 + [("queued", None)]
    logged = await published(database, "audit", state.id)
    assert [(line["action"], line["after"]) for line in logged] == [
        ("call.told", {"template": "waitlist"}),
        ("call.told", {"template": "party-changed"}),
    ]
    assert {line["person_id"] for line in logged} == {str(desk.person_id)}
    assert not any("Ada" in str(line) for line in logged)
    done = words(await desk.get(f"{CALLS}?event={state.id}&ended=1"))
    assert done.count("You told the person") == 2


async def both_press(database, state, members):
    """How many of these members, pressing at the same moment, were the one who told."""
    person_id, _ = await on_paper(database, state, (RegistrationCancelled, {"by": "organiser"}))
    (row,) = await ledger(database, person_id)

    async def press(member):
        async with database.begin() as session:
            return await commands.settle_calls(session, {row.id: member}, datetime.now(UTC))

    told = await asyncio.gather(*(press(member) for member in members))
    return person_id, sum(bool(rows) for rows in told)


async def test_of_two_desks_that_press_at_once_one_has_told(app, database):
    """The other is told so; one outcome is published, and one line logged."""
    state = soon()
    for _ in range(5):
        person_id, winners = await both_press(database, state, [uuid4(), uuid4()])
        assert winners == 1
        (row,) = await ledger(database, person_id)
        assert len(await published(database, "deliveries", row.id)) == 1
    desk = await desk_of(app, state)
    answer = await press_told(desk, row.id)
    assert answer.headers["location"] == f"{CALLS}?done=already"
    assert "Somebody was quicker" in words(await desk.get(answer.headers["location"]))
    assert await published(database, "audit", state.id) == []


async def test_without_its_guard_both_would_have_told(database, monkeypatch):
    """The negative control: the same race against a statement that does not ask for the state."""
    monkeypatch.setattr(commands, "_SETTLE", commands.settling("true"))
    _, winners = await both_press(database, soon(), [uuid4(), uuid4()])
    assert winners == 2


async def test_the_most_urgent_comes_first_and_one_call_tells_it_all(app, database):
    """One entry per person, ordered by what is too late first, then by what has waited longest."""
    state = soon()
    desk = await desk_of(app, state)
    for name, message in (
        ("Waits", (RegistrationWaitlisted, {"position": 1})),
        ("Later", (PlaceOffered, {"expires_at": UNTIL})),
        ("First", (PlaceOffered, {"expires_at": UNTIL - timedelta(hours=3)})),
    ):
        await on_paper(database, state, message, name=name, language="en")
    page = (await desk.get(f"{CALLS}?event={state.id}")).text
    names = re.findall(r'<h2 class="kern-heading-medium"><bdi>(\w+)</bdi>', page)
    assert names == ["First", "Later", "Waits"]
    assert "3 people have to be told something." in page


async def test_a_person_is_found_by_name_and_no_name_stands_in_an_address(app, database):
    """Whatever the spelling; the search is a form, and its links lead to the list alone."""
    state = soon(code="SUCHE")
    desk = await desk_of(app, state)
    await on_paper(database, state, (RegistrationWaitlisted, {"position": 1}), name="İpek Yıldız")
    await on_paper(database, state, (RegistrationWaitlisted, {"position": 2}), name="Somebody Else")
    opened = await desk.get(CALLS)
    form = dict(re.findall(r'name="(csrf_token|request_key)" value="([^"]+)"', opened.text))
    for sought in ("ipek", "YILDIZ", "suche ipek"):
        found = await desk.post(CALLS, form | {"words": sought})
        assert found.status == 200
        assert "Yıldız" in words(found)
        assert "Somebody Else" not in words(found)
        assert not re.search(r'(href|action)="[^"]*(ipek|YILDIZ)', found.text)
    assert "Nobody found" in words(await desk.post(CALLS, form | {"words": "peki"}))


async def test_the_list_is_the_host_s_desk_s_alone(app, database):
    """A viewer may not see it, another organisation's desk neither sees nor ends anything of it."""
    state, other = soon(), soon()
    person_id, _ = await on_paper(database, state, (RegistrationWaitlisted, {"position": 1}), name="Secret Name")
    (row,) = await ledger(database, person_id)
    viewer = await desk_of(app, state, role=Role.VIEWER)
    assert (await viewer.get(CALLS)).status == 403
    stranger = await desk_of(app, other)
    await on_paper(database, other, (RegistrationWaitlisted, {"position": 1}))
    assert "Secret Name" not in (await stranger.get(CALLS)).text
    assert (await stranger.get(f"{CALLS}?event={state.id}")).status == 404
    assert (await press_told(stranger, row.id)).status == 404
    assert (await press_told(stranger, uuid4())).status == 404
    both = await desk_of(app, other)
    await desk_of(app, state)
    opened = await both.get(CALLS)
    form = dict(re.findall(r'name="(csrf_token|request_key)" value="([^"]+)"', opened.text))
    assert (await viewer.post(f"{CALLS}/{row.id}/told", form)).status in {403, 404}
    assert (await ledger(database, person_id))[0].state == "queued"


async def test_only_entries_of_the_list_can_be_told(app, database):
    """An SMS that waits is no entry."""
    state = soon()
    desk = await desk_of(app, state)
    await given.publish_event(database, state)
    person_id = await given.publish_contact(database)
    await given.hand_in(database, given.registered(RegistrationConfirmed, state.id, person_id))
    (row,) = await ledger(database, person_id)
    assert (await press_told(desk, row.id)).status == 404
    assert (await ledger(database, person_id))[0].state == "queued"
