"""Dates, times, rules and zones in lists and calendars of other programs: what they mean, or why nobody knows."""

from datetime import UTC, datetime

import pytest

from services.events.importing.dates import minutes_of, order_of, read
from services.events.importing.found import Defaults, RowError
from services.events.importing.zones import zone_of
from tests.support.foreign_lists import BERLIN, CAFE, calendar, imported, told, whole


def test_a_rule_becomes_the_dates_of_one_event():
    """Days that are left out are left out, a date that was moved is where it was moved to."""
    course = imported(whole("google.ics"))[2].content
    local = [s.starts_at.astimezone(BERLIN) for s in course.sessions]
    assert [(day.month, day.day, day.hour) for day in local] == [(4, 5, 18), (4, 20, 19), (4, 26, 18)]


RULES = {
    "FREQ=WEEKLY;COUNT=20": 20,
    "FREQ=WEEKLY;COUNT=21": "more than 20 dates",
    "FREQ=WEEKLY": "without an end",
    "FREQ=DAILY;UNTIL=20270530": 7,
    "FREQ=DAILY;UNTIL=20270530T163000Z": 7,
    "FREQ=MONTHLY;BYDAY=4MO;COUNT=3": 3,
    "FREQ=MONTHLY;BYMONTHDAY=24;COUNT=3": 3,
    "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1;COUNT=3": 4,
    "FREQ=DAILY;BYDAY=MO,TU,WE,TH,FR;COUNT=6": 6,
    "FREQ=YEARLY;COUNT=2": 2,
    "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30;COUNT=2": "not one that we can follow",
    "FREQ=DAILY;BYDAY=TU;INTERVAL=7;COUNT=2": "not one that we can follow",
    "FREQ=MONTHLY;BYDAY=10MO;COUNT=2": "not one that we can follow",
    "FREQ=MONTHLY;BYDAY=5MO;BYMONTHDAY=1;COUNT=2": "not one that we can follow",
    "FREQ=MONTHLY;BYMONTHDAY=31;INTERVAL=12;COUNT=2": "not one that we can follow",
    "FREQ=SECONDLY;COUNT=5": "not one that we can follow",
    "FREQ=DAILY;BYHOUR=1,2,3;COUNT=5": "not one that we can follow",
    "FREQ=WEEKLY;INTERVAL=0;COUNT=5": "not one that we can follow",
    "FREQ=WEEKLY;COUNT=999999999": "more than 20 dates",
    "FREQ=WEEKLY;UNTIL=99991231": "more than 20 dates",
    "FREQ=NEVER;COUNT=3": "",
}


@pytest.mark.parametrize("rule", RULES)
def test_few_dates_are_sessions_and_many_are_a_series(rule):
    """Up to twenty dates become sessions; what goes on for long, or runs wild, is refused at once with advice."""
    [entry] = imported(calendar(RRULE=rule))
    expected = RULES[rule]
    if isinstance(expected, int):
        assert len(entry.content.sessions) == expected
    else:
        assert entry.content is None
        assert expected in " ".join(told(entry))


def test_dates_keep_their_hour_when_summer_time_begins():
    """A weekly date at 18:30 stays at 18:30 by the clocks of its zone."""
    given = {"DTSTART": None, "DTEND": None, "DURATION": "PT1H", "RRULE": "FREQ=WEEKLY;COUNT=3"}
    [entry] = imported(calendar("DTSTART;TZID=W. Europe Standard Time:20270322T183000", **given))
    assert [s.starts_at.astimezone(BERLIN).hour for s in entry.content.sessions] == [18, 18, 18]
    assert [s.starts_at.astimezone(UTC).hour for s in entry.content.sessions] == [17, 16, 16]


ZONES = {
    "Europe/Berlin": "Europe/Berlin",
    "europe/berlin": "Europe/Berlin",
    "W. Europe Standard Time": "Europe/Berlin",
    "Turkey Standard Time": "Europe/Istanbul",
    "/mozilla.org/20050126_1/Europe/Berlin": "Europe/Berlin",
    "/freeassociation.sourceforge.net/Europe/Kyiv": "Europe/Kyiv",
    "(UTC+01:00) Amsterdam, Berlin, Bern, Rom, Stockholm, Wien": "Europe/Berlin",
    "Mitteleuropäische Zeit": "Europe/Berlin",
    "Customized Time Zone": "",
}


@pytest.mark.parametrize("name", ZONES)
def test_time_zones_are_known_by_all_their_names(name):
    """IANA's, Windows', those of old programs; a zone that nobody knows is none."""
    assert zone_of(name) == ZONES[name]


