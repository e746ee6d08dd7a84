"""Series of events, from the rule to each event, on a real PostgreSQL."""

import asyncio
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from uuid6 import uuid7

from services.events.audit.wording import ACTIONS
from services.events.events.cancelling import cancel_event
from services.events.events.commands import edit_event
from services.events.events.describing import content_of
from services.events.events.queries import event_by_id
from services.events.events.rescheduling import reschedule_event
from services.events.series import filling
from services.events.series.changing import Change, Confirmed, Fate, OtherPlanError, change_series, plan_change
from services.events.series.commands import end_series
from services.events.series.filling import fill_due
from services.events.series.rules import Frequency, Rule
from services.events.series.spreading import Scope, edit_occurrences
from tests.support.events_service import content, count, running_events_service
from tests.support.series import WEEKLY, WINDOW, a_series, begin, series_of, terms, venues

MONDAYS = [date(2027, 4, 5), date(2027, 4, 12), date(2027, 4, 19), date(2027, 4, 26)]


@pytest.fixture
async def events(migrated):
    async with running_events_service(migrated) as service:
        async with service.database.begin() as session:
            await session.execute(text("UPDATE series SET ended_at = now() WHERE ended_at IS NULL"))
        yield service


async def days_of(events, series_id):
    return [one.day for one in (await series_of(events, series_id)).occurrences]


async def said_by(events, event_id):
    async with events.database.read() as session:
        return content_of(await event_by_id(session, event_id))


async def test_each_date_is_an_event_of_its_own(events, member):
    """Own code, own places, the same words, published; the event that was repeated is the first."""
    series_id, ids = await a_series(events, member)
    series = await series_of(events, series_id)
    assert [one.day for one in series.occurrences] == MONDAYS
    rows = [one.event.row for one in series.occurrences]
    assert {row.state for row in rows} == {"published"}
    assert len({row.code for row in rows}) == len({one.event.places[0].id for one in series.occurrences}) == 4
    assert [row.starts_at.hour for row in rows] == [8, 8, 8, 8]
    for event_id in ids:
        assert len(await events.messages("events", event_id)) == 1


async def test_the_same_key_begins_one_series(events, member):
    """The form sent twice is one series, whose events are there once."""
    event_id, key = await events.published(member), uuid7()
    first, again = [await begin(events, member, event_id, terms(), key) for _ in range(2)]
    assert first == again
    assert await days_of(events, first) == MONDAYS


async def test_an_event_on_another_day_stays_by_itself(events, member):
    """Repeating a Monday's event on first Saturdays makes Saturdays, and at least three of them."""
    event_id = await events.published(member)
    rule = Rule(Frequency.MONTHLY, (5,), nth=1)
    series_id = await begin(events, member, event_id, terms(rule))
    found = await series_of(events, series_id)
    assert [one.day for one in found.occurrences] == [date(2027, 5, 1), date(2027, 6, 5), date(2027, 7, 3)]
    assert event_id not in {one.event.row.id for one in found.occurrences}


async def test_a_series_that_does_not_publish_or_lacks_something_makes_drafts(events, member):
    """Drafts never travel; what is not complete is not published, whatever the series says."""
    draft = await events.draft(member)
    quiet = await begin(events, member, draft, terms(publishes=False))
    lacking = await begin(events, member, await events.draft(member, capacity=None), terms())
    for series_id in (quiet, lacking):
        assert {one.event.row.state for one in (await series_of(events, series_id)).occurrences} == {"draft"}


async def test_time_brings_the_next_dates_and_leaves_out_what_is_skipped(events, member):
    """The timer makes what the window holds by then, once for each day, and none of a series that has ended."""
    series_id, _ = await a_series(events, member, terms(WEEKLY, date(2027, 5, 3)))
    ended, _ = await a_series(events, member)
    async with events.database.begin() as session:
        await end_series(session, member, ended, events.now)
    assert await fill_due(events.database, WINDOW, events.now) == 0
    events.later(weeks=2)
    assert await fill_due(events.database, WINDOW, events.now) == 1
    assert await fill_due(events.database, WINDOW, events.now) == 0
    assert await days_of(events, series_id) == [*MONDAYS, date(2027, 5, 10)]
    assert await days_of(events, ended) == MONDAYS


