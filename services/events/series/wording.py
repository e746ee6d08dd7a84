"""A rule in words that fit every language: how often, and on which days."""

from datetime import UTC, date, datetime, time

from services.events.events.drafting import EventContent
from services.events.series.rules import Frequency, Rule
from shared.i18n.catalogues import N_
from shared.i18n.formats import format_date
from shared.i18n.languages import cldr_locale
from shared.web.reader import Reader

NTH = {
    1: N_("the first %(weekday)s of the month"),
    2: N_("the second %(weekday)s of the month"),
    3: N_("the third %(weekday)s of the month"),
    4: N_("the fourth %(weekday)s of the month"),
    -1: N_("the last %(weekday)s of the month"),
}
NTH_SHORT = {1: N_("the first"), 2: N_("the second"), 3: N_("the third"), 4: N_("the fourth"), -1: N_("the last")}


def weekday_name(day: int, language: str) -> str:
    """What the day is called; Monday is 0."""
    return str(cldr_locale(language).days["stand-alone"]["wide"][day])


def day_text(day: date, language: str) -> str:
    """A day as people read it."""
    return format_date(datetime.combine(day, time(12), UTC), language, UTC)


def titles_of(content: EventContent) -> dict[str, str]:
    """What the events of a series are called, by language; the main language comes first."""
    main = content.main_language
    return {main: content.words[main].title} | {code: words.title for code, words in content.words.items()}


def sentence(rule: Rule, reader: Reader) -> str:
    """Such as “Every 2 weeks: Tuesday, Thursday”."""
    names = [weekday_name(day, reader.language) for day in rule.weekdays]
    if rule.frequency is Frequency.WEEKLY:
        days = ", ".join(names)
        if rule.interval == 1:
            return reader.gettext("Every week: %(days)s", days=days)
        return reader.ngettext(
            "Every %(count)s week: %(days)s", "Every %(count)s weeks: %(days)s", rule.interval, days=days
        )
    days = ", ".join(reader.gettext(NTH[rule.nth], weekday=name) for name in names)
    if rule.interval == 1:
        return reader.gettext("Every month: %(days)s", days=days)
    return reader.ngettext(
        "Every %(count)s month: %(days)s", "Every %(count)s months: %(days)s", rule.interval, days=days
    )
