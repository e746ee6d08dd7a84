"""Roles that the organisation decides about: kept places, promised answers, reminders, and why somebody is declined."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text

from services.registrations.registrations import commands
from services.registrations.registrations.model import State
from services.registrations.registrations.promises import keep_promises
from shared.auth.members import keep_organisations
from shared.contracts.events import Status
from shared.contracts.organisations import Membership, OrganisationChanged, Role
from shared.contracts.registrations import DeclineReason, EndedBy
from tests.support import registrations as given
from tests.support.asgi_client import AsgiClient
from tests.support.registration_pages import hidden, messages, running_api, send, signed_in, where, words
from tests.support.registration_phone import Phone
from tests.support.shifts import FAR, open_day, places_of, sign_up, take, volunteer_day


@pytest.fixture(scope="module")
async def app(database_url):
    async with running_api(database_url("registrations")) as app:
        yield app


@pytest.fixture
def database(app):
    return app.state.database


def now():
    return datetime.now(UTC)


async def decided_day(database, **more):
    """A day on whose kitchen the organisation decides within two days; it has as many places as the others."""
    day = volunteer_day(**more)
    roles = [
        role.model_copy(update={"answer_within": 48}) if number == 0 else role for number, role in enumerate(day.roles)
    ]
    day = day.model_copy(update={"roles": roles})
    await given.publish(database, day)
    return day


async def do(database, command, *args, **more):
    async with database.begin() as session:
        return await command(session, given.VAULT, given.RULES, *args, **more)


async def one(database, registration_id):
    async with database.read() as session:
        rows = await session.execute(text("SELECT * FROM registrations WHERE id = :id"), {"id": registration_id})
        return rows.one()


async def pool(database, places_id):
    async with database.read() as session:
        return (await session.execute(text("SELECT * FROM places WHERE id = :id"), {"id": places_id})).one()


async def test_a_place_is_kept_and_an_answer_promised(database):
    """In that role alone; the person is told until when."""
    day = await decided_day(database)
    wish = given.wish()
    kitchen, other = await take(database, day, wish, 1, 4)
    assert (kitchen.state, other.state) == (State.PENDING, State.CONFIRMED)
    row = await one(database, kitchen.id)
    assert row.holds_places
    assert timedelta(hours=40) < row.answer_by - now() < timedelta(hours=62)
    assert (await pool(database, places_of(day, 1)[0])).taken == 1
    [told] = await messages(database, day, "RegistrationPending")
    assert datetime.fromisoformat(told["answer_by"]) == row.answer_by


async def test_pending_places_are_never_given_twice(database):
    """Two places, five wishes at once: two wait for an answer, three for a place."""
    day = await decided_day(database, most=2)
    decided = await asyncio.gather(*(take(database, day, given.wish(), 1) for _ in range(5)))
    assert sorted(one.state for [one] in decided) == ["pending", "pending", *["waitlisted"] * 3]
    assert (await pool(database, places_of(day, 1)[0])).taken == 2


async def test_yes_of_the_organisation_is_a_place(database):
    """Told as every place is; a second yes changes nothing."""
    day = await decided_day(database)
    [kitchen] = await take(database, day, given.wish(), 1)
    assert await do(database, commands.move_up, kitchen.id, now())
    assert not await do(database, commands.move_up, kitchen.id, now())
    row = await one(database, kitchen.id)
    assert (row.state, row.answer_by) == ("confirmed", None)
    assert len(await messages(database, day, "RegistrationConfirmed")) == 1


async def test_a_decline_says_why_and_the_place_goes_on(database):
    """To the substitute, whose yes waits for the organisation again; what is decided is not declined any more."""
    day = await decided_day(database, most=1)
    [first], [substitute] = [await take(database, day, given.wish(), 1) for _ in range(2)]
    assert await do(database, commands.decline, first.id, DeclineReason.LANGUAGE, now())
    assert not await do(database, commands.decline, first.id, DeclineReason.AGE, now())
    [told] = await messages(database, day, "RegistrationDeclined")
    assert (told["registration_id"], told["reason"]) == (str(first.id), "language")
    row = await one(database, first.id)
    assert (row.state, row.ended_by, row.declined_for, row.answer_by) == ("cancelled", "declined", "language", None)
    assert await do(database, commands.accept, substitute.id, now()) is State.PENDING
    await do(database, commands.move_up, substitute.id, now())
    with pytest.raises(commands.DecidedError):
        await do(database, commands.decline, substitute.id, DeclineReason.OTHERS, now())
    [gone] = await take(database, day, given.wish(), 2)
    await do(database, commands.cancel, gone.id, EndedBy.PERSON, now())
    with pytest.raises(commands.RegistrationEndedError):
        await do(database, commands.decline, gone.id, DeclineReason.OTHERS, now())


async def test_a_substitute_can_be_declined(database):
    """Nobody waits for what they will not get."""
    day = await decided_day(database, most=1)
    _, [substitute] = [await take(database, day, given.wish(), 1) for _ in range(2)]
    assert await do(database, commands.decline, substitute.id, DeclineReason.OTHERS, now())
    assert (await pool(database, places_of(day, 1)[0])).waiting_parties == 0


async def test_the_owner_of_a_number_says_yes_first(database):
    """Then the organisation does; what it promised counts from then on."""
    day = await decided_day(database)
    [held] = await take(database, day, given.wish(given.number(), ask_owner=True), 1)
    assert held.state is State.HELD
    assert await do(database, commands.accept, held.id, now()) is State.PENDING
    assert (await one(database, held.id)).answer_by is not None


async def test_who_waits_for_an_answer_has_no_other_shift_then(database):
    """And who gives up waiting has."""
    day, other = await decided_day(database), await open_day(database)
    wish = given.wish()
    [kitchen] = await take(database, day, wish, 1)
    [refused] = await take(database, other, wish, 1)
    assert refused.reason == "overlaps"
    await do(database, commands.cancel, kitchen.id, EndedBy.PERSON, now())
    [taken] = await take(database, other, wish, 1)
    assert taken.state is State.CONFIRMED


async def test_the_event_ends_it_and_a_new_date_promises_anew(database):
    """Postponed, with a date again, and cancelled."""
    day = await decided_day(database)
    [kitchen] = await take(database, day, given.wish(), 1)
    await past_due(database, kitchen.id)
    await given.publish(database, day.model_copy(update={"status": Status.POSTPONED}), 2)
    assert await remind(database, day, now() + timedelta(days=3)) == {}
    await given.publish(database, day, 3)
    assert (await one(database, kitchen.id)).answer_by > now() + timedelta(hours=40)
    await given.publish(database, day.model_copy(update={"status": Status.CANCELLED}), 4)
    assert (await one(database, kitchen.id)).state == "cancelled"


async def past_due(database, registration_id, **ago):
    async with database.begin() as session:
        values = {"id": registration_id, "due": now() - timedelta(**(ago or {"minutes": 1}))}
        await session.execute(text("UPDATE registrations SET answer_by = :due WHERE id = :id"), values)


async def team(database, day, *roles):
    people = {uuid4(): role for role in roles}
    message = OrganisationChanged(
        aggregate_id=day.organisation_id,
        aggregate_version=int(now().timestamp() * 1_000_000),
        name={"de": "Büro"},
        members=[Membership(person_id=person, role=role) for person, role in people.items()],
    )
    async with database.begin() as session:
        await keep_organisations(session, [message])
    return {str(person): role for person, role in people.items()}


async def remind(database, day, when=None, workers=1):
    """Who was reminded how many times, when so many workers look at once."""
    before = await reminded(database, day)
    await asyncio.gather(*(keep_promises(database, given.VAULT, given.RULES, when or now()) for _ in range(workers)))
    after = await reminded(database, day)
    return {person: count - before.get(person, 0) for person, count in after.items() if count != before.get(person, 0)}


async def reminded(database, day):
    asked = [one for one in await messages(database, day, "NotificationRequested") if one["template"] == "answers-due"]
    return {person: sum(one["person_id"] == person for one in asked) for person in {one["person_id"] for one in asked}}


async def test_who_decides_is_reminded_and_then_who_owns(database):
    """The organisers when the answer is due, the owner a day later; each once, with ten workers at it."""
    day = await decided_day(database)
    people = await team(database, day, Role.OWNER, Role.ORGANISER, Role.ORGANISER, Role.DESK, Role.VIEWER)
    named = {role: [person for person in people if people[person] == role] for role in Role}
    first, second = [(await take(database, day, given.wish(), 1))[0] for _ in range(2)]
    assert await remind(database, day) == {}
    await past_due(database, first.id)
    await past_due(database, second.id)
    assert await remind(database, day, workers=10) == dict.fromkeys(named[Role.ORGANISER], 1)
    assert await remind(database, day, workers=10) == {}
    await past_due(database, first.id, hours=25)
    assert await remind(database, day, workers=10) == dict.fromkeys(named[Role.OWNER], 1)
    assert await remind(database, day) == {}


async def test_without_organisers_the_owner_is_reminded(database):
    """Somebody is; and nobody is of what was decided."""
    day = await decided_day(database)
    people = await team(database, day, Role.OWNER)
    first, second = [(await take(database, day, given.wish(), 1))[0] for _ in range(2)]
    await past_due(database, first.id)
    await past_due(database, second.id)
    await do(database, commands.move_up, second.id, now())
    assert await remind(database, day) == dict.fromkeys(people, 1)
    asked = [one["data"] for one in await messages(database, day, "NotificationRequested")]
    assert asked == [{"waiting": 1, "step": 1}]


async def test_nobody_waits_beyond_the_beginning(database):
    """Whom nobody answered is told so; once, with ten workers at it, and who has a place keeps it."""
    day = await decided_day(database, starts_in=timedelta(hours=3))
    await team(database, day, Role.OWNER)
    first, second = [(await take(database, day, given.wish(), 1))[0] for _ in range(2)]
    await do(database, commands.move_up, second.id, now())
    await remind(database, day, now() + timedelta(hours=4), workers=10)
    [told] = await messages(database, day, "RegistrationDeclined")
    assert (told["registration_id"], told["reason"]) == (str(first.id), "no-answer")
    assert (await one(database, second.id)).state == "confirmed"


async def test_by_sms(database):
    """Kept, told until when, asked about, left."""
    day = await decided_day(database)
    phone = Phone(database)
    kept = await phone.text(f"{day.code} 1")
    assert kept["type"] == "RegistrationPending"
    status = await phone.text("STATUS")
    code, state, _, until = status["data"]["lines"][0].split("|")[:4]
    assert (code, state) == (f"{day.code} 1", "pending")
    assert datetime.fromisoformat(until) == datetime.fromisoformat(kept["answer_by"])
    again = await phone.text(f"{day.code} 1")
    assert again["data"]["state"] == "pending"
    assert (await phone.text("ABSAGE"))["type"] == "RegistrationCancelled"


async def test_on_the_pages(app, database):
    """The form says who decides, the own page by when; the coordinator says why not, and the person reads it."""
    day = await decided_day(database, starts_in=FAR)
    browser = AsgiClient(app, "en")
    form = words(await browser.get(f"/registrations/shifts/{day.id}"))
    assert form.count("answers within 48 hours") == 2
    own = where(await sign_up(browser, day, 1, name="Ada"))
    assert "We keep a place for you The organisation decides who gets this role. It answers you by" in words(
        await browser.get(own)
    )
    assert "your answer" not in words(await browser.get(own))
    coordinator = await signed_in(app, day)
    console = f"/registrations/console/events/{day.id}"
    plan = words(await coordinator.get(f"{console}/plan"))
    assert "1 waits for your answer Ada" in plan
    [row] = await rows(database, day)
    person = words(await coordinator.get(f"{console}/registrations/{row.id}"))
    assert "Waits for your answer" in person
    assert "Give a place" in person
    form = {"action": "decline", "registration": str(row.id), "confirmed": "yes"}
    refused = await send(coordinator, f"{console}/actions", form, console)
    assert refused.status == 422
    assert "Choose one of the answers." in words(refused)
    invented = await send(coordinator, f"{console}/actions", form | {"reason": "no-answer"}, console)
    assert invented.status == 422
    done = await send(coordinator, f"{console}/actions", form | {"reason": "certificate"}, console)
    assert "Done for 1 registration" in words(await coordinator.get(where(done)))
    after = words(await browser.get(own.partition("?")[0]))
    assert "You do not get this role A certificate that this role needs is missing." in after
    [log] = [one for one in await messages(database, day, "ChangeRecorded") if one["action"] == "registration.declined"]
    assert (log["before"], log["after"]) == ({"state": "pending"}, {"state": "cancelled"})


async def rows(database, day):
    async with database.read() as session:
        found = await session.execute(text("SELECT * FROM registrations WHERE event_id = :id"), {"id": day.id})
        return found.all()


async def test_at_the_desk(app, database):
    """Somebody on the phone is told until when, and gets it on paper, too."""
    day = await decided_day(database)
    [kitchen] = await take(database, day, given.wish(name="Ada"), 1)
    desk = await signed_in(app, day)
    page = f"/registrations/console/events/{day.id}/desk/{kitchen.id}"
    assert "The organisation decides until" in words(await desk.get(page))
    assert (await desk.get(f"{page}/slip.pdf")).body[:5] == b"%PDF-"
    assert (await hidden(desk, page))["csrf_token"]
