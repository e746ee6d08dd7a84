"""Two people swap their shifts: both agree, or everything stays, also where a swap dies in the middle."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from services.registrations.registrations import commands as registrations
from services.registrations.swaps import commands
from services.registrations.swaps.commands import Asking, CannotSwapError, NothingAskedError, answer, ask
from services.registrations.swaps.model import Outcome
from shared.contracts.organisations import Role
from shared.contracts.registrations import EndedBy
from tests.support import registrations as given
from tests.support.asgi_client import AsgiClient
from tests.support.registration_pages import messages, running_api, send, signed_in, words
from tests.support.registration_phone import Phone
from tests.support.shifts import open_day, places_of, take


@pytest.fixture(scope="module")
async def app(database_url):
    async with running_api(database_url("registrations")) as app:
        yield app


@pytest.fixture
def database(app):
    return app.state.database


def now():
    return datetime.now(UTC)


def asking(day):
    return Asking(uuid4(), day.organisation_id, day.id, now())


async def do(database, command, *args, **more):
    async with database.begin() as session:
        return await command(session, given.VAULT, *args, **more)


async def a_pair(database, **more):
    """Ada in the first shift, Berta in the second; both are asked to swap."""
    day = await open_day(database, **more)
    [ada] = await take(database, day, given.wish(given.number(), name="Ada"), 1)
    [berta] = await take(database, day, given.wish(given.number(), name="Berta"), 3)
    await do(database, ask, asking(day), ada.id, berta.id)
    return day, ada, berta


async def where(database, *admitted):
    async with database.read() as session:
        rows = await session.execute(text("SELECT id, places_id FROM registrations"))
        found = {row.id: row.places_id for row in rows}
    return [found[one.id] for one in admitted]


async def counts(database, day):
    async with database.read() as session:
        rows = await session.execute(text("SELECT id, taken FROM places WHERE event_id = :id"), {"id": day.id})
        return {row.id: row.taken for row in rows}


async def told(database, day, template):
    asked = [one for one in await messages(database, day, "NotificationRequested") if one["template"] == template]
    return [(one["person_id"], one["data"]["places_id"]) for one in asked]


async def test_both_agree_and_change_places(database):
    """Each is told of the shift they have now; the places are counted as before, and nothing is asked any more."""
    day, ada, berta = await a_pair(database)
    before = await counts(database, day)
    assert sorted(await told(database, day, "swap-asked")) == sorted(
        [(str(ada.person_id), str(places_of(day, 1)[0])), (str(berta.person_id), str(places_of(day, 3)[0]))]
    )
    assert await do(database, answer, ada.id, now(), agreed=True) is None
    assert await where(database, ada, berta) == places_of(day, 1, 3)
    assert await do(database, answer, berta.id, now(), agreed=True) is Outcome.DONE
    assert await where(database, ada, berta) == places_of(day, 3, 1)
    assert await counts(database, day) == before
    assert sorted(await told(database, day, "swapped")) == sorted(
        [(str(ada.person_id), str(places_of(day, 3)[0])), (str(berta.person_id), str(places_of(day, 1)[0]))]
    )
    with pytest.raises(NothingAskedError):
        await do(database, answer, ada.id, now(), agreed=True)


async def test_both_agree_at_once(database):
    """In two transactions at one time: one of them swaps, and it is done once."""
    day, ada, berta = await a_pair(database)
    said = await asyncio.gather(*(do(database, answer, one.id, now(), agreed=True) for one in (ada, berta)))
    assert set(said) == {None, Outcome.DONE}
    assert await where(database, ada, berta) == places_of(day, 3, 1)
    assert len(await told(database, day, "swapped")) == 2


async def test_one_no_leaves_everything(database):
    """The other is told that nothing changes, also where they had agreed."""
    day, ada, berta = await a_pair(database)
    await do(database, answer, ada.id, now(), agreed=True)
    assert await do(database, answer, berta.id, now(), agreed=False) is Outcome.DECLINED
    assert await where(database, ada, berta) == places_of(day, 1, 3)
    assert await told(database, day, "swap-ended") == [(str(ada.person_id), str(places_of(day, 1)[0]))]


@pytest.mark.parametrize("step", ["touch_lists", "_tell"])
async def test_a_swap_that_dies_in_the_middle_leaves_both_where_they_were(database, monkeypatch, step):
    """The database loses the connection between the change and the commit; the next yes swaps them."""
    day, ada, berta = await a_pair(database)
    await do(database, answer, ada.id, now(), agreed=True)

    async def die(session, *_args, **_more):
        moved = (
            await session.execute(text("SELECT places_id FROM registrations WHERE id = :id"), {"id": ada.id})
        ).scalar_one()
        assert moved == places_of(day, 3)[0]
        pid = (await session.execute(text("SELECT pg_backend_pid()"))).scalar_one()
        async with database.begin() as other:
            await other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
        await session.execute(text("SELECT 1"))

    with monkeypatch.context() as broken:
        broken.setattr(commands, step, die)
        with pytest.raises(DBAPIError):
            await do(database, answer, berta.id, now(), agreed=True)
    assert await where(database, ada, berta) == places_of(day, 1, 3)
    assert await told(database, day, "swapped") == []
    assert await do(database, answer, berta.id, now(), agreed=True) is Outcome.DONE
    assert await where(database, ada, berta) == places_of(day, 3, 1)


async def test_who_has_another_shift_by_then_does_not_swap(database):
    """Ada takes a shift at Berta's time meanwhile: both stay, and both are told."""
    day, ada, berta = await a_pair(database)
    await do(database, answer, berta.id, now(), agreed=True)
    async with database.read() as session:
        address = (
            await session.execute(text("SELECT address FROM people WHERE id = :id"), {"id": ada.person_id})
        ).scalar_one()
    [also] = await take(database, day, given.wish(address), 4)
    assert also.person_id == ada.person_id
    assert await do(database, answer, ada.id, now(), agreed=True) is Outcome.IMPOSSIBLE
    assert await where(database, ada, berta) == places_of(day, 1, 3)
    assert len(await told(database, day, "swap-ended")) == 2


