"""Volunteers' shifts by SMS, through the consumer, on a real PostgreSQL."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text

from shared.auth.members import keep_organisations
from shared.contracts.events import CoHost, CoHostRole, Scope, Status
from shared.contracts.organisations import OrganisationChanged
from shared.database.engine import Database
from shared.database.migrations import upgrade
from tests.support import registrations as given
from tests.support.registration_phone import Phone
from tests.support.shifts import open_day, places_of, take


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


async def test_the_code_alone_answers_with_the_open_shifts(database, phone):
    """Numbered as on the posters; what is full is left out, and nobody is signed up."""
    day = await open_day(database, most=1)
    await take(database, day, given.wish(), 2)
    answer = await phone.text(day.code)
    assert (answer["template"], answer["data"]["full"], answer["data"]["more"]) == ("sms-shifts", "", 0)
    assert [line.split("|")[0] for line in answer["data"]["shifts"]] == ["1", "3", "4"]
    assert answer["data"]["shifts"][0].endswith("|Küche")
    assert await phone.registration() is None


async def test_the_roles_are_named_in_the_language_of_the_text(database, phone):
    """As far as the organiser wrote it; else along the reader's chain."""
    day = await open_day(database)
    answer = await phone.text(f"{day.code} українською")
    assert [line.split("|")[3] for line in answer["data"]["shifts"][:2]] == ["Кухня", "Interpreter Arabic"]
    await phone.text(f"{day.code} 1")
    assert (await phone.registration()).language == "uk"


async def test_long_lists_say_how_many_more_there_are(database, phone):
    """Twelve fit into one answer."""
    day = await open_day(database, shifts=4, roles=4)
    data = (await phone.text(day.code))["data"]
    assert (len(data["shifts"]), data["more"]) == (12, 4)


async def test_code_and_number_take_a_shift_and_leave_it(database, phone):
    """The same number each time; the answer to the second text is the shift that there is."""
    day = await open_day(database)
    taken = await phone.text(f"{day.code} 3")
    assert (taken["type"], taken["counts"]["places_id"]) == ("RegistrationConfirmed", str(places_of(day, 3)[0]))
    again = await phone.text(f"{day.code} 3")
    assert (again["template"], again["data"]["places_id"]) == ("already-registered", str(places_of(day, 3)[0]))
    left = await phone.text(f"ABSAGE {day.code} 3")
    assert (left["type"], left["by"]) == ("RegistrationCancelled", "person")


async def test_several_shifts_are_told_apart_by_their_numbers(database, phone):
    """STATUS names each with its number, and so does the question which one is to be cancelled."""
    day = await open_day(database)
    for number in (1, 3):
        await phone.text(f"{day.code} {number}")
    status = await phone.text("STATUS")
    assert [line.split("|")[0] for line in status["data"]["lines"]] == [f"{day.code} 1", f"{day.code} 3"]
    which = await phone.text("ABSAGE")
    assert which["data"]["codes"] == [f"{day.code} 1", f"{day.code} 3"]
    left = await phone.text(f"ABSAGE {day.code} 1")
    assert left["counts"]["places_id"] == str(places_of(day, 1)[0])


async def test_a_number_that_there_is_not_answers_with_the_list(database, phone):
    """Nobody is put anywhere."""
    day = await open_day(database)
    for said in (f"{day.code} 77", f"{day.code} 0", f"{day.code} 12345"):
        assert (await phone.text(said))["template"] == "sms-shifts"
    assert await phone.registration() is None


async def test_two_shifts_at_one_time_are_refused_with_both_named(database, phone):
    """The other shift, of whatever event, stands in the answer with its role and its time."""
    day = await open_day(database)
    other = await open_day(database, starts_in=timedelta(days=14, hours=1), title={"de": "Flohmarkt"})
    await phone.text(f"{day.code} 1")
    answer = await phone.text(f"{other.code} 2")
    assert (answer["template"], answer["event_id"]) == ("shift-overlaps", str(other.id))
    assert answer["data"]["places_id"] == str(places_of(other, 2)[0])
    assert "de|Küche – Stadtteilfest" in answer["data"]["event_title"]
    assert answer["data"]["planned"] == day.sessions[0].starts_at.isoformat()
    assert answer["data"]["channel"] == "sms"


async def test_a_full_role_makes_a_substitute_who_gets_the_place(database, phone):
    """The yes to the offer names the shift by its number, or nothing at all."""
    day = await open_day(database, most=1)
    other = Phone(database)
    await other.text(f"{day.code} 1")
    assert (await phone.text(f"{day.code} 1"))["type"] == "RegistrationWaitlisted"
    cancelled, offered = await other.answers(other.message(f"ABSAGE {day.code} 1"))
    assert (cancelled["type"], offered["type"]) == ("RegistrationCancelled", "PlaceOffered")
    assert (await phone.text(f"JA {day.code} 1"))["type"] == "RegistrationConfirmed"


async def test_when_all_is_full_the_list_says_so(database, phone):
    """It then has the roles that one can be a substitute for."""
    day = await open_day(database, shifts=1, roles=1, most=1)
    await take(database, day, given.wish(), 1)
    data = (await phone.text(day.code))["data"]
    assert (data["full"], len(data["shifts"])) == ("yes", 1)


async def test_one_yes_is_for_all_shifts_that_were_typed_for_a_number(database, phone):
    """Somebody typed the number once for two shifts; its owner answers once."""
    day = await open_day(database)
    await take(database, day, given.wish(phone.number, ask_owner=True), 1, 3)
    answers = await phone.answers(phone.message("JA"))
    assert [answer["type"] for answer in answers] == ["RegistrationConfirmed", "RegistrationConfirmed"]


async def test_a_yes_to_a_typed_shift_at_the_time_of_another_names_both(database, phone):
    """What a stranger typed keeps nobody from a shift, and is no second one at that time."""
    day = await open_day(database)
    await take(database, day, given.wish(phone.number, ask_owner=True), 1)
    await phone.text(f"{day.code} 2")
    assert (await phone.text(f"JA {day.code} 1"))["template"] == "shift-overlaps"


@pytest.mark.parametrize(
    ("change", "why"), [({"status": Status.CANCELLED}, "cancelled"), ({"status": Status.POSTPONED}, "postponed")]
)
async def test_shifts_that_cannot_be_had_are_said(database, phone, change, why):
    """The code alone and with a number."""
    day = await open_day(database)
    await given.publish(database, day.model_copy(update=change), 2)
    for said in (day.code, f"{day.code} 1"):
        assert (await phone.text(said))["data"]["why"] == why


async def test_who_may_see_it_is_asked_once_and_answered_for_all_shifts(database, phone):
    """A second shift of the event asks nothing again; SHARE and PRIVATE are for every shift of it."""
    co_host = CoHost(organisation_id=uuid4(), role=CoHostRole.PARTNER, scope=Scope.NAMES)
    known = OrganisationChanged(
        aggregate_id=co_host.organisation_id, aggregate_version=1, name={"de": "Haus"}, members=[]
    )
    async with database.begin() as session:
        await keep_organisations(session, [known])
    day = await open_day(database, co_hosts=[co_host])
    _, asked = await phone.answers(phone.message(f"{day.code} 1"))
    assert asked["template"] == "sms-share"
    await phone.text(f"{day.code} 3")
    answers = await phone.answers(phone.message(f"{day.code} SHARE"))
    assert [answer["template"] for answer in answers] == ["sms-share"]
    async with database.read() as session:
        query = text("SELECT scope FROM consents WHERE organisation_id = :id")
        assert list((await session.execute(query, {"id": co_host.organisation_id})).scalars()) == ["names", "names"]