async def in_parallel(events, series_id, tries=6):
    """Several processes look at once: what went wrong in any of them."""
    events.later(weeks=4)
    runs = (fill_due(events.database, WINDOW, events.now) for _ in range(tries))
    outcomes = await asyncio.gather(*runs, return_exceptions=True)
    found = await days_of(events, series_id)
    assert len(found) == len(set(found)) == 8
    return [outcome for outcome in outcomes if isinstance(outcome, Exception)]


async def test_processes_that_look_at_once_make_each_day_once(events, member):
    """Six at a time: each day has one event, none of them fails, and no event is left without its day."""
    series_id, _ = await a_series(events, member)
    assert await in_parallel(events, series_id) == []
    async with events.database.read() as session:
        made = (await session.execute(text("SELECT count(*) FROM events WHERE organisation_id = :id"), {"id": member.organisation_ids[0]})).scalar_one()  # fmt: skip # noqa: E501
    assert made == 8


async def test_without_the_lock_processes_stand_in_each_others_way(events, member, monkeypatch):
    """The negative control: two run into the same day, and only the table's own key keeps it one."""
    series_id, _ = await a_series(events, member)
    monkeypatch.setattr(filling, "_locking", lambda query: query)
    failures = await in_parallel(events, series_id)
    assert failures
    assert {type(failure) for failure in failures} == {IntegrityError}


async def test_a_series_that_fails_holds_up_no_other(events, member):
    """One whose content nobody can read is left for an hour; the next one gets its dates, and the failure is seen."""
    broken, _ = await a_series(events, member)
    sound, _ = await a_series(events, member)
    async with events.database.begin() as session:
        await session.execute(text("UPDATE series SET content = '{}' WHERE id = :id"), {"id": broken})
    events.later(weeks=1)
    with pytest.raises(ValueError, match="kind"):
        await fill_due(events.database, WINDOW, events.now)
    assert len(await days_of(events, sound)) == 5
    assert await fill_due(events.database, WINDOW, events.now) == 0


async def edit(events, member, event_id, scope, **changes):
    row, own = await events.row(event_id), await said_by(events, event_id)
    wanted = own.model_validate(own.model_dump() | changes)
    async with events.database.begin() as session:
        return await edit_occurrences(session, member, event_id, wanted, row.version, scope, events.now)


async def test_an_edit_is_for_this_one_this_and_later_ones_or_all(events, member):
    """And the next dates that the series makes follow what was said for more than one."""
    series_id, ids = await a_series(events, member)
    assert await edit(events, member, ids[1], Scope.THIS, venue_name="Eins") == (0, 0)
    assert await venues(events, ids) == ["Haus", "Eins", "Haus", "Haus"]
    assert await edit(events, member, ids[2], Scope.LATER, venue_name="Zwei") == (1, 0)
    assert await venues(events, ids) == ["Haus", "Eins", "Zwei", "Zwei"]
    assert await edit(events, member, ids[3], Scope.ALL, capacity=7) == (3, 0)
    events.later(weeks=1)
    await fill_due(events.database, WINDOW, events.now)
    newest = (await series_of(events, series_id)).occurrences[-1].event
    assert (newest.row.venue_name, newest.capacity) == ("Zwei", 7)


