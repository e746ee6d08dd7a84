"""Lists and calendars of other programs, and their rows as an organiser sees them."""

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from services.events.events.fields import MESSAGES
from services.events.importing.composing import entries_of
from services.events.importing.found import Defaults
from services.events.importing.reading import read_source
from shared.web import validation

validation.MESSAGES.update(MESSAGES)
FILES = Path(__file__).parent / "imports"
NOW = datetime(2027, 3, 1, 9, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
CAFE = (datetime(2027, 5, 24, 18, 30, tzinfo=BERLIN), datetime(2027, 5, 24, 20, tzinfo=BERLIN))


def imported(content, defaults=None):
    """The rows of an import, as its organiser sees them."""
    content = content.encode() if isinstance(content, str) else content
    defaults = defaults or Defaults()
    return entries_of(read_source(content, defaults, NOW), defaults)


def told(entry):
    """Why a row is refused, in English."""
    return [reason.message % reason.values for reason in entry.reasons]


def whole(name):
    return (FILES / name).read_bytes()


def calendar(*lines, begin="BEGIN:VCALENDAR\r\nVERSION:2.0\r\n", **properties):
    """A calendar of one event on the 24th of May."""
    given = {"UID": "one", "SUMMARY": "Sprachcafé", "DTSTART": "20270524T183000", "DTEND": "20270524T200000"}
    given |= properties
    own = [f"{name}:{value}" for name, value in given.items() if value is not None]
    return begin + "\r\n".join(["BEGIN:VEVENT", *own, *lines, "END:VEVENT", "END:VCALENDAR", ""])