async def test_who_gave_the_place_back_does_not_swap(database):
    """The other keeps theirs and is told; who left is not."""
    day, ada, berta = await a_pair(database)
    async with database.begin() as session:
        await registrations.cancel(session, given.VAULT, given.RULES, ada.id, EndedBy.PERSON, now())
    assert await do(database, answer, berta.id, now(), agreed=True) is Outcome.IMPOSSIBLE
    assert await told(database, day, "swap-ended") == [(str(berta.person_id), str(places_of(day, 3)[0]))]


async def test_what_nobody_answers_ends(database):
    """Before the first of the two shifts begins, once, with several workers at it."""
    day, ada, berta = await a_pair(database)
    assert await commands.expire_swaps(database, given.VAULT, now()) == 0
    late = now() + timedelta(days=13)
    await asyncio.gather(*(commands.expire_swaps(database, given.VAULT, late) for _ in range(5)))
    assert len(await told(database, day, "swap-ended")) == 2
    assert await where(database, ada, berta) == places_of(day, 1, 3)


async def test_who_cannot_be_asked(database):
    """Two shifts of one person, one shift, a substitute, a shift that is on, who is asked already, a stranger."""
    day, ada, _ = await a_pair(database, most=1)
    [waits] = await take(database, day, given.wish(), 1)
    mine = given.number()
    one, other = await take(database, day, given.wish(mine), 2, 4)
    running = await open_day(database, starts_in=-timedelta(hours=1), most=3)
    [here] = await take(database, running, given.wish(), 1)
    [later] = await take(database, running, given.wish(), 3)
    pairs = [
        (day, ada.id, one.id),
        (day, one.id, other.id),
        (day, waits.id, other.id),
        (day, one.id, one.id),
        (day, one.id, uuid4()),
        (day, one.id, later.id),
        (running, here.id, later.id),
    ]
    for event, first, second in pairs:
        with pytest.raises(CannotSwapError):
            await do(database, ask, asking(event), first, second)
    assert len(await told(database, day, "swap-asked")) == 2


