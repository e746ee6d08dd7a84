"""Hours of volunteers: here, left, put right, signed off; by SMS through the consumer, on a real PostgreSQL."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text

from services.registrations.check_in.commands import Desk, NotHereError, check_in, check_out, undo
from services.registrations.hours.commands import NoHoursError, SignedOffError, Signing, correct, sign_off
from services.registrations.hours.queries import minutes_of_year, own_shift, signed_hours
from services.registrations.registrations import commands
from shared.contracts.registrations import EndedBy
from shared.database.engine import Database
from shared.database.migrations import upgrade
from tests.support import registrations as given
from tests.support.check_in import do
from tests.support.registration_pages import messages
from tests.support.registration_phone import Phone
from tests.support.shifts import open_day, take

ON = -timedelta(hours=1)
"""A shift of three hours that has been on for one."""


@pytest.fixture(scope="module")
async def database(database_url):
    url = database_url("registrations")
    await asyncio.to_thread(upgrade, "registrations", url)
    database = Database(url)
    yield database
    await database.close()


@pytest.fixture
def phone(database):
    return Phone(database)


def now():
    return datetime.now(UTC)


def desk(day, ago=timedelta(), key=None):
    return Desk(uuid4(), day, day.sessions[0], key or uuid4(), now() - ago, now())


def signing(day):
    return Signing(uuid4(), day, now())


async def on_shift(database, day=None, **wish):
    """A day, and the id of somebody in its first shift, which is on."""
    day = day or await open_day(database, starts_in=ON)
    [decision] = await take(database, day, given.wish(**wish), 1)
    return day, decision.id


async def worked(database, registration_id):
    async with database.read() as session:
        return (await own_shift(session, registration_id)).worked


async def sign(database, day, minutes):
    async with database.begin() as session:
        return await sign_off(session, given.VAULT, signing(day), minutes)


async def told(database, day):
    asked = await messages(database, day, "NotificationRequested")
    return [(one["person_id"], one["data"]) for one in asked if one["template"] == "hours-signed"]


async def test_hours_are_proposed_from_check_in_and_check_out(database):
    """Who left, left then: a second check-out changes nothing; one that was taken back leaves nothing behind."""
    day, one = await on_shift(database)
    assert (await worked(database, one)).proposed is None
    await do(database, check_in, desk(day, timedelta(minutes=45)), one)
    assert (await worked(database, one)).proposed == 165
    first = await do(database, check_out, desk(day, timedelta(minutes=1)), one)
    again = await do(database, check_out, desk(day), one)
    assert first.left == again.left
    assert (await worked(database, one)).proposed == 45
    await do(database, undo, desk(day), one)
    assert (await worked(database, one)).came_at is None
    with pytest.raises(NotHereError):
        await do(database, check_out, desk(day), one)
    await do(database, check_in, desk(day), one)
    assert (await worked(database, one)).left_at is None


async def test_the_person_puts_hours_right_until_they_are_signed_off(database):
    """The last word counts; then only the coordinator's does."""
    day, one = await on_shift(database)
    await do(database, correct, one, 100, "zu früh", now())
    await do(database, correct, one, 120, "Aufbau", now())
    stands = await worked(database, one)
    assert (stands.claimed, stands.note, stands.minutes) == (120, "Aufbau", 120)
    assert await sign(database, day, {one: 110}) == 1
    with pytest.raises(SignedOffError) as error:
        await do(database, correct, one, 500, "", now())
    assert error.value.minutes == 110
    assert (await worked(database, one)).minutes == 110


async def test_there_are_no_hours_without_a_shift_that_has_begun(database):
    """Not of one that is to come, nor of who gave the place back, nor of another event, nor after two months."""
    later = await open_day(database)
    _, to_come = await on_shift(database, later)
    day, left = await on_shift(database)
    async with database.begin() as session:
        await commands.cancel(session, given.VAULT, given.RULES, left, EndedBy.PERSON, now())
    for one, when in ((to_come, now()), (left, now()), (uuid4(), now())):
        with pytest.raises(NoHoursError):
            await do(database, correct, one, 60, "", when)
    other, present = await on_shift(database)
    with pytest.raises(NoHoursError):
        await do(database, correct, present, 60, "", now() + timedelta(days=61))
    assert await sign(database, later, {to_come: 60}) == 0
    assert await sign(database, day, {left: 60, present: 60}) == 0
    assert await told(database, other) == []


async def test_signing_off_tells_each_person_once(database):
    """Of all shifts together, with their sum; the same again tells nobody, another figure does, none of none."""
    day = await open_day(database, starts_in=-timedelta(hours=2), apart=timedelta(minutes=1), most=5)
    day = day.model_copy(deep=True)
    _, ada = await on_shift(database, day, name="Ada")
    _, berta = await on_shift(database, day, name="Berta")
    _, absent = await on_shift(database, day)
    figures = {ada: 180, berta: 150, absent: 0}
    assert await sign(database, day, figures) == 3
    assert await sign(database, day, figures) == 0
    assert sorted(data["minutes"] for _, data in await told(database, day)) == [150, 180]
    assert await sign(database, day, {ada: 0}) == 1
    assert sorted(data["minutes"] for _, data in await told(database, day)) == [0, 150, 180]
    async with database.read() as session:
        signed = await signed_hours(session, day.organisation_id, event_id=day.id)
    assert [(one.registration_id, one.minutes, one.name) for one in signed] == [(berta, 150, "Berta")]