async def test_what_was_changed_by_hand_stays(events, member):
    """A field that somebody set on one date is not overwritten there; other fields of that date follow the series."""
    _, ids = await a_series(events, member)
    async with events.database.begin() as session:
        own = await said_by(events, ids[2])
        await edit_event(session, member, ids[2], own.model_copy(update={"venue_name": "Garten"}), 2, events.now)
    words = {"de": {"title": "Nähen", "text": "Neu", "access_notes": "Rampe", "contact_hours": "Mo 9-12"}}
    await edit(events, member, ids[0], Scope.ALL, venue_name="Turm", words=words)
    assert await venues(events, ids) == ["Turm", "Turm", "Garten", "Turm"]
    assert (await said_by(events, ids[2])).words["de"].text == "Neu"
    await edit(events, member, ids[0], Scope.ALL, venue_name="Burg")
    assert await venues(events, ids) == ["Burg", "Burg", "Garten", "Burg"]


async def test_what_is_over_cancelled_or_would_lack_something_is_left_out(events, member):
    """A past and a cancelled date stay as they are; one where the change does not fit is counted and stays."""
    _, ids = await a_series(events, member)
    async with events.database.begin() as session:
        await cancel_event(session, member, ids[2], {"de": "Krank"}, 2, events.now)
    await edit(events, member, ids[3], Scope.THIS, capacity=5)
    events.now = datetime(2027, 4, 6, 9, 0, tzinfo=UTC)
    assert await edit(events, member, ids[1], Scope.ALL, largest_party=8) == (0, 1)
    rows = [await events.row(event_id) for event_id in ids]
    assert [row.largest_party for row in rows] == [4, 8, 4, 4]


async def test_the_window_of_registration_follows_each_date(events, member):
    """An end of registration that is set for all is as long before each date."""
    _, ids = await a_series(events, member)
    await edit(events, member, ids[1], Scope.ALL, registration_closes_at="2027-04-11T20:00")
    ends = [(await events.row(event_id)).registration_closes_at for event_id in ids]
    assert [f"{end:%m-%d %H}" for end in ends] == ["04-04 18", "04-11 18", "04-18 18", "04-25 18"]


async def changed(events, member, series_id, change, digest="", reason="Der Raum ist belegt."):
    plan = plan_change(await series_of(events, series_id), change, WINDOW, events.now)
    async with events.database.begin() as session:
        confirmed = Confirmed(digest or plan.digest, reason)
        await change_series(session, member, series_id, change, confirmed, WINDOW, events.now)
    return plan


async def test_a_change_of_the_rule_does_what_its_plan_says(events, member):
    """Every second week: what fits stays, an empty date is cancelled, one with people stays by itself, new ones."""
    series_id, ids = await a_series(events, member)
    await count(events, ids[1], taken=2)
    series = await series_of(events, series_id)
    rule = Rule(Frequency.WEEKLY, (0, 2), interval=2)
    plan = await changed(events, member, series_id, Change(terms(rule), series.content))
    fates = {one.occurrence.event.row.id: one.fate for one in plan.judged}
    assert fates == {ids[0]: Fate.KEPT, ids[1]: Fate.LEFT, ids[2]: Fate.KEPT, ids[3]: Fate.CANCELLED}
    states = [(await events.row(event_id)).state for event_id in ids]
    assert states == ["published", "published", "published", "cancelled"]
    assert await days_of(events, series_id) == [MONDAYS[0], date(2027, 4, 7), MONDAYS[2], date(2027, 4, 21)]
    assert (await events.messages("events", ids[3]))[-1]["event"]["cancellation_reason"] == {
        "de": "Der Raum ist belegt."
    }


async def test_drafts_that_no_longer_fit_are_deleted(events, member):
    """Nobody has seen them; they leave nothing behind."""
    series_id = await begin(events, member, await events.draft(member), terms(publishes=False))
    ids = [one.event.row.id for one in (await series_of(events, series_id)).occurrences]
    series = await series_of(events, series_id)
    plan = await changed(
        events, member, series_id, Change(terms(WEEKLY, MONDAYS[3], publishes=False), series.content), reason=""
    )
    assert [one.event.row.id for one in plan.of(Fate.DROPPED)] == [ids[3]]
    async with events.database.read() as session:
        for table in ("event_versions", "event_texts", "sessions", "places", "occurrences"):
            query = text(f"SELECT count(*) FROM {table} WHERE event_id = :id")  # noqa: S608 - the names above
            assert (await session.execute(query, {"id": ids[3]})).scalar_one() == 0
    assert await days_of(events, series_id) == MONDAYS[:3]


