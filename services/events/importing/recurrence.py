"""The dates that a rule of iCalendar makes: few become sessions of one event, many are a series."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import islice
from typing import Any

from dateutil.rrule import rrulestr

from services.events.importing.found import MOST_DATES, TOO_MANY_DATES, RowError
from shared.i18n.catalogues import N_

ENDLESS = N_("It comes again and again without an end. Make a series of it here instead.")
TOO_OLD = N_("It has been coming for years. Make a series of it here instead.")
RULE = N_("The rule by which it comes again is not one that we can follow. List each date for itself.")

_LONGEST = timedelta(days=3 * 366)
_ALWAYS = {"FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST"}
_PARTS = {
    "DAILY": {"BYDAY"},
    "WEEKLY": {"BYDAY"},
    "MONTHLY": {"BYDAY", "BYMONTHDAY", "BYSETPOS"},
    "YEARLY": set[str](),
}
_MOST_INTERVAL = 11
_MOST_STEPS = 2000


@dataclass(frozen=True)
class Occurrence:
    """One date, as the clocks of the event's zone show it."""

    start: datetime
    end: datetime


def expand(
    component: Any,
    start: date | datetime,
    length: timedelta,
    changes: Sequence[tuple[datetime, Occurrence | None]],
    tz: Any,
    now: datetime,
) -> list[Occurrence]:
    """The event's dates that are not over, first to last; all of them if all are over. Raises RowError.

    `changes` say what has become of single dates.
    """
    first = start if isinstance(start, datetime) else datetime.combine(start, datetime.min.time())
    starts = {first, *_listed(component, "RDATE", tz)}
    if "RRULE" in component:
        starts |= set(_by_rule(component["RRULE"], first, tz, now))
    starts -= set(_listed(component, "EXDATE", tz))
    dates = {at: Occurrence(at, at + length) for at in starts}
    for which, changed in changes:
        dates.pop(which, None)
        if changed is not None:
            dates[which] = changed
    local_now = now.astimezone(tz).replace(tzinfo=None)
    ordered = sorted(dates.values(), key=lambda at: at.start)
    coming = [at for at in ordered if at.end > local_now] or ordered[-1:]
    if len(coming) > MOST_DATES:
        raise RowError(TOO_MANY_DATES, most=MOST_DATES)
    return coming


def _by_rule(rules: Any, first: datetime, tz: Any, now: datetime) -> list[datetime]:
    """The dates of the rule, in a bounded number of steps: no rule, however odd, keeps us busy."""
    if isinstance(rules, list):
        raise RowError(RULE)
    parts = {name.upper(): values for name, values in rules.items()}
    if not _is_followable(parts):
        raise RowError(RULE)
    if not {"COUNT", "UNTIL"} & set(parts):
        raise RowError(ENDLESS)
    local_now = now.astimezone(tz).replace(tzinfo=None)
    if first < local_now - _LONGEST:
        raise RowError(TOO_OLD)
    last = max(first, local_now) + _LONGEST
    until, count = _until(parts, tz), int(parts["COUNT"][0]) if "COUNT" in parts else None
    if until is not None and until > last:
        raise RowError(TOO_MANY_DATES, most=MOST_DATES)
    kept = {name: values for name, values in parts.items() if name not in {"COUNT", "UNTIL"}}
    text = ";".join(f"{name}={','.join(map(_written, values))}" for name, values in kept.items())
    try:
        rule = rrulestr(f"{text};UNTIL={(until or last):%Y%m%dT%H%M%S}", dtstart=first)
    except (ValueError, TypeError, KeyError, IndexError):
        raise RowError(RULE) from None
    found = list(islice(rule, min(count or _MOST_STEPS, _MOST_STEPS)))
    if count and len(found) < count:
        raise RowError(TOO_MANY_DATES, most=MOST_DATES)
    return found


def _is_followable(parts: dict[str, Any]) -> bool:
    """Whether the rule is one of those that calendars write, and is sure to come to its next date.

    Looking for the 30th of February, or for the tenth Monday of a month, goes on until the year 9999.
    """
    frequency = str(parts.get("FREQ", [""])[0]).upper()
    if frequency not in _PARTS or set(parts) - _ALWAYS - _PARTS[frequency]:
        return False
    interval, days = int(parts.get("INTERVAL", [1])[0]), [str(day).upper() for day in parts.get("BYDAY", [])]
    if not 1 <= interval <= _MOST_INTERVAL or int(parts.get("COUNT", [1])[0]) < 1:
        return False
    numbered = [day for day in days if len(day) > 2]
    if frequency != "MONTHLY":
        return not numbered and not (frequency == "DAILY" and days and interval > 1)
    choosing = [name for name in ("BYMONTHDAY", "BYSETPOS") if name in parts] + ["numbered"] * bool(numbered)
    positions = [*map(int, parts.get("BYSETPOS", [])), *(int(day[:-2]) for day in numbered)]
    if "BYSETPOS" in parts and not days:
        return False
    return len(choosing) <= 1 and all(1 <= abs(position) <= 5 for position in positions)


def _until(parts: dict[str, Any], tz: Any) -> datetime | None:
    """The last moment of the rule on the clocks of its event; a mere date means all of that day."""
    if "UNTIL" not in parts:
        return None
    until = parts["UNTIL"][0]
    if not isinstance(until, datetime):
        return datetime.combine(until, datetime.max.time().replace(microsecond=0))
    return until.astimezone(tz).replace(tzinfo=None) if until.tzinfo else until


def _written(value: Any) -> str:
    written = getattr(value, "to_ical", None)
    return written().decode() if written else str(value)


def _listed(component: Any, name: str, tz: Any) -> list[datetime]:
    """The single dates that are named beside the rule."""
    values = component.get(name, [])
    found = []
    for listed in values if isinstance(values, list) else [values]:
        for value in listed.dts:
            moment = value.dt[0] if isinstance(value.dt, tuple) else value.dt
            if not isinstance(moment, datetime):
                moment = datetime.combine(moment, datetime.min.time())
            elif moment.tzinfo is not None:
                moment = moment.astimezone(tz)
            found.append(moment.replace(tzinfo=None))
    return found
