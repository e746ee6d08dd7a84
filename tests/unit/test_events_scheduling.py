from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from services.events.events.scheduling import TimeMissingError, TimeTwiceError, moment_of
from tests.support.events_service import content

BERLIN = "Europe/Berlin"


def local(*parts: int) -> datetime:
    return datetime(*parts)  # noqa: DTZ001 - what a form holds: a time without a zone


def test_a_local_time_is_a_moment():
    """Noon in Berlin is eleven in UTC in winter and ten in summer."""
    assert moment_of(local(2027, 1, 5, 12), BERLIN) == datetime(2027, 1, 5, 11, tzinfo=UTC)
    assert moment_of(local(2027, 7, 5, 12), BERLIN) == datetime(2027, 7, 5, 10, tzinfo=UTC)


def test_a_time_that_the_clocks_skip_is_refused():
    """When summer time begins there is no half past two."""
    with pytest.raises(TimeMissingError):
        moment_of(local(2027, 3, 28, 2, 30), BERLIN)
    with pytest.raises(TimeMissingError):
        moment_of(local(2027, 3, 28, 2, 30), BERLIN, "earlier")


def test_the_edges_of_the_skipped_hour_are_times():
    """The last minute before the gap and the first after it are one minute apart."""
    before, after = moment_of(local(2027, 3, 28, 1, 59), BERLIN), moment_of(local(2027, 3, 28, 3, 0), BERLIN)
    assert (after - before).total_seconds() == 60


def test_a_time_that_comes_twice_is_asked_about():
    """When summer time ends half past two comes twice, an hour apart, and nobody guesses which is meant."""
    twice = local(2027, 10, 31, 2, 30)
    with pytest.raises(TimeTwiceError):
        moment_of(twice, BERLIN)
    assert moment_of(twice, BERLIN, "earlier") == datetime(2027, 10, 31, 0, 30, tzinfo=UTC)
    assert moment_of(twice, BERLIN, "later") == datetime(2027, 10, 31, 1, 30, tzinfo=UTC)


def test_an_offset_answers_for_a_time_that_comes_twice():
    """A time with its offset is taken as it is."""
    assert moment_of(datetime.fromisoformat("2027-10-31T02:30+01:00"), BERLIN).hour == 1


@pytest.mark.parametrize("zone", ["Africa/Cairo", "Asia/Beirut", "America/Santiago", "Europe/Kyiv"])
def test_every_zone_keeps_local_noon(zone):
    """Noon of each day of a year is noon again when it is read in its zone."""
    from zoneinfo import ZoneInfo

    for day in range(1, 366, 7):
        local = datetime.strptime(f"2027-{day:03} 12:00", "%Y-%j %H:%M")  # noqa: DTZ007 - local on purpose
        assert moment_of(local, zone).astimezone(ZoneInfo(zone)).replace(tzinfo=None) == local


@pytest.mark.parametrize(("starts", "kind"), [("2027-03-28T02:30", "time_missing"), ("2027-10-31T02:30", "time_twice")])
def test_content_refuses_such_times_by_name(starts, kind):
    """A program is told which of the two is wrong with its time."""
    with pytest.raises(ValidationError) as refused:
        content(sessions=[{"starts_at": starts, "ends_at": "2027-11-01T12:00"}])
    assert refused.value.errors()[0]["type"] == kind


def test_a_course_across_the_change_keeps_its_hour():
    """A weekly evening is at seven by the clock before and after summer time begins."""
    weekly = [{"starts_at": f"2027-03-{day}T19:00", "ends_at": f"2027-03-{day}T20:00"} for day in (22, 29)]
    first, second = content(sessions=weekly).sessions
    assert (first.starts_at.hour, second.starts_at.hour) == (18, 17)
