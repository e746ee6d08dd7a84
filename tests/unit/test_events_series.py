"""The rules of series: which days, at what time, and how people write and read them."""

from datetime import UTC, date, datetime, timedelta
from itertools import islice

import pytest
from starlette.datastructures import FormData

from services.events.events.duplicating import days_later, moved
from services.events.series.fields import changed_fields, with_fields
from services.events.series.form import first_values, read_terms, read_times, typed_values, values_of
from services.events.series.planning import Terms, Window, first_day, on_day, planned
from services.events.series.rules import Frequency, Rule
from services.events.series.wording import sentence, weekday_name
from shared.i18n.catalogues import translations
from shared.i18n.languages import PAGE_LANGUAGES
from shared.web.forms import FormErrors
from tests.support.events_service import content

NOW = datetime(2027, 3, 1, 9, 0, tzinfo=UTC)
WINDOW = Window(timedelta(weeks=8), 3)
TUESDAY = date(2027, 4, 6)


class Words:
    """A reader of a language, without a request."""

    def __init__(self, language="en"):
        self.language = language

    def gettext(self, message, **values):
        return translations(self.language).gettext(message) % values

    def ngettext(self, singular, plural, count, **values):
        return translations(self.language).ngettext(singular, plural, count) % (values | {"count": count})


def weekly(*weekdays, **more):
    return Rule(Frequency.WEEKLY, weekdays, **more)


def monthly(weekday, nth, **more):
    return Rule(Frequency.MONTHLY, (weekday,), nth=nth, **more)


@pytest.mark.parametrize(
    ("rule", "days"),
    [
        (weekly(1), ["04-06", "04-13", "04-20"]),
        (weekly(1, interval=2), ["04-06", "04-20", "05-04"]),
        (weekly(1, 3, interval=2), ["04-06", "04-08", "04-20"]),
        (weekly(0), ["04-12", "04-19", "04-26"]),
        (monthly(5, 1), ["05-01", "06-05", "07-03"]),
        (monthly(5, -1), ["04-24", "05-29", "06-26"]),
        (monthly(1, 1, interval=2), ["04-06", "06-01", "08-03"]),
        (weekly(1, count=2), ["04-06", "04-13"]),
        (weekly(1, until=date(2027, 4, 13)), ["04-06", "04-13"]),
    ],
)
def test_a_rule_has_these_days(rule, days):
    """Weekly, every second week, first and last of a month, until a day and so many times; read back as it was."""
    assert [f"{day:%m-%d}" for day in islice(rule.days(TUESDAY), 3)] == days
    assert Rule.parse(rule.text()) == rule


def test_a_rule_is_written_as_calendars_write_it():
    """RFC 5545 §3.3.10, so that any calendar could read it."""
    assert weekly(1, 3, interval=2, count=5).text() == "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,TH;COUNT=5"
    until = monthly(5, -1, until=date(2027, 12, 31)).text()
    assert until == "FREQ=MONTHLY;INTERVAL=1;BYDAY=-1SA;UNTIL=20271231"


def test_the_clock_on_the_wall_stays_through_summer_time():
    """Every Tuesday at 18:00 is 16:00 UTC in summer and 17:00 in winter."""
    there = content(sessions=[{"starts_at": "2027-10-19T18:00", "ends_at": "2027-10-19T20:00"}])
    hours = [on_day(there, date(2027, 10, 19), day).sessions[0].starts_at.hour for day in (date(2027, 10, 26), date(2027, 11, 2))]  # fmt: skip # noqa: E501
    assert hours == [16, 17]


def test_a_time_that_the_clocks_skip_is_an_hour_later_and_one_that_comes_twice_the_first():
    """As RFC 5545 §3.3.5 has it, and the preview says so of the day."""
    skipped = content(sessions=[{"starts_at": "2027-03-21T02:30", "ends_at": "2027-03-21T04:00"}])
    twice = content(sessions=[{"starts_at": "2027-10-24T02:30", "ends_at": "2027-10-24T04:00"}])
    berlin = [one.sessions[0] for one in (on_day(skipped, date(2027, 3, 21), date(2027, 3, 28)), on_day(twice, date(2027, 10, 24), date(2027, 10, 31)))]  # fmt: skip # noqa: E501
    assert [one.starts_at for one in berlin] == [
        datetime(2027, 3, 28, 1, 30, tzinfo=UTC),
        datetime(2027, 10, 31, 0, 30, tzinfo=UTC),
    ]
    assert all(one.ends_at > one.starts_at for one in berlin)
    told = planned(weekly(6), skipped, date(2027, 3, 21), set(), NOW, WINDOW)
    assert [one.clocks_change for one in told[:3]] == [False, True, False]


def test_every_hour_of_the_days_on_which_the_clocks_change_is_before_its_end():
    """No session of a series ends before it begins, whatever its times."""
    from zoneinfo import ZoneInfo

    zone = ZoneInfo("Europe/Berlin")
    for there, day in ((datetime(2027, 3, 27, tzinfo=UTC), 28), (datetime(2027, 10, 30, tzinfo=UTC), 31)):
        for quarter in range(96):
            starts = there.replace(hour=0) + timedelta(minutes=15 * quarter)
            moment = days_later(starts, 1, zone)
            later = days_later(starts + timedelta(hours=2), 1, zone)
            assert later > moment
            assert moment.astimezone(zone).day in {day, day % 31 + 1}


