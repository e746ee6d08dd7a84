"""What staff do from the list: for one and for many, once each, within the capacity, told and written down."""

import asyncio
import json
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text

from services.registrations.actions import commands
from services.registrations.actions.model import Action, Outcome
from services.registrations.main import create_api
from shared.contracts.organisations import Role
from shared.database.migrations import upgrade
from tests.support import registrations as given
from tests.support.registration_list import act, admitted
from tests.support.registration_pages import hidden, messages, open_event, registrations, signed_in, where, words

BEGAN = timedelta(minutes=-30)
"""An event that has begun offers nothing any more: who stands at the door waits for the desk."""


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


async def states(database, event):
    return {row.id: row.state for row in await registrations(database, event)}


async def pool(database, event):
    async with database.read() as session:
        found = await session.execute(text("SELECT * FROM places WHERE event_id = :id"), {"id": event.id})
        return found.one()


def path_of(event, rest=""):
    return f"/registrations/console/events/{event.id}{rest}"


async def send(browser, event, action, *ids, shown="live", **fields):
    """As the list's form does, without JavaScript; ticks are fields of one name."""
    own = await hidden(browser, path_of(event, f"?state={shown}"))
    pairs = [("action", action), *(("registration", str(one)) for one in ids), *own.items(), *fields.items()]
    body = "&".join(f"{name}={value}" for name, value in pairs).encode()
    form = {"content-type": "application/x-www-form-urlencoded"}
    return await browser.request("POST", path_of(event, "/actions"), body, form)


async def test_a_party_is_moved_up_where_there_is_room_and_told_as_everybody_is(database):
    """At the door the desk gives a free place to whom it wants; who does not fit is refused, and nothing changes."""
    event = await open_event(database, 2, starts_in=BEGAN)
    first, second, large = await admitted(database, event, given.wish(size=2), given.wish(), given.wish(size=2))
    assert await act(database, event, Action.MOVE_UP, second) == {second: (Outcome.NO_ROOM, 0)}
    await act(database, event, Action.PARTY, first, party_size=1)
    assert (await states(database, event))[second] == "waitlisted"
    done = await act(database, event, Action.MOVE_UP, first, second, large)
    expected = {first: (Outcome.UNCHANGED, None), second: (Outcome.DONE, None), large: (Outcome.NO_ROOM, 0)}
    assert done == expected
    told = await messages(database, event, "RegistrationConfirmed")
    assert [m["registration_id"] for m in told] == [str(first), str(second)]
    counts = await pool(database, event)
    assert (counts.taken, counts.waiting, counts.waiting_parties) == (2, 2, 1)


async def test_who_was_offered_a_place_and_says_yes_on_the_phone_has_it(database):
    """An open offer becomes a confirmed place by hand; a number whose owner has not answered does not."""
    event = await open_event(database, 1)
    first, waits = await admitted(database, event, given.wish(), given.wish())
    await act(database, event, Action.CANCEL, first)
    assert (await states(database, event))[waits] == "offered"
    assert await act(database, event, Action.MOVE_UP, waits) == {waits: (Outcome.DONE, None)}
    assert (await states(database, event))[waits] == "confirmed"
    other = await open_event(database, 3)
    (asked,) = await admitted(database, other, given.wish(given.number(), ask_owner=True))
    assert await act(database, other, Action.MOVE_UP, asked) == {asked: (Outcome.NOT_ANSWERED, None)}


async def test_many_who_move_up_at_once_never_oversell(database):
    """Twelve members give three places away at the same moment: three parties get one, and the counts agree."""
    event = await open_event(database, 3, starts_in=BEGAN)
    ids = await admitted(database, event, given.wish(size=3), *(given.wish() for _ in range(12)))
    await act(database, event, Action.CANCEL, ids[0])
    results = await asyncio.gather(*(act(database, event, Action.MOVE_UP, one) for one in ids[1:]))
    outcomes = [outcome for result in results for outcome, _ in result.values()]
    assert (outcomes.count(Outcome.DONE), outcomes.count(Outcome.NO_ROOM)) == (3, 9)
    rows = await registrations(database, event)
    assert sum(row.party_size for row in rows if row.state == "confirmed") == (await pool(database, event)).taken == 3


async def test_those_who_wait_are_cancelled_before_those_who_have_places(database):
    """Nobody is offered a place on the way out; who stays on the waitlist is."""
    event = await open_event(database, 1)
    has, out, stays = await admitted(database, event, given.wish(), given.wish(), given.wish())
    await act(database, event, Action.CANCEL, has, out)
    assert await states(database, event) == {has: "cancelled", out: "cancelled", stays: "offered"}
    told = await messages(database, event, "PlaceOffered")
    assert [m["registration_id"] for m in told] == [str(stays)]
    assert {m["by"] for m in await messages(database, event, "RegistrationCancelled")} == {"organiser"}


