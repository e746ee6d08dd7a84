"""How long people have to answer: never into the night, never past the start."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.registrations.registrations.deadlines import MORNING, SHORTEST, answer_deadline, is_night, promised_answer

ZONES = [ZoneInfo(name) for name in ("Europe/Berlin", "Asia/Kathmandu", "America/St_Johns", "Pacific/Apia", "UTC")]
BERLIN = ZONES[0]
moments = st.timedeltas(timedelta(0), timedelta(days=730)).map(lambda ahead: datetime(2026, 1, 1, tzinfo=UTC) + ahead)
ahead = st.timedeltas(timedelta(seconds=1), timedelta(days=60))
longest = st.timedeltas(timedelta(minutes=10), timedelta(days=3))
zones = st.sampled_from(ZONES)


@given(moments, ahead, longest, zones)
def test_a_deadline_is_never_in_the_night_unless_the_event_begins_then(now, ahead, longest, zone):
    """From 21 to 8 in the event's zone nothing ends, but with the event's own beginning."""
    deadline = answer_deadline(now, longest, now + ahead, zone)
    assert not is_night(deadline, zone) or deadline == now + ahead


@given(moments, ahead, longest, zones)
def test_a_deadline_leaves_an_hour_or_the_time_until_the_event(now, ahead, longest, zone):
    """It is after now, not after the start, and leaves an hour (or the setting, or all there is) to answer."""
    deadline = answer_deadline(now, longest, now + ahead, zone)
    assert now < deadline <= now + ahead
    assert deadline - now >= min(SHORTEST, longest, ahead)


@given(moments, ahead, longest, zones)
def test_a_deadline_is_no_later_than_the_morning_after_the_longest_time(now, ahead, longest, zone):
    """The night is the only thing that makes it longer than the setting, and that ends at nine."""
    deadline = answer_deadline(now, longest, now + ahead, zone)
    late = deadline - (now + longest)
    assert late <= timedelta(0) or deadline.astimezone(zone).time() == MORNING or deadline == now + ahead
    assert late < timedelta(hours=13)


@given(moments, longest, zones, st.timedeltas(timedelta(0), timedelta(days=2)))
def test_after_the_beginning_there_is_an_hour(now, longest, zone, since):
    """People who register at the door of an event that has begun get an hour, not none."""
    assert answer_deadline(now, longest, now - since, zone) == now + min(longest, SHORTEST)


@pytest.mark.parametrize(
    ("now", "ends"),
    [
        (datetime(2026, 3, 28, 21, 30, tzinfo=BERLIN), datetime(2026, 3, 29, 9, tzinfo=BERLIN)),
        (datetime(2026, 10, 24, 21, 30, tzinfo=BERLIN), datetime(2026, 10, 25, 9, tzinfo=BERLIN)),
        (datetime(2026, 10, 25, 7, 30, tzinfo=BERLIN), datetime(2026, 10, 25, 9, 30, tzinfo=BERLIN)),
        (datetime(2026, 6, 1, 19, 1, tzinfo=BERLIN), datetime(2026, 6, 2, 9, tzinfo=BERLIN)),
        (datetime(2026, 6, 1, 18, 59, tzinfo=BERLIN), datetime(2026, 6, 1, 20, 59, tzinfo=BERLIN)),
        (datetime(2026, 6, 1, 6, 0, tzinfo=BERLIN), datetime(2026, 6, 1, 8, 0, tzinfo=BERLIN)),
        (datetime(2026, 6, 1, 5, 59, tzinfo=BERLIN), datetime(2026, 6, 1, 9, 0, tzinfo=BERLIN)),
    ],
)
def test_nine_is_nine_by_the_clock_on_the_wall(now, ends):
    """In the nights in which the clocks change, too; eight in the morning is day, nine in the evening is night."""
    start = now + timedelta(days=30)
    assert answer_deadline(now.astimezone(UTC), timedelta(hours=2), start, BERLIN) == ends


@pytest.mark.parametrize(
    ("now", "hours", "starts", "due"),
    [
        ("2026-12-01 10:00", 24, "2026-12-10 10:00", "2026-12-02 10:00"),
        ("2026-12-01 22:00", 24, "2026-12-10 10:00", "2026-12-03 09:00"),
        ("2026-12-01 10:00", 72, "2026-12-03 10:00", "2026-12-03 10:00"),
        ("2026-12-01 10:00", 24, "2026-12-01 10:30", "2026-12-01 11:00"),
        ("2026-12-01 10:00", 24, "2026-12-01 08:00", "2026-12-01 11:00"),
    ],
)
def test_a_promised_answer_comes_by_day_and_before_the_shift(now, hours, starts, due):
    """Never in the night, and within an hour where it begins at once."""
    zone = ZoneInfo("Europe/Berlin")
    at = [datetime.fromisoformat(moment).replace(tzinfo=zone) for moment in (now, starts, due)]
    assert promised_answer(at[0], timedelta(hours=hours), at[1], zone) == at[2]
