"""How long somebody worked: what is proposed, and how people write it."""

from datetime import UTC, datetime, timedelta

import pytest

from services.registrations.hours.working import Said, proposed_minutes, read_minutes, said_hours, written

BEGIN = datetime(2026, 12, 5, 14, tzinfo=UTC)
END = BEGIN + timedelta(hours=4)


def at(minutes):
    return BEGIN + timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("came", "left", "minutes"),
    [
        (0, 240, 240),
        (-30, 240, 240),
        (20, None, 225),
        (2, 233, 225),
        (0, 300, 300),
        (239, 241, 15),
        (-30, -10, 15),
        (0, 30 * 60, 24 * 60),
    ],
)
def test_hours_follow_from_coming_and_leaving(came, left, minutes):
    """Not before the shift, to its end where nobody left, in quarters, a quarter at least and a day at most."""
    assert proposed_minutes(BEGIN, END, at(came), left if left is None else at(left)) == minutes


@pytest.mark.parametrize(
    ("typed", "minutes"),
    [
        ("3", 180),
        ("3:30", 210),
        ("3,5", 210),
        ("3.75", 225),
        (" 3 h 45 ", 225),
        ("3h", 180),
        ("3 Std. 15 Min.", 195),
        ("225 min", 225),
        ("0", 0),
        ("٣:٣٠", 210),
        ("24", 1440),
    ],
)
def test_hours_are_read_as_people_write_them(typed, minutes):
    """With a colon, a comma, a point, in minutes, in digits of any script."""
    assert read_minutes(typed) == minutes


@pytest.mark.parametrize("typed", ["", "x", "-3", "3:60", "25", "24:01", "3:30:10", "1e3", "²", "3,5,1", "1441 min"])
def test_what_is_no_time_is_refused(typed):
    """And beyond a day."""
    with pytest.raises(ValueError, match=r".*"):
        read_minutes(typed)


@pytest.mark.parametrize("minutes", [0, 15, 60, 225, 1440])
def test_what_is_written_is_read_again(minutes):
    """A field holds what it understands."""
    assert read_minutes(written(minutes)) == minutes


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("STUNDEN MARKT 2 3:30", Said(2, 210)),
        ("Stunden markt 2, 3,5", Said(2, 210)),
        ("ساعات MARKT ٢ ٣", Said(2, 180)),
        ("HOURS 3.75", Said(None, 225)),
        ("GODZINY MARKT2 4", Said(2, 240)),
        ("HOURS MARKT", Said(None, None)),
        ("HOURS 1 2 3", Said(None, None)),
        ("HOURS 99", Said(None, None)),
    ],
)
def test_a_text_about_hours(text, said):
    """The last number is the hours, one before it the shift's."""
    assert said_hours(text, "MARKT") == said