def test_a_zone_that_the_calendar_describes_is_used_and_an_unknown_one_refused():
    """The rules in the calendar itself tell the moment; without them nobody guesses."""
    zone = whole("outlook.ics").decode().replace("W. Europe Standard Time", "Customized Time Zone")
    [first, *_] = imported(zone)
    assert [(s.starts_at, s.ends_at) for s in first.content.sessions] == [CAFE]
    [lost] = imported(calendar("DTSTART;TZID=Hausuhr:20270524T183000", DTSTART=None))
    assert told(lost) == ["Nobody knows its time zone, “Hausuhr”."]


def test_times_without_a_zone_are_those_of_the_calendar():
    """Floating times are read by the calendar's own zone, else by the one that the organiser chose."""
    begin = "BEGIN:VCALENDAR\r\nX-WR-TIMEZONE:Europe/Istanbul\r\n"
    assert imported(calendar(begin=begin))[0].content.time_zone == "Europe/Istanbul"
    [entry] = imported(calendar(), Defaults(zone="Europe/London"))
    assert entry.content.sessions[0].starts_at == datetime(2027, 5, 24, 17, 30, tzinfo=UTC)


def test_dates_with_slashes_are_decided_by_the_whole_list():
    """One clear date decides for all; where none is clear, or two disagree, nobody guesses."""
    assert order_of(["5/6/2027", "24/5/2027"]) == "day"
    assert order_of(["5/6/2027", "5/24/2027"]) == "month"
    assert order_of(["24/5/2027", "5/24/2027"]) == "mixed"
    assert order_of(["5/6/2027", "18:30"]) == ""
    head = "Title,Date,Time\n"
    assert (
        imported(f"{head}A,5/6/2027,18:30-20:00\nB,24/5/2027,18:30-20:00")[0].content.sessions[0].starts_at.month == 6
    )
    [unclear] = imported(f"{head}A,5/6/2027,18:30-20:00")
    assert "can mean two dates" in told(unclear)[0]
    [said] = imported(f"{head}A,5/6/2027,18:30-20:00", Defaults(order="month"))
    assert said.content.sessions[0].starts_at.month == 5
    assert all("in others the month" in told(entry)[0] for entry in imported(f"{head}A,24/5/2027,\nB,5/24/2027,"))


@pytest.mark.parametrize(
    ("text", "day", "times"),
    [
        ("24.12.2027", (12, 24), ()),
        ("24.12.27, 18.30 Uhr", (12, 24), (18.5,)),
        ("Fr., 24.12.2027 von 18 bis 20:30 Uhr", (12, 24), (18, 20.5)),
        ("Donnerstag, 3. März 2027 · 9h30", None, None),
        ("3. März 2027 9h30", (3, 3), (9.5,)),
        ("March 3rd, 2027 6 PM", (3, 3), (18,)),
        ("Wed, 3 Mar 2027 12:15 a.m.", (3, 3), (0.25,)),
        ("2027-03-03T18:30:00", (3, 3), (18.5,)),
        ("20270303", (3, 3), ()),
        ("2027/3/3 24:00", (3, 3), (0,)),
        ("3-3-2027 noon", (3, 3), (12,)),
        ("13 PM", None, None),
        ("2027-13-03", None, None),
        ("3. Brumaire 2027", None, None),
    ],
)
def test_dates_and_times_are_read_as_people_write_them(text, day, times):
    """In German and English, by people and by programs; what is none is refused."""
    if times is None:
        with pytest.raises(RowError):
            read(text, "")
        return
    found = read(text, "")
    assert (found.day.month, found.day.day) == day
    assert tuple(at.hour + at.minute / 60 for at in (found.start, found.end) if at is not None) == times


def test_an_offset_is_kept():
    """A moment that says how far it is from UTC means that moment."""
    told_at = read("2027-05-24T16:30:00Z", "")
    assert told_at.moment(told_at.start) == CAFE[0]
    told_at = read("2027-05-24 12:30 -0400", "")
    assert told_at.moment(told_at.start) == CAFE[0]


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("90", 90),
        ("1:30", 90),
        ("1,5 Std.", 90),
        ("2 h", 120),
        ("90 Minuten", 90),
        ("", None),
        ("lang", None),
        ("0", None),
    ],
)
def test_lengths_are_read_as_people_write_them(text, minutes):
    """Minutes, hours, or both."""
    assert minutes_of(text) == minutes