def test_the_window_holds_eight_weeks_and_never_less_than_three():
    """A weekly series has the weeks of the window, a yearly one three dates; what is past or left out is none."""
    there = content(sessions=[{"starts_at": "2027-02-02T18:00", "ends_at": "2027-02-02T20:00"}])
    found = planned(weekly(1), there, date(2027, 2, 2), {date(2027, 3, 9)}, NOW, WINDOW)
    assert found[0].day == date(2027, 3, 2)
    assert date(2027, 3, 9) not in {one.day for one in found}
    assert found[-1].day == date(2027, 4, 20)
    rare = planned(monthly(1, 1, interval=12), there, date(2027, 2, 2), set(), NOW, WINDOW)
    assert [one.day for one in rare] == [date(2028, 2, 1), date(2029, 2, 6), date(2030, 2, 5)]
    assert planned(weekly(1, count=3), there, date(2027, 2, 2), set(), NOW, WINDOW) == []


def test_a_series_ends_where_nobody_plans_any_more():
    """Far ahead the calendar of events ends, and so does what is planned."""
    there = content(sessions=[{"starts_at": "2199-12-24T18:00", "ends_at": "2199-12-24T20:00"}])
    found = planned(weekly(1), there, date(2199, 12, 24), set(), datetime(2199, 12, 1, tzinfo=UTC), WINDOW)
    assert [one.day for one in found] == [date(2199, 12, 24), date(2199, 12, 31)]


def test_the_window_of_registration_moves_with_the_date():
    """It opens and closes as long before each date as before the first, by the clock."""
    there = content(registration_opens_at="2027-03-20T09:00", registration_closes_at="2027-04-04T20:00")
    later = moved(there, 7)
    assert later.registration_opens_at == datetime(2027, 3, 27, 8, 0, tzinfo=UTC)
    assert moved(there, 8).registration_opens_at == datetime(2027, 3, 28, 7, 0, tzinfo=UTC)
    assert later.registration_closes_at == datetime(2027, 4, 11, 18, 0, tzinfo=UTC)


def typed(**changes):
    fields = {"frequency": "weekly", "interval": "1", "weekdays": "1", "ends": "never", "publishes": "yes"} | changes
    return typed_values(FormData(list(fields.items())))


def test_the_form_says_what_it_was_filled_with():
    """What a series is becomes a form, and the form that series again."""
    there = content()
    for rule in (weekly(1, 3, interval=2, count=5), monthly(5, -1, until=date(2027, 12, 31)), weekly(0)):
        terms = Terms(rule, frozenset({date(2027, 5, 4)}), publishes=False)
        values = values_of(terms, there)
        again = read_terms(values, first_day(there), Words())
        assert (again.terms, dict(again.errors)) == (terms, {})
    fresh = read_terms(first_values(there, first_day(there)), first_day(there), Words()).terms
    assert fresh.rule == weekly(0)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"frequency": "daily"}, "frequency"),
        ({"interval": "0"}, "interval"),
        ({"interval": "13"}, "interval"),
        ({"weekdays": "9"}, "weekdays"),
        ({"frequency": "monthly", "nth": "5"}, "nth"),
        ({"ends": "until", "until": ""}, "until"),
        ({"ends": "until", "until": "2027-04-05"}, "until"),
        ({"ends": "count", "count": "0"}, "count"),
        ({"ends": "some day"}, "ends"),
        ({"skip-1": "soon"}, "skip-1"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(changes, field):
    """Each mistake alone, and nothing else with it."""
    read = read_terms(typed(**changes), date(2027, 4, 5), Words())
    assert read.terms is None
    assert list(read.errors) == [field]


def test_times_of_day_are_read_for_an_event_of_one_date():
    """The day stays, the clock changes; an end before the start is refused, a course keeps its times."""
    there, errors = content(), FormErrors()
    later = read_times(typed(**{"from": "18:00", "to": "20:30"}), there, Words(), errors)
    assert later.sessions[0].starts_at == datetime(2027, 4, 5, 16, 0, tzinfo=UTC)
    assert not errors
    assert read_times(typed(**{"from": "18:00", "to": "17:00"}), there, Words(), errors) is there
    assert list(errors) == ["to"]
    days = [{"starts_at": f"2027-04-0{n}T10:00", "ends_at": f"2027-04-0{n}T12:00"} for n in (5, 6)]
    course = content(sessions=days)
    assert read_times(typed(), course, Words(), FormErrors()) is course


def test_single_fields_are_changed_and_others_stay():
    """A text, a number, a language more and one less."""
    before = content()
    words = before.model_dump()["words"]
    after = content(capacity=5, words=words | {"en": {"title": "Sewing"}})
    changes = changed_fields(before, after)
    assert changes == {"capacity": 5, "title-en": "Sewing"}
    other = content(capacity=8, venue_name="Garten")
    made = with_fields(other, changes)
    assert (made.capacity, made.venue_name, made.words["en"].title) == (5, "Garten", "Sewing")
    assert "en" not in with_fields(made, changed_fields(after, before)).words


@pytest.mark.parametrize("language", PAGE_LANGUAGES)
def test_a_rule_is_a_sentence_in_every_language(language):
    """It names each weekday, and differs from rule to rule."""
    rules = [weekly(1), weekly(1, interval=2), weekly(1, interval=5), monthly(5, 1), monthly(5, -1), monthly(5, 1, interval=2)]  # fmt: skip # noqa: E501
    said = [sentence(rule, Words(language)) for rule in rules]
    assert len(set(said)) == len(rules)
    for rule, text in zip(rules, said, strict=True):
        assert weekday_name(rule.weekdays[0], language) in text
        assert "%" not in text


def test_the_sentence_in_english():
    """As people say it."""
    assert sentence(weekly(1, 3, interval=2), Words()) == "Every 2 weeks: Tuesday, Thursday"
    assert sentence(monthly(5, -1), Words()) == "Every month: the last Saturday of the month"