async def test_a_shift_elsewhere_at_that_time_is_in_the_way(database):
    """Of another event; the shift that is swapped itself is not."""
    day, elsewhere = await open_day(database), await open_day(database)
    mine = given.number()
    [ada] = await take(database, day, given.wish(mine), 1)
    [berta] = await take(database, day, given.wish(), 3)
    [blocks] = await take(database, elsewhere, given.wish(mine), 3)
    with pytest.raises(CannotSwapError):
        await do(database, ask, asking(day), ada.id, berta.id)
    async with database.begin() as session:
        await registrations.cancel(session, given.VAULT, given.RULES, blocks.id, EndedBy.PERSON, now())
    await do(database, ask, asking(day), ada.id, berta.id)


async def test_roles_of_one_shift_can_be_swapped(database):
    """Kitchen for childcare, at the same time."""
    day = await open_day(database)
    [ada] = await take(database, day, given.wish(), 1)
    [berta] = await take(database, day, given.wish(), 2)
    await do(database, ask, asking(day), ada.id, berta.id)
    for one in (ada, berta):
        await do(database, answer, one.id, now(), agreed=True)
    assert await where(database, ada, berta) == places_of(day, 2, 1)


async def test_by_sms(database):
    """The word alone agrees, with a code too; without a question it says how things stand."""
    day = await open_day(database)
    ada, berta = Phone(database), Phone(database)
    await ada.text(f"{day.code} 1")
    await berta.text(f"{day.code} 3")
    assert (await ada.text("TAUSCHEN"))["template"] == "sms-status"
    one, other = await ada.registration(), await berta.registration()
    await do(database, ask, asking(day), one.id, other.id)
    assert (await ada.text("Tausche"))["template"] == "sms-swap"
    answers = await berta.answers(berta.message(f"تبديل {day.code} 3"))
    assert [one["template"] for one in answers] == ["swapped", "swapped"]
    assert (await ada.registration()).places_id == places_of(day, 3)[0]


async def test_on_the_pages(app, database):
    """The coordinator asks and takes back; the person reads both shifts, and says no."""
    day = await open_day(database)
    [ada] = await take(database, day, given.wish(name="Ada"), 1)
    [berta] = await take(database, day, given.wish(name="Berta"), 3)
    coordinator, page = await signed_in(app, day), f"/registrations/console/events/{day.id}/swaps"
    refused = await send(coordinator, page, {"first": str(ada.id), "second": ""}, page)
    assert (refused.status, "Choose two people" in words(refused)) == (422, True)
    same = await send(coordinator, page, {"first": str(ada.id), "second": str(ada.id)}, page)
    assert (same.status, "These two cannot swap." in words(same)) == (422, True)
    await send(coordinator, page, {"first": str(ada.id), "second": str(berta.id)}, page)
    assert words(await coordinator.get(page)).count("has not answered") == 2
    person, own = AsgiClient(app, "en"), f"/r/{ada.token}"
    assert "Would you swap your shift? Somebody else has this shift, and would take yours: Kitchen" in words(
        await person.get(own)
    )
    await send(person, f"{own}/swap", {"answer": "yes"}, own)
    assert "You agreed to swap" in words(await person.get(own))
    assert "has agreed" in words(await coordinator.get(page))
    [swap] = await swaps(database, day)
    await send(coordinator, f"{page}/{swap.id}/withdraw", {}, page)
    assert "Taken back" in words(await coordinator.get(page))
    assert "swap" not in words(await person.get(own))
    actions = [one["action"] for one in await messages(database, day, "ChangeRecorded")]
    assert actions == ["swap.asked", "swap.withdrawn"]


async def swaps(database, day):
    async with database.read() as session:
        return (await session.execute(text("SELECT * FROM swaps WHERE event_id = :id"), {"id": day.id})).all()


async def test_only_who_makes_the_event_asks(app, database):
    """Not the desk, nor another organisation."""
    day = await open_day(database)
    page = f"/registrations/console/events/{day.id}/swaps"
    assert (await (await signed_in(app, day, Role.DESK)).get(page)).status == 403
    assert (await (await signed_in(app)).get(page)).status == 404
