"""The form of a series as flat values: filled, read, and shown again with what was typed."""

import re
from collections.abc import Iterable
from datetime import date, datetime, time
from typing import NamedTuple
from zoneinfo import ZoneInfo

from starlette.datastructures import FormData

from services.events.events.drafting import EventContent, SessionTimes
from services.events.events.form import Values
from services.events.events.scheduling import TimeFarError, TimeMissingError, TimeTwiceError, moment_of
from services.events.series.planning import Terms
from services.events.series.rules import LARGEST_COUNT, LARGEST_INTERVAL, NTHS, Frequency, Rule
from shared.i18n.catalogues import N_
from shared.web.forms import FormErrors
from shared.web.reader import Reader

CHOOSE = N_("Choose one of the answers.")
CHOOSE_DAYS = N_("Choose at least one weekday.")
INTERVAL = N_("Write a number from 1 to 12.")
COUNT = N_("Write a number from 1 to 500.")
DAY = N_("Choose a date.")
TOO_EARLY = N_("The last date has to be after the first one.")
TIME = N_("Choose a time.")
ENDS_LATER = N_("The end has to be after the start.")

MOST_SKIPPED = 60
_SKIP = re.compile(r"skip-([1-9]\d?)")
_KNOWN = ("frequency", "interval", "nth", "ends", "until", "count", "publishes", "from", "to", "reason", "confirmed")
_WITH = ("shown", "more")


class Read(NamedTuple):
    """What a form says; without terms where something is wrong."""

    terms: Terms | None
    errors: FormErrors


def first_values(content: EventContent, first: date) -> Values:
    """The form for an event that does not repeat yet: every week on its weekday, without an end."""
    nth = (first.day - 1) // 7 + 1
    texts = {"frequency": Frequency.WEEKLY.value, "interval": "1", "ends": "never", "publishes": "yes", "count": "10"}
    texts["nth"] = str(nth if nth in NTHS else -1)
    return Values(texts | _times(content), {"weekdays": [str(first.weekday())]}, dates=1)


def values_of(terms: Terms, content: EventContent) -> Values:
    """The form that says what the series is."""
    rule = terms.rule
    texts = {
        "frequency": rule.frequency.value,
        "interval": str(rule.interval),
        "nth": str(rule.nth or 1),
        "ends": "until" if rule.until else "count" if rule.count else "never",
        "until": rule.until.isoformat() if rule.until else "",
        "count": str(rule.count or ""),
        "publishes": "yes" if terms.publishes else "",
    }
    skipped = {f"skip-{number}": day.isoformat() for number, day in enumerate(sorted(terms.skipped), 1)}
    return Values(
        texts | skipped | _times(content), {"weekdays": [str(day) for day in rule.weekdays]}, dates=len(skipped) + 1
    )


def _times(content: EventContent) -> dict[str, str]:
    """From when to when, by the clock; an event of several dates keeps its times."""
    if len(content.sessions) != 1:
        return {}
    zone, only = ZoneInfo(content.time_zone), content.sessions[0]
    clocks = {"from": only.starts_at, "to": only.ends_at}
    return {name: moment.astimezone(zone).strftime("%H:%M") for name, moment in clocks.items()}


def typed_values(form: FormData) -> Values:
    """What was typed; days to leave out that were left empty stay."""
    texts = {name: str(value).strip() for name, value in form.multi_items() if name in {*_KNOWN, *_WITH}}
    skips = {name: str(form.get(name, "")).strip() for name in form if _SKIP.fullmatch(name)}
    most = max((int(name.partition("-")[2]) for name in skips), default=1)
    days = [day for day in map(str, range(7)) if day in form.getlist("weekdays")]
    return Values(texts | skips, {"weekdays": days}, dates=min(MOST_SKIPPED, most))


def read_terms(values: Values, first: date, reader: Reader) -> Read:
    """The terms that were typed, or what is wrong with them, field by field."""
    errors = FormErrors()
    frequency = values.get("frequency")
    if frequency not in set(Frequency):
        errors.add("frequency", reader.gettext(CHOOSE))
    interval = _number(values, "interval", LARGEST_INTERVAL)
    if interval is None:
        errors.add("interval", reader.gettext(INTERVAL))
    weekdays = tuple(int(day) for day in values.lists.get("weekdays", []))
    if not weekdays:
        errors.add("weekdays", reader.gettext(CHOOSE_DAYS))
    nth = _nth(values, frequency, reader, errors)
    until, count = _end(values, first, reader, errors)
    skipped = frozenset(_skipped(values, reader, errors))
    if errors or interval is None:
        return Read(None, errors)
    rule = Rule(Frequency(frequency), weekdays, interval, nth, until, count)
    return Read(Terms(rule, skipped, publishes=values.get("publishes") == "yes"), errors)


def _number(values: Values, name: str, largest: int) -> int | None:
    typed = values.get(name)
    number = int(typed) if typed.isdecimal() and len(typed) < 5 else 0
    return number if 1 <= number <= largest else None


def _nth(values: Values, frequency: str, reader: Reader, errors: FormErrors) -> int:
    if frequency != Frequency.MONTHLY:
        return 0
    if values.get("nth") not in map(str, NTHS):
        errors.add("nth", reader.gettext(CHOOSE))
        return 1
    return int(values.get("nth"))


def _end(values: Values, first: date, reader: Reader, errors: FormErrors) -> tuple[date | None, int | None]:
    how = values.get("ends")
    if how == "until":
        until = _day(values.get("until"))
        if until is None or until <= first:
            errors.add("until", reader.gettext(TOO_EARLY if until else DAY))
        return until, None
    if how == "count":
        count = _number(values, "count", LARGEST_COUNT)
        if count is None:
            errors.add("count", reader.gettext(COUNT))
        return None, count
    if how != "never":
        errors.add("ends", reader.gettext(CHOOSE))
    return None, None


def _skipped(values: Values, reader: Reader, errors: FormErrors) -> Iterable[date]:
    for number in range(1, values.dates + 1):
        typed = values.get(f"skip-{number}")
        day = _day(typed)
        if day is not None:
            yield day
        elif typed:
            errors.add(f"skip-{number}", reader.gettext(DAY))


def _day(typed: str) -> date | None:
    try:
        day = date.fromisoformat(typed)
    except ValueError:
        return None
    return day if 1900 <= day.year < 2200 else None


def read_times(values: Values, content: EventContent, reader: Reader, errors: FormErrors) -> EventContent:
    """The content at the times of day that were typed; one of several dates keeps its times."""
    if len(content.sessions) != 1:
        return content
    zone, only = ZoneInfo(content.time_zone), content.sessions[0]
    days = {"from": only.starts_at, "to": only.ends_at}
    moments = {}
    for name, moment in days.items():
        clock = _clock(values.get(name))
        if clock is None:
            errors.add(name, reader.gettext(TIME))
            return content
        if clock.strftime("%H:%M") == moment.astimezone(zone).strftime("%H:%M"):
            moments[name] = moment
            continue
        try:
            local = datetime.combine(moment.astimezone(zone).date(), clock)
            moments[name] = moment_of(local, content.time_zone, "earlier")
        except (TimeMissingError, TimeTwiceError, TimeFarError):
            errors.add(name, reader.gettext(TIME))
            return content
    if moments["to"] <= moments["from"]:
        errors.add("to", reader.gettext(ENDS_LATER))
        return content
    times = SessionTimes(starts_at=moments["from"], ends_at=moments["to"])
    return content.model_copy(update={"sessions": [times]})


def _clock(typed: str) -> time | None:
    try:
        return time.fromisoformat(typed).replace(tzinfo=None)
    except ValueError:
        return None
