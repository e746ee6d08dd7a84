"""What somebody uploads, pastes or has fetched, as events."""

from datetime import datetime

from services.events.importing.csv_lists import read_csv
from services.events.importing.decoding import text_of
from services.events.importing.found import Defaults, Source
from services.events.importing.ical import is_ical, read_ical


def read_source(content: bytes, defaults: Defaults, now: datetime) -> Source:
    """The events of a calendar or of a list. Raises SourceError; a single event that is wrong has its reasons."""
    text = text_of(content)
    return read_ical(text, defaults, now) if is_ical(text) else read_csv(text, defaults, now)
