"""YES and NO by SMS to the question before a shift, in every language, alone and beside other questions."""

import pytest

from shared.database.engine import Database
from shared.sms.words import Intent, word_for
from tests.support import registrations as given
from tests.support.registration_pages import registrations, running_api
from tests.support.registration_phone import Phone, offered
from tests.support.shifts import FAR, ask_in, open_day, places_of, take


@pytest.fixture(scope="module")
async def app(database_url):
    async with running_api(database_url("registrations")) as app:
        yield app


@pytest.fixture
def database(app) -> Database:
    return app.state.database


@pytest.fixture
def phone(database):
    return Phone(database)


async def in_shifts(database, phone, *numbers, **more):
    """The phone is in these shifts of a day, and was asked about them."""
    day = await open_day(database, **more)
    for number in numbers:
        await phone.text(f"{day.code} {number}")
    assert await ask_in(database, day) == len(numbers)
    return day


async def coming(database, day):
    return [row.coming_at is not None for row in await registrations(database, day)]


@pytest.mark.parametrize("language", ["de", "en", "tr", "ar", "uk"])
async def test_yes_is_thanked_for_and_no_gives_the_place_back(database, language):
    """With the words that the question itself names, in the language of the person."""
    yes, no = Phone(database), Phone(database)
    day = await in_shifts(database, yes, 1)
    answer = await yes.text(word_for(Intent.YES, language))
    assert (answer["template"], answer["event_id"]) == ("sms-coming", str(day.id))
    assert (answer["data"]["codes"], answer["data"]["places_id"]) == ([f"{day.code} 1"], str(places_of(day, 1)[0]))
    assert await coming(database, day) == [True]
    day = await in_shifts(database, no, 1)
    answer = await no.text(word_for(Intent.NO, language))
    assert (answer["type"], answer["by"]) == ("RegistrationCancelled", "person")
    assert await no.state() == ("cancelled", 1)


async def test_one_yes_is_for_all_shifts_that_were_asked_about(database, phone):
    """The answer names them; with a number it is that one alone."""
    day = await in_shifts(database, phone, 1, 3)
    answer = await phone.text("JA")
    assert (answer["template"], answer["data"]["codes"]) == ("sms-coming", [f"{day.code} 1", f"{day.code} 3"])
    assert await coming(database, day) == [True, True]
    other = Phone(database)
    day = await in_shifts(database, other, 1, 3)
    for said in (f"JA {day.code} 3", "Ja 1"):
        assert len((await other.text(said))["data"]["codes"]) == 1
    assert await coming(database, day) == [True, True]


async def test_a_no_with_several_asked_asks_which(database, phone):
    """Nothing is cancelled by it; with code and number, that one is."""
    day = await in_shifts(database, phone, 1, 3)
    for said in ("NEIN", f"Nein {day.code}"):
        which = await phone.text(said)
        assert (which["template"], which["data"]["word"]) == ("sms-which-event", "NO")
        assert which["data"]["codes"] == [f"{day.code} 1", f"{day.code} 3"]
    assert (await phone.text(f"NEIN {day.code} 3"))["type"] == "RegistrationCancelled"
    assert await coming(database, day) == [False, False]
    assert [row.state for row in await registrations(database, day)] == ["confirmed", "cancelled"]
    assert (await phone.text("Nein"))["type"] == "RegistrationCancelled"


async def test_beside_an_open_question_the_sender_is_asked_which(database, phone):
    """An offer and a question before a shift wait at once: neither a yes nor a no is taken for one of them."""
    day = await in_shifts(database, phone, 1)
    other = await offered(database, phone)
    for word, said in (("YES", "JA"), ("NO", "NEIN")):
        which = await phone.text(said)
        assert (which["template"], which["data"]["word"]) == ("sms-which-event", word)
        assert set(which["data"]["codes"]) == {f"{day.code} 1", other.code}
    assert (await phone.text(f"JA {other.code}"))["type"] == "RegistrationConfirmed"
    assert (await phone.text("JA"))["template"] == "sms-coming"


async def test_code_and_number_alone_are_a_yes(database, phone):
    """As to every open question; once it is answered they lead to the link again."""
    day = await in_shifts(database, phone, 1)
    assert (await phone.text(f"{day.code} 1"))["template"] == "sms-coming"
    assert (await phone.text(f"{day.code} 1"))["template"] == "already-registered"


async def test_after_a_yes_only_a_no_that_names_the_shift_gives_it_back(database, phone):
    """A bare NO, perhaps to something else, cancels nothing."""
    day = await in_shifts(database, phone, 1)
    await phone.text("JA")
    assert (await phone.text("NEIN"))["template"] == "sms-status"
    assert (await phone.text(f"JA {day.code} 1"))["template"] == "sms-coming"
    assert (await phone.text(f"NEIN {day.code} 1"))["type"] == "RegistrationCancelled"


async def test_where_nothing_was_asked_a_no_stays_what_it_was(database, phone):
    """It says where the sender stands."""
    day = await open_day(database)
    await phone.text(f"{day.code} 1")
    for said in ("NEIN", "JA", f"NEIN {day.code} 1"):
        assert (await phone.text(said))["template"] == "sms-status"
    assert await phone.state() == ("confirmed", 1)


async def test_shifts_typed_for_a_number_are_not_taken_with_one_that_was_asked_about(database, phone):
    """One YES is for all that was typed at once, but not while something else waits."""
    day = await in_shifts(database, phone, 1)
    other = await open_day(database, starts_in=FAR * 2)
    await take(database, other, given.wish(phone.number, ask_owner=True), 1, 3)
    which = await phone.text("JA")
    assert which["data"]["codes"] == [f"{day.code} 1", f"{other.code} 1", f"{other.code} 3"]
    answers = await phone.answers(phone.message(f"JA {other.code}"))
    assert [answer["type"] for answer in answers] == ["RegistrationConfirmed", "RegistrationConfirmed"]
