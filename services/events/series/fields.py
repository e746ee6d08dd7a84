"""An event's content as single fields, so that a change of one event can be made on others of its series.

Not among them are the code, the dates and their zone, which are each event's own. The window of registration is
compared as if every event were on the series' first day.
"""

from datetime import date
from typing import Any

from services.events.events.describing import SAME_NAMES, WORD_FIELDS
from services.events.events.drafting import EventContent
from services.events.events.duplicating import moved
from services.events.series.planning import on_day

_OWN = {"code", "time_zone"}
PLAIN = (*(name for name in SAME_NAMES if name not in _OWN), "capacity")
Fields = dict[str, Any]


def fields_of(content: EventContent) -> Fields:
    """Each field that events of a series share; words by `title-de` and so on."""
    plain = {name: getattr(content, name) for name in PLAIN}
    words = {
        f"{field}-{language}": getattr(texts, field)
        for language, texts in content.words.items()
        for field in WORD_FIELDS
    }
    return plain | words


def changed_fields(before: EventContent, after: EventContent) -> Fields:
    """The fields that differ, as they are after; words of a language that is gone are empty."""
    old, new = fields_of(before), fields_of(after)
    gone = {name: "" for name in old if name not in new}
    return {name: value for name, value in (gone | new).items() if old.get(name, "") != value}


def with_fields(content: EventContent, changes: Fields) -> EventContent:
    """The content with these fields. Raises pydantic.ValidationError where they do not fit together."""
    words = {language: texts.model_dump() for language, texts in content.words.items()}
    for name, value in changes.items():
        field, _, language = name.partition("-")
        if name not in PLAIN:
            words.setdefault(language, {})[field] = value
    kept = {language: texts for language, texts in words.items() if texts.get("title")}
    plain = {name: value for name, value in changes.items() if name in PLAIN}
    return EventContent.model_validate(content.model_dump() | plain | {"words": kept})


def as_on_first(content: EventContent, first: date, day: date) -> EventContent:
    """What the event of a day would say on the first day. Raises TimeFarError."""
    return moved(content, (first - day).days)


def as_on_day(content: EventContent, first: date, day: date, own: EventContent) -> EventContent:
    """The same back again, with the code and the dates that the event of that day has. Raises TimeFarError."""
    there = on_day(content, first, day) if content.sessions else content
    return there.model_copy(update={"code": own.code, "sessions": own.sessions, "time_zone": own.time_zone})