async def test_what_fails_for_one_stops_no_other(database):
    """Too large, ended, of another event: each is said, and the rest is done."""
    event, other = await open_event(database, 4), await open_event(database)
    grows, also, ended = await admitted(database, event, given.wish(), given.wish(size=2), given.wish())
    (foreign,) = await admitted(database, other, given.wish())
    await act(database, event, Action.CANCEL, ended)
    done = await act(database, event, Action.PARTY, grows, also, ended, foreign, party_size=3)
    assert (done[grows], done[also]) == ((Outcome.TOO_LARGE, 2), (Outcome.DONE, None))
    assert (done[ended], done[foreign]) == ((Outcome.ENDED, None), (Outcome.UNKNOWN, None))
    assert (await registrations(database, other))[0].party_size == 1
    counts, rows = await pool(database, event), await registrations(database, event)
    assert counts.taken == sum(row.party_size for row in rows if row.holds_places) <= 4


async def test_the_same_instruction_twice_is_carried_out_once(database):
    """At the same time or later, whatever happened in between: the answer is that of the first."""
    event = await open_event(database)
    (one,) = await admitted(database, event, given.wish())
    key, by = uuid4(), uuid4()
    note = {"note": "Called", "added": True, "key": key, "by": by}
    results = await asyncio.gather(*(act(database, event, Action.NOTE, one, **note) for _ in range(5)))
    assert results == [{one: (Outcome.DONE, None)}] * 5
    assert (await registrations(database, event))[0].note == "Called"
    await act(database, event, Action.NOTE, one, note="Something else")
    assert await act(database, event, Action.NOTE, one, **note) == {one: (Outcome.DONE, None)}
    assert (await registrations(database, event))[0].note == "Something else"


async def test_without_the_claim_the_same_instruction_would_count_twice(database, monkeypatch):
    """The control: with each try as if it were the first, the note stands there twice."""

    async def claim_all(_session, _instruction, ids, _now):
        return set(ids)

    monkeypatch.setattr(commands, "_claim", claim_all)
    event, key = await open_event(database), uuid4()
    (one,) = await admitted(database, event, given.wish())
    for _ in range(2):
        await act(database, event, Action.NOTE, one, note="Called", added=True, key=key)
    assert (await registrations(database, event))[0].note == "Called\nCalled"


async def test_what_a_crash_cut_off_is_carried_on(database, monkeypatch):
    """After a failure in the second batch the first stands; the same instruction again does the rest alone."""
    event = await open_event(database, 60)
    ids = await admitted(database, event, *(given.wish() for _ in range(30)))
    key, by, batches = uuid4(), uuid4(), 0
    whole = commands._Batch.carry_out

    async def cut(self, rows):
        nonlocal batches
        batches += 1
        if batches == 2:
            raise ConnectionResetError
        await whole(self, rows)

    monkeypatch.setattr(commands._Batch, "carry_out", cut)
    with pytest.raises(ConnectionResetError):
        await act(database, event, Action.CANCEL, *ids, key=key, by=by)
    assert list((await states(database, event)).values()).count("cancelled") == commands.AT_ONCE
    monkeypatch.setattr(commands._Batch, "carry_out", whole)
    done = await act(database, event, Action.CANCEL, *ids, key=key, by=by)
    assert set(done.values()) == {(Outcome.DONE, None)}
    assert len(await messages(database, event, "RegistrationCancelled")) == 30


async def test_every_change_is_in_the_audit_log_and_no_word_of_a_note(database):
    """Who, what, from what to what; what changed nothing is not there."""
    event, by = await open_event(database), uuid4()
    (one,) = await admitted(database, event, given.wish(size=2))
    await act(database, event, Action.PARTY, one, party_size=3, by=by)
    await act(database, event, Action.PARTY, one, party_size=3, by=by)
    await act(database, event, Action.NOTE, one, note="Secret diagnosis", by=by)
    await act(database, event, Action.MARK, one, by=by)
    await act(database, event, Action.MARK, one, by=by)
    await act(database, event, Action.CANCEL, one, by=by)
    told = await messages(database, event, "ChangeRecorded")
    assert [(m["action"], m["before"], m["after"]) for m in told] == [
        ("registration.party-changed", {"party_size": 2}, {"party_size": 3}),
        ("registration.note-changed", {}, {}),
        ("registration.marked", {}, {}),
        ("registration.cancelled", {"state": "confirmed"}, {"state": "cancelled"}),
    ]
    assert {(m["person_id"], m["subject_id"]) for m in told} == {(str(by), str(one))}
    assert "diagnosis" not in json.dumps(told)


async def test_notes_have_an_end_and_marks_come_and_go(database):
    """Below a long note nothing fits; a mark that is taken away is away."""
    event = await open_event(database)
    (one,) = await admitted(database, event, given.wish())
    await act(database, event, Action.NOTE, one, note="x" * 1999)
    refused = await act(database, event, Action.NOTE, one, note="yy", added=True)
    assert refused == {one: (Outcome.NOTE_TOO_LONG, None)}
    await act(database, event, Action.MARK, one)
    assert (await registrations(database, event))[0].marked is True
    await act(database, event, Action.UNMARK, one)
    row = (await registrations(database, event))[0]
    assert (row.marked, len(row.note)) == (False, 1999)


