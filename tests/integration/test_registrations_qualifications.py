"""Qualifications: seen at the desk, shown in the plan with their last day, told of before they end, forgotten."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from services.registrations.qualifications.commands import forget, note_seen, tell_of_ends
from shared.contracts.events import Qualification
from shared.contracts.organisations import Role
from shared.database.engine import Database
from tests.support import registrations as given
from tests.support.asgi_client import AsgiClient
from tests.support.registration_pages import messages, running_api, send, signed_in, where, words
from tests.support.shifts import take, volunteer_day

CONDUCT = Qualification.GOOD_CONDUCT
NAME = "Extended certificate of good conduct"


@pytest.fixture(scope="module")
async def app(database_url):
    async with running_api(database_url("registrations")) as app:
        yield app


@pytest.fixture
def database(app) -> Database:
    return app.state.database


async def a_day(database, **more):
    """A day whose only role takes a certificate of good conduct."""
    day = volunteer_day(**{"roles": 1, "most": 9} | more)
    roles = [role.model_copy(update={"qualification": CONDUCT}) for role in day.roles]
    day = day.model_copy(update={"roles": roles})
    await given.publish(database, day)
    return day


async def signed_up(database, day, wish=None):
    [decision] = await take(database, day, wish or given.wish(), 1)
    return decision


def desk_of(day, decision):
    return f"/registrations/console/events/{day.id}/desk/{decision.id}"


def shift_day(day):
    return day.sessions[0].ends_at.astimezone(ZoneInfo(day.time_zone)).date()


async def see(app, day, decision, last_day=""):
    """The desk says that it has seen the document."""
    desk, path = await signed_in(app, day, Role.DESK), desk_of(day, decision)
    return await send(desk, f"{path}/qualification", {"valid_until": str(last_day)}, path)


async def plan(app, day, by="shift"):
    return words(await (await signed_in(app, day)).get(f"/registrations/console/events/{day.id}/plan?by={by}"))


async def noted(database, decision, valid_until=None, now=None):
    async with database.begin() as session:
        return await note_seen(session, decision.id, CONDUCT, valid_until, decision.id, now or datetime.now(UTC))


async def told(database, day):
    found = await messages(database, day, "NotificationRequested")
    return [one for one in found if one["template"] == "qualification-ends"]


async def test_the_plan_says_who_has_not_shown_it_and_until_when_it_counts(app, database):
    """In both views; what ends before the shift is not enough, its very day is."""
    day = await a_day(database)
    decision = await signed_up(database, day)
    assert f"({NAME})" in (shown := await plan(app, day))
    assert "not seen yet" in shown
    assert where(await see(app, day, decision, shift_day(day))).endswith("?done=changed")
    for by in ("shift", "person"):
        shown = await plan(app, day, by)
        assert "fulfilled until" in shown
        assert "not seen yet" not in shown
    await see(app, day, decision, shift_day(day) - timedelta(days=2))
    assert "fulfilled only until" in await plan(app, day)
    await see(app, day, decision)
    shown = await plan(app, day)
    assert "fulfilled" in shown
    assert "until" not in shown


async def test_it_counts_for_every_shift_of_the_organisation_and_of_no_other(app, database):
    """The person need not show it twice to the same one."""
    day, wish = await a_day(database), given.wish()
    await see(app, day, await signed_up(database, day, wish))
    later = await a_day(database, organisation_id=day.organisation_id, starts_in=timedelta(days=20))
    other = await a_day(database, starts_in=timedelta(days=25))
    for one in (later, other):
        await signed_up(database, one, wish)
    assert "fulfilled" in await plan(app, later)
    assert "not seen yet" in await plan(app, other)


@pytest.mark.parametrize(("typed", "said"), [("31.12.", "Choose a day"), ("2020-01-31", "This day is over")])
async def test_a_day_that_cannot_be_is_said_at_its_field(app, database, typed, said):
    """Nothing is noted, and what was typed stands there."""
    day = await a_day(database)
    decision = await signed_up(database, day)
    answer = await see(app, day, decision, typed)
    assert answer.status == 422
    assert said in words(answer)
    assert f'value="{typed}"' in answer.text
    assert "not seen yet" in await plan(app, day)


async def test_where_the_role_takes_none_nothing_is_noted(app, database):
    """Neither the desk nor the person has a form, and one that is sent changes nothing."""
    day = volunteer_day()
    await given.publish(database, day)
    decision = await signed_up(database, day)
    desk, path = await signed_in(app, day, Role.DESK), desk_of(day, decision)
    assert "What the role takes" not in words(await desk.get(path))
    assert where(await send(desk, f"{path}/qualification", {"valid_until": ""}, path)) == path
    assert "What the role takes" not in words(await AsgiClient(app, "en").get(f"/r/{decision.token}"))


async def test_the_person_sees_it_and_has_it_forgotten(app, database):
    """On the page of the registration at which it was seen; the plan says at once that it was not seen."""
    day = await a_day(database)
    decision = await signed_up(database, day)
    browser, path = AsgiClient(app, "en"), f"/r/{decision.token}"
    assert "Please show it to the organisation before your shift" in words(await browser.get(path))
    await see(app, day, decision, shift_day(day))
    assert "fulfilled until" in words(await browser.get(path))
    assert where(await send(browser, f"{path}/qualification", {}, path)) == f"{path}?saved=1"
    assert "Please show it" in words(await browser.get(path))
    assert "not seen yet" in await plan(app, day)


async def test_who_types_a_strangers_mail_address_learns_and_removes_nothing(app, database):
    """The owner of a number finds it behind each of their links."""
    day = await a_day(database)
    for wish, shown in ((given.wish(), False), (given.wish(given.number()), True)):
        await see(app, day, await signed_up(database, day, wish))
        later = await a_day(database, organisation_id=day.organisation_id, starts_in=timedelta(days=20))
        decision = await signed_up(database, later, wish)
        browser, path = AsgiClient(app, "en"), f"/r/{decision.token}"
        assert ("fulfilled" in words(await browser.get(path))) is shown
        await send(browser, f"{path}/qualification", {}, path)
        assert ("not seen yet" in await plan(app, later)) is shown


async def test_the_desk_removes_it_and_both_are_in_the_log(app, database):
    """Each once, without what the document says."""
    day = await a_day(database)
    decision = await signed_up(database, day)
    desk, path = await signed_in(app, day, Role.DESK), desk_of(day, decision)
    for _ in range(2):
        await send(desk, f"{path}/qualification", {"valid_until": str(shift_day(day))}, path)
    for _ in range(2):
        await send(desk, f"{path}/qualification", {"do": "forget"}, path)
    assert "not seen yet" in await plan(app, day)
    logged = [one for one in await messages(database, day, "ChangeRecorded") if "qualification" in one["action"]]
    assert [one["action"] for one in logged] == ["qualification.seen", "qualification.forgotten"]
    assert not any(one["before"] or one["after"] for one in logged)


def by_day(days=0):
    return (datetime.now(UTC) + timedelta(days=days)).replace(hour=11)


async def test_six_weeks_before_its_end_the_person_is_told_once(database):
    """However many processes look; not earlier, not in the night, and with a link and nothing about the document."""
    day = await a_day(database)
    decision = await signed_up(database, day)
    assert await noted(database, decision, by_day().date() + timedelta(days=50))
    await tell_of_ends(database, given.VAULT, by_day())
    assert not await told(database, day)
    await tell_of_ends(database, given.VAULT, by_day(9).replace(hour=1))
    assert not await told(database, day)
    await asyncio.gather(*(tell_of_ends(database, given.VAULT, by_day(9)) for _ in range(4)))
    await tell_of_ends(database, given.VAULT, by_day(10))
    [request] = await told(database, day)
    assert (request["person_id"], request["data"]) == (str(decision.person_id), {"event_version": 1})
    assert request["sealed"]


async def test_of_a_new_document_the_person_is_told_anew(database):
    """What is noted a second time with the same last day is no new one; who has it forgotten is not told."""
    day = await a_day(database)
    decision, other = await signed_up(database, day), await signed_up(database, day)
    soon = by_day().date() + timedelta(days=30)
    for one in (decision, other):
        assert await noted(database, one, soon)
    assert not await noted(database, decision, soon)
    async with database.begin() as session:
        assert await forget(session, other.id, CONDUCT)
        assert not await forget(session, other.id, CONDUCT)
    await tell_of_ends(database, given.VAULT, by_day())
    assert not await noted(database, decision, soon)
    await tell_of_ends(database, given.VAULT, by_day())
    assert len(await told(database, day)) == 1
    assert await noted(database, decision, soon + timedelta(days=1))
    await tell_of_ends(database, given.VAULT, by_day())
    assert [one["person_id"] for one in await told(database, day)] == [str(decision.person_id)] * 2


async def test_what_does_not_end_or_has_ended_is_not_told(database):
    """Nor is anybody with nothing but paper, who is told by the desk."""
    day = await a_day(database)
    for valid_until in (None, date(2020, 1, 31)):
        await noted(database, await signed_up(database, day), valid_until)
    await tell_of_ends(database, given.VAULT, by_day())
    assert not await told(database, day)