async def test_several_shifts_of_a_person_are_one_message(database):
    """With the sum, and without the role and the time of one of them."""
    day = await open_day(database, starts_in=-timedelta(hours=4))
    address = given.number()
    ids = []
    async with database.begin() as session:
        await session.execute(
            text("UPDATE places SET closes_at = now() + interval '1 day' WHERE event_id = :id"), {"id": day.id}
        )
    for number in (1, 3):
        [decision] = await take(database, day, given.wish(address), number)
        ids.append(decision.id)
    assert await sign(database, day, dict.fromkeys(ids, 60)) == 2
    [(_, data)] = await told(database, day)
    assert data == {"minutes": 120, "shifts": 2}


async def test_two_sign_at_once_and_each_is_told_once(database):
    """One after the other, under the lock of the registration; the last figure stands."""
    day, one = await on_shift(database)
    changed = await asyncio.gather(*(sign(database, day, {one: 60}) for _ in range(8)))
    assert sum(changed) == 1
    assert len(await told(database, day)) == 1


async def test_the_sum_of_a_year(database):
    """Of the organisation, in the year of the shift."""
    day, one = await on_shift(database)
    await sign(database, day, {one: 90})
    person = (await worked(database, one)).person_id
    year = day.sessions[0].starts_at.year
    async with database.read() as session:
        sums = [await minutes_of_year(session, day.organisation_id, when, person) for when in (year - 1, year)]
    assert sums == [0, 90]


async def test_here_and_done_by_sms(database, phone):
    """The whole shift with a phone number alone; the answer to DONE says what is noted, HOURS puts it right."""
    day = await open_day(database, starts_in=ON)
    await phone.text(f"{day.code} 1")
    here = await phone.text("HIER")
    assert (here["template"], here["data"]["result"]) == ("sms-hours", "here")
    again = await phone.text(f"hier {day.code} 1")
    assert again["data"]["planned"] == here["data"]["planned"]
    left = await phone.text("Fertig")
    assert (left["data"]["result"], left["data"]["minutes"]) == ("left", 15)
    noted = await phone.text(f"STUNDEN {day.code} 1 2,5")
    assert (noted["data"]["result"], noted["data"]["minutes"]) == ("noted", 150)
    one = (await phone.registration()).id
    stands = await worked(database, one)
    assert (stands.claimed, stands.left_at is not None) == (150, True)
    await sign(database, day, {one: 120})
    refused = await phone.text("STUNDEN 8")
    assert (refused["data"]["result"], refused["data"]["minutes"]) == ("signed", 120)


@pytest.mark.parametrize(
    ("arrived", "done", "hours"),
    [
        ("وصلت", "انتهيت", "ساعات ٣"),
        ("BURADAYIM", "BİTTİ", "SAAT 3"),
        ("ТУТ", "ГОТОВО", "ГОДИНИ 3"),
        ("HERE", "DONE", "HOURS 3"),
    ],
)
async def test_the_words_in_other_languages(database, phone, arrived, done, hours):
    """Arabic, Turkish, Ukrainian and English, in their own digits."""
    day = await open_day(database, starts_in=ON)
    await phone.text(f"{day.code} 1")
    results = [(await phone.text(said))["data"]["result"] for said in (arrived, done, hours)]
    assert results == ["here", "left", "noted"]


async def test_a_text_that_does_not_fit_is_answered(database, phone):
    """Nobody has a shift, who never said HERE, no hours named, and which of several."""
    assert (await phone.text("HIER"))["data"]["result"] == "none"
    assert (await phone.text("STUNDEN 3"))["data"]["result"] == "none"
    day = await open_day(database, starts_in=ON)
    await phone.text(f"{day.code} 1")
    assert (await phone.text("FERTIG"))["data"]["result"] == "unclear"
    assert (await phone.text("STUNDEN"))["data"]["result"] == "unclear"
    assert (await phone.text(f"STUNDEN {day.code} 1 99"))["data"]["result"] == "unclear"
    assert (await worked(database, (await phone.registration()).id)).claimed is None


async def test_of_several_shifts_the_one_is_asked_for(database, phone):
    """Two that follow each other: HERE at the border of both asks which, and the number answers."""
    day = await open_day(database, starts_in=-timedelta(hours=2, minutes=30))
    for number in (1, 3):
        await phone.text(f"{day.code} {number}")
    which = await phone.text("HIER")
    assert (which["template"], which["data"]["word"]) == ("sms-which-event", "ARRIVED")
    assert which["data"]["codes"] == [f"{day.code} 1", f"{day.code} 3"]
    assert (await phone.text(f"HIER {day.code} 3"))["data"]["result"] == "here"
    assert (await phone.text(f"FERTIG {day.code} 3"))["data"]["result"] == "left"


async def test_who_comes_by_text_is_in_no_audit_log(database, phone):
    """Nobody of the organisation did it."""
    day = await open_day(database, starts_in=ON)
    await phone.text(f"{day.code} 1")
    await phone.text("HIER")
    assert await messages(database, day, "ChangeRecorded") == []