async def test_ticks_become_what_was_done_step_by_step(app, database):
    """Tick, choose, see who it is about, confirm, read what came of each; the link back keeps the search."""
    event = await open_event(database)
    ids = await admitted(database, event, given.wish(name="Ada"), given.wish(name="Bea"))
    browser = await signed_in(app, event, Role.DESK)
    step = await send(browser, event, "cancel", *ids, search="sort%3Dname")
    assert step.status == 200
    assert "Ada" in words(step)
    assert "Each person gets a message." in words(step)
    assert set((await states(database, event)).values()) == {"confirmed"}
    done = await send(browser, event, "cancel", *ids, confirmed="yes", search="sort%3Dname")
    page = await browser.get(where(done))
    assert "Done for 2 registrations" in words(page)
    assert f'href="{path_of(event)}?sort=name"' in page.text
    assert set((await states(database, event)).values()) == {"cancelled"}
    again = await browser.get(
        where(await send(browser, event, "party", *ids, shown="ended", confirmed="yes", party_size="2"))
    )
    assert "This could not be done for 2 registrations" in words(again)
    assert "The registration has ended" in words(again)
    marked = await send(browser, event, "mark", ids[0], shown="ended")
    assert "Done for 1 registration" in words(await browser.get(where(marked)))


async def test_a_form_that_cannot_be_carried_out_says_why(app, database):
    """Nothing ticked, nothing chosen, no number, a note beyond its end: what was typed stays."""
    event = await open_event(database)
    (one,) = await admitted(database, event, given.wish(name="Ada"))
    browser = await signed_in(app, event)
    for ids, action, fields, sentence in (
        ((), "mark", {}, "Tick at least one registration."),
        ((one,), "nonsense", {}, "Choose one of the answers."),
        ((one,), "party", {"party_size": "many"}, "Write how many people come"),
        ((one,), "party", {"party_size": "99"}, "At most 10 people can come together."),
        ((one,), "note", {"note": "n" * 2001}, "At most 2,000 characters fit."),
    ):
        answer = await send(browser, event, action, *ids, confirmed="yes", **fields)
        assert answer.status == 422
        assert sentence in words(answer), action
        assert all(value in answer.text for value in fields.values())
    row = (await registrations(database, event))[0]
    assert (row.party_size, row.note, row.marked) == (1, "", False)


async def test_one_registration_has_a_page_with_everything_that_can_be_done(app, database):
    """Its note and number are there to be changed; of an ended one only note and mark."""
    event = await open_event(database)
    one, other = await admitted(database, event, given.wish(name="Ada", size=2), given.wish(name="Bea"))
    await act(database, event, Action.NOTE, one, note="First line\nSecond line")
    await act(database, event, Action.CANCEL, other)
    browser = await signed_in(app, event, Role.DESK)
    page = await browser.get(path_of(event, f"/registrations/{one}"))
    assert "First line\nSecond line" in page.text
    assert 'name="party_size" type="text" value="2"' in page.text
    assert "example.org" not in page.text
    ended = await browser.get(path_of(event, f"/registrations/{other}"))
    assert 'name="party_size"' not in ended.text
    assert (await browser.get(path_of(event, f"/registrations/{uuid4()}"))).status == 404


async def test_programs_act_with_a_key(app, database):
    """The same key is carried out once; another member's key, role or event is none."""
    event = await open_event(database)
    (one,) = await admitted(database, event, given.wish(size=2))
    browser = await signed_in(app, event, Role.DESK)
    path = f"/registrations/api/console/events/{event.id}/actions"
    headers = {"content-type": "application/json", "idempotency-key": str(uuid4())}
    body = json.dumps({"action": "party", "registrations": [str(one)], "party_size": 4}).encode()
    told = {"outcomes": [{"registration_id": str(one), "outcome": "done", "most": None}]}
    for _ in range(2):
        answer = await browser.request("POST", path, body, headers)
        assert (answer.status, answer.json()) == (200, told)
    assert (await registrations(database, event))[0].party_size == 4
    assert len(await messages(database, event, "PartyChanged")) == 1
    lacking = await browser.post_json(path, {"action": "party", "registrations": [str(one)]})
    assert lacking.status == 422
    assert (await (await signed_in(app)).request("POST", path, body, headers)).status == 404
    viewer = await signed_in(app, event, Role.VIEWER)
    assert (await viewer.request("POST", path, body, headers)).status == 403


async def test_what_came_of_it_is_forgotten_after_a_day(database):
    """The timer deletes outcomes older than a day, and no others."""
    event = await open_event(database)
    (one,) = await admitted(database, event, given.wish())
    await act(database, event, Action.MARK, one)
    async with database.begin() as session:
        await session.execute(text("UPDATE action_outcomes SET done_at = now() - interval '25 hours'"))
    await act(database, event, Action.UNMARK, one)
    await commands.forgetting_timer(database).action()
    async with database.read() as session:
        left = await session.execute(text("SELECT action FROM action_outcomes"))
        assert left.scalars().all() == ["unmark"]
