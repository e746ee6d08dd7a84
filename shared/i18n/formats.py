"""Dates, times and numbers as readers of a language write them, from CLDR, in the event's time zone.

Three decisions hold for every language:

- The clock has 24 hours, as doors, tickets and trains in Germany have it, in CLDR's form for each language.
- Digits are Western. Readers of Arabic, Persian and Tigrinya read both, and what they copy from a page into
  an SMS or read out at a desk is then the same everywhere. The calendar is the Gregorian one.
- `short=True` is for SMS: weekday and month abbreviated, no year, no invisible characters, plain spaces and
  plain hyphens, so that a text in a language of the GSM alphabet stays in it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from decimal import Decimal
from functools import cache
from typing import Literal
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import DateTimePattern, parse_pattern
from babel.lists import format_list
from babel.numbers import format_decimal
from babel.units import format_unit

from shared.i18n.languages import LANGUAGES, cldr_locale
from shared.sms.encoding import plain_typography

Zone = str | tzinfo

# CLDR leaves the word out of a single time in German, and Leichte Sprache has no dashes (rules of Netzwerk
# Leichte Sprache: no special characters).
_TIMES = {"de": "HH:mm 'Uhr'", "de-simple": "HH:mm 'Uhr'"}
_TIME_RANGES = {"de-simple": ("HH:mm 'Uhr' 'bis' ", "HH:mm 'Uhr'")}
_DATE_RANGES = {"de-simple": "{0} bis {1}"}


@dataclass(frozen=True, slots=True)
class _Forms:
    """The patterns of one language, parsed once: a page may hold fifty dates."""

    locale: Locale
    date: DateTimePattern
    short_date: DateTimePattern
    time: DateTimePattern
    time_range: tuple[DateTimePattern, DateTimePattern]
    date_range: str
    joined: str


@cache
def _forms(language: str) -> _Forms:
    locale = cldr_locale(language)
    code = language if language in LANGUAGES else "de"
    start, end = _TIME_RANGES.get(code) or locale.interval_formats["Hm"]["m"]
    return _Forms(
        locale=locale,
        date=locale.date_formats["full"],
        short_date=locale.datetime_skeletons["MMMEd"],
        time=parse_pattern(_TIMES.get(code) or locale.datetime_skeletons["Hm"].pattern),
        time_range=(parse_pattern(start), parse_pattern(end)),
        date_range=_DATE_RANGES.get(code) or locale.interval_formats[None],
        joined=str(locale.datetime_formats["medium"]),
    )


def _local(when: datetime, zone: Zone) -> datetime:
    if when.tzinfo is None:
        raise ValueError("A date without a time zone cannot be shown: give an aware datetime.")
    return when.astimezone(ZoneInfo(zone) if isinstance(zone, str) else zone)


def _join(forms: _Forms, date: str, time: str) -> str:
    return forms.joined.format(time, date)


def _date(forms: _Forms, local: datetime, *, short: bool) -> str:
    return (forms.short_date if short else forms.date).apply(local, forms.locale)


def _finish(text: str, *, short: bool) -> str:
    return plain_typography(text) if short else text


def format_date(when: datetime, language: str, zone: Zone, *, short: bool = False) -> str:
    """The day: „Samstag, 5. Dezember 2026“, short „Sa., 5. Dez.“. Raises ValueError for a naive datetime."""
    return _finish(_date(_forms(language), _local(when, zone), short=short), short=short)


def format_days(first: date, last: date, language: str) -> str:
    """The days from the first to the last, without weekdays: „5. Dezember 2026 – 7. Januar 2027“, or the one day."""
    forms = _forms(language)
    ends = [forms.locale.date_formats["long"].apply(day, forms.locale) for day in (first, last)]
    return ends[0] if first == last else forms.date_range.format(*ends)


def format_time(when: datetime, language: str, zone: Zone, *, short: bool = False) -> str:
    """The time of day: „10:00 Uhr“, “10:00”. Raises ValueError for a naive datetime."""
    forms = _forms(language)
    return _finish(forms.time.apply(_local(when, zone), forms.locale), short=short)


def format_date_time(when: datetime, language: str, zone: Zone, *, short: bool = False) -> str:
    """The day and the time of day. Raises ValueError for a naive datetime."""
    forms, local = _forms(language), _local(when, zone)
    joined = _join(forms, _date(forms, local, short=short), forms.time.apply(local, forms.locale))
    return _finish(joined, short=short)


def format_range(start: datetime, end: datetime, language: str, zone: Zone, *, short: bool = False) -> str:
    """From start to end, with the date once if both are on one day.

    „Samstag, 5. Dezember 2026, 10:00–12:30 Uhr“, short „Sa., 5. Dez., 10:00-12:30 Uhr“.
    Raises ValueError for a naive datetime.
    """
    forms, first, last = _forms(language), _local(start, zone), _local(end, zone)
    if first.date() == last.date():
        opening, closing = forms.time_range
        times = opening.apply(first, forms.locale) + closing.apply(last, forms.locale)
        return _finish(_join(forms, _date(forms, first, short=short), times), short=short)
    ends = (format_date_time(when, language, zone, short=short) for when in (first, last))
    return _finish(forms.date_range.format(*ends), short=short)


def format_number(number: float | Decimal, language: str) -> str:
    """A number with the language's separators and Western digits: „1.234,5“."""
    return format_decimal(number, locale=cldr_locale(language), numbering_system="latn")


def format_duration(minutes: int, language: str, *, short: bool = False) -> str:
    """Hours and minutes: „3 Stunden 45 Minuten“, “45 minutes”; by short names where CLDR has no long ones."""
    parts = [(minutes // 60, "duration-hour"), (minutes % 60, "duration-minute")]
    said = [part for part in parts if part[0]] or parts[1:]
    return _finish(" ".join(_unit(number, unit, language) for number, unit in said), short=short)


def _unit(number: int, unit: str, language: str) -> str:
    locale = cldr_locale(language)
    lengths: tuple[Literal["long", "short"], ...] = ("long", "short")
    texts = [format_unit(number, unit, length, locale=locale, numbering_system="latn") for length in lengths]
    return next(text for text in texts if unit not in text)


def language_name(code: str, in_language: str) -> str:
    """What a language is called in another („Türkisch“ in German); its own name where CLDR has none there."""
    known = LANGUAGES.get(code)
    if known and (code == in_language or "-" in code):
        return known.endonym
    name = cldr_locale(in_language).languages.get(known.locale.partition("_")[0] if known else code)
    return name or (known.endonym if known else code)


def list_of(items: Iterable[str], language: str) -> str:
    """The items as a sentence lists them: „Deutsch, Türkisch und Arabisch“; empty for none."""
    return format_list(list(items), locale=cldr_locale(language))