async def test_a_new_time_of_day_moves_the_dates_that_nobody_moved(events, member):
    """People who are registered are told; a date that was moved by hand keeps its time."""
    series_id, ids = await a_series(events, member)
    async with events.database.begin() as session:
        own = (await said_by(events, ids[2])).sessions
        other = [one.model_copy(update={"ends_at": one.ends_at + timedelta(hours=1)}) for one in own]
        await reschedule_event(session, member, ids[2], "Europe/Berlin", other, 2, events.now)
    series = await series_of(events, series_id)
    later = [one.model_copy(update={"starts_at": one.starts_at + timedelta(minutes=30)}) for one in series.content.sessions]  # fmt: skip # noqa: E501
    content_later = series.content.model_copy(update={"sessions": later})
    plan = await changed(events, member, series_id, Change(terms(), content_later))
    assert [one.event.row.id for one in plan.of(Fate.MOVED)] == [ids[0], ids[1], ids[3]]
    minutes = [(await events.row(event_id)).starts_at.minute for event_id in ids]
    assert minutes == [30, 30, 0, 30]
    assert (await events.messages("events", ids[1]))[-1]["type"] == "EventRescheduled"
    again = plan_change(await series_of(events, series_id), Change(terms(), content_later), WINDOW, events.now)
    assert {one.fate for one in again.judged} == {Fate.KEPT}


async def test_only_what_was_confirmed_is_done(events, member):
    """Somebody registers between the preview and the answer: nothing is cancelled, and the plan is shown anew."""
    series_id, ids = await a_series(events, member)
    series = await series_of(events, series_id)
    change = Change(terms(WEEKLY, MONDAYS[3]), series.content)
    seen = plan_change(series, change, WINDOW, events.now).digest
    await count(events, ids[3], taken=1)
    with pytest.raises(OtherPlanError):
        await changed(events, member, series_id, change, seen)
    assert (await events.row(ids[3])).state == "published"
    assert (await series_of(events, series_id)).row.skipped == []


async def test_the_log_of_changes_names_who_changed_a_series_and_nobody_for_what_it_makes(events, member):
    """Beginning, changing and ending are a person's; the events that time brings are nobody's."""
    series_id, ids = await a_series(events, member)
    async with events.database.begin() as session:
        await end_series(session, member, series_id, events.now)
    log = await events.messages("audit", member.organisation_ids[0])
    log = [one for one in log if one["action"].startswith("series.")]
    told = [(one["action"], one["person_id"], one["subject_id"]) for one in log]
    person = str(member.person_id)
    assert told == [(f"series.{done}", person, str(series_id)) for done in ("begun", "ended")]
    assert {one["action"] for one in log} <= ACTIONS.keys()
    assert log[0]["after"]["rule"] == WEEKLY.text()
    made = await events.messages("audit", ids[1])
    assert [(one["action"], one["person_id"]) for one in made] == [("event.created", None), ("event.published", None)]


async def test_a_copy_of_the_content_is_what_the_next_dates_say(events, member):
    """An end of registration moves with each date that time brings."""
    series_id, _ = await a_series(events, member, registration_closes_at="2027-04-04T20:00")
    events.later(weeks=1)
    await fill_due(events.database, WINDOW, events.now)
    newest = (await series_of(events, series_id)).occurrences[-1]
    assert newest.day == date(2027, 5, 3)
    assert newest.event.row.registration_closes_at == datetime(2027, 5, 2, 18, 0, tzinfo=UTC)
    assert content().capacity == newest.event.capacity
