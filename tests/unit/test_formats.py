import re
import time
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from shared.i18n.formats import (
    format_date,
    format_date_time,
    format_days,
    format_duration,
    format_number,
    format_range,
    format_time,
    language_name,
    list_of,
)
from shared.i18n.languages import LANGUAGES
from shared.sms.encoding import FORBIDDEN, encoding_of

BERLIN = "Europe/Berlin"
START = datetime(2026, 12, 5, 9, 0, tzinfo=UTC)
END = START + timedelta(hours=2, minutes=30)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("de", "Samstag, 5. Dezember 2026, 10:00–12:30 Uhr"),
        ("de-simple", "Samstag, 5. Dezember 2026, 10:00 Uhr bis 12:30 Uhr"),
        ("en", "Saturday, 5 December 2026, 10:00–12:30"),
        ("tr", "5 Aralık 2026 Cumartesi 10:00–12:30"),
        ("ar", "السبت، 5 ديسمبر 2026، 10:00–12:30"),
        ("uk", "субота, 5 грудня 2026\u202fр., 10:00–12:30"),
    ],
)
def test_a_range_within_a_day_names_the_date_once(language, text):
    """Dates and times read as CLDR writes them, in the event's time zone."""
    assert format_range(START, END, language, BERLIN) == text


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_range_over_midnight_names_both_days(language):
    """Whether two moments are on one day is decided by the event's time zone, not by UTC."""
    late = datetime(2026, 12, 5, 21, 0, tzinfo=UTC)
    text = format_range(late, late + timedelta(hours=2), language, BERLIN)
    assert format_date(late, language, BERLIN) in text
    assert format_date(late + timedelta(hours=2), language, BERLIN) in text


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("short", [True, False])
def test_digits_are_western_and_the_clock_has_24_hours(language, short):
    """What a reader copies from a page into an SMS is the same in every language."""
    evening = datetime(2026, 6, 5, 16, 5, tzinfo=UTC)
    text = format_range(evening, evening + timedelta(hours=1), language, BERLIN, short=short)
    assert "18:05" in text
    assert "19:05" in text
    assert all(digit in "0123456789" for digit in re.findall(r"\d", text))


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_short_form_holds_no_invisible_characters(language):
    """An SMS pays for each character, so its dates have plain spaces and hyphens only."""
    texts = (
        format_range(START, END, language, BERLIN, short=True),
        format_range(START, END + timedelta(days=1), language, BERLIN, short=True),
        format_date_time(START, language, BERLIN, short=True),
    )
    for text in texts:
        assert not set(text) & (FORBIDDEN | set("\u2009\u202f\u00a0–"))
        assert "2026" not in text
        assert len(text) <= 60


@pytest.mark.parametrize("language", ["de", "de-simple", "en"])
def test_a_short_form_stays_in_the_gsm_alphabet(language):
    """A date does not make an SMS twice as dear in a language that GSM has the letters for."""
    for month in range(1, 13):
        when = START.replace(month=month)
        text = format_range(when, when + timedelta(days=1), language, BERLIN, short=True)
        assert encoding_of(text) == "GSM-7", text


def test_a_date_and_a_time_stand_alone():
    """The day and the time of day can be had apart and together."""
    assert format_date(START, "de", BERLIN) == "Samstag, 5. Dezember 2026"
    assert format_date(START, "de", BERLIN, short=True) == "Sa., 5. Dez."
    assert format_time(START, "de", BERLIN) == "10:00 Uhr"
    assert format_time(START, "en", ZoneInfo("Asia/Tehran")) == "12:30"
    assert format_date_time(START, "de", BERLIN) == "Samstag, 5. Dezember 2026, 10:00 Uhr"


def test_the_time_zone_knows_summer_time():
    """A moment in July is two hours ahead of UTC in Berlin, one in December is one."""
    assert format_time(START.replace(month=7), "en", BERLIN) == "11:00"
    assert format_time(START, "en", BERLIN) == "10:00"


def test_a_date_without_a_zone_is_refused():
    """A naive datetime would be shown in the zone of whatever machine it is on."""
    with pytest.raises(ValueError, match="aware"):
        format_date(START.replace(tzinfo=None), "de", BERLIN)


def test_an_unknown_language_is_shown_as_german():
    """A wrong code is no reason to fail a notification."""
    assert format_date(START, "xx", BERLIN) == format_date(START, "de", BERLIN)
    assert format_time(START, "xx", BERLIN) == format_time(START, "de", BERLIN)


@pytest.mark.parametrize(
    ("language", "text"),
    [("de", "12.345,5"), ("en", "12,345.5"), ("ar", "12,345.5"), ("fa", "12,345.5"), ("fr", "12\u202f345,5")],
)
def test_numbers_take_the_languages_separators(language, text):
    """Numbers are grouped as CLDR has it, in Western digits."""
    assert format_number(12345.5, language) == text
    assert format_number(Decimal("12345.5"), language) == text


def test_languages_are_named_in_the_readers_language():
    """Each language has a name in every other, and Leichte Sprache its own."""
    assert language_name("tr", "de") == "Türkisch"
    assert language_name("kmr", "de") == "Kurdisch"
    assert language_name("en", "ar") == "الإنجليزية"
    assert language_name("de-simple", "en") == "Leichte Sprache"
    assert language_name("tr", "tr") == "Türkçe"
    assert all(language_name(code, reader) for code in LANGUAGES for reader in LANGUAGES)


def test_a_list_reads_as_a_sentence_does():
    """The last item is joined with the language's own word; no item makes no text."""
    assert list_of(["Deutsch", "Türkisch", "Arabisch"], "de") == "Deutsch, Türkisch und Arabisch"
    assert list_of(["a", "b"], "tr") == "a ve b"
    assert list_of([], "de") == ""


def test_fifty_dates_are_no_burden_to_a_page():
    """Patterns are parsed once per language: a page of fifty dates takes a small part of its time on them."""
    format_range(START, END, "ar", BERLIN)
    begun = time.process_time()
    for day in range(50):
        format_range(START + timedelta(days=day), END + timedelta(days=day), "ar", BERLIN)
    assert time.process_time() - begun < 0.02


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_duration_is_said_in_every_language(language):
    """With Western digits and the language's own words, never with the name of a unit in CLDR."""
    said = format_duration(225, language)
    assert "3 " in f"{said} ".replace("\u202f", " ").replace("\u00a0", " ")
    assert "45" in said
    assert "duration" not in said
    assert format_duration(0, language) != ""


def test_durations_in_the_languages_of_the_pages():
    """Hours and minutes in full, and what is none left out."""
    assert format_duration(225, "de") == "3 Stunden 45 Minuten"
    assert format_duration(60, "tr") == "1 saat"
    assert format_duration(45, "uk") == "45 хвилин"
    assert format_duration(0, "en") == "0 minutes"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_period_is_said_in_every_language(language):
    """With the year of both ends; one day once. Western digits."""
    first, last = date(2026, 12, 5), date(2027, 1, 7)
    period, day = format_days(first, last, language), format_days(first, first, language)
    for part in ("2026", "2027", "5", "7"):
        assert part in period
    assert day.count("2026") == 1
    assert period.startswith(day)
    assert format_days(first, last, "de") == "5. Dezember 2026\u2009–\u20097. Januar 2027"
