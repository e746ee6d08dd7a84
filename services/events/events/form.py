"""The event's form as flat values, so that it can be filled, read, compared and shown again without JavaScript."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast
from zoneinfo import ZoneInfo

from pydantic import ValidationError
from starlette.datastructures import FormData

from services.events.events.describing import WORD_FIELDS
from services.events.events.drafting import DEFAULT_ZONE, MOST_SESSIONS, EventContent, SessionTimes
from services.events.events.fields import ENDS_TOO_EARLY
from services.events.events.scheduling import (
    TIME_MISSING,
    TIME_TWICE,
    TimeMissingError,
    TimeTwiceError,
    WhichHour,
    known_zones,
    moment_of,
)
from shared.i18n.catalogues import N_
from shared.i18n.languages import LANGUAGES
from shared.web.forms import FormErrors
from shared.web.reader import Reader
from shared.web.validation import explain

_PLAIN = (
    "kind",
    "main_language",
    "time_zone",
    "venue_name",
    "venue_address",
    "online_link",
    "capacity",
    "largest_party",
    "contact_name",
    "contact_email",
    "contact_phone",
    "code",
)
_WINDOW = ("registration_opens_at", "registration_closes_at")
_LISTS = ("spoken_languages", "contact_languages")
_SESSION = re.compile(r"starts-([1-9]\d?)")
CHOOSE_TIME = N_("Choose a date and a time.")


@dataclass
class Values:
    """What a form holds: each field's text, the ticked ones of each list, and its blocks of languages and dates.

    `asks_which_hour` where a time comes twice, as summer time ends.
    """

    texts: dict[str, str] = field(default_factory=dict)
    lists: dict[str, list[str]] = field(default_factory=dict)
    languages: list[str] = field(default_factory=list)
    dates: int = 1
    asks_which_hour: bool = False

    def get(self, name: str, default: str = "") -> str:
        """The text of a field, as the macros of the forms ask for it."""
        return self.texts.get(name, default)

    def fields(self) -> dict[str, str]:
        """Every field that holds something, as one text each; two forms that say the same are equal."""
        lists = {name: " ".join(codes) for name, codes in self.lists.items()}
        return {name: value for name, value in (self.texts | lists).items() if value and name != "which_hour"}


def empty_values(language: str) -> Values:
    """A new event's form, for an organiser who reads this language."""
    texts = {"main_language": language, "time_zone": DEFAULT_ZONE, "largest_party": "5"}
    return Values(texts, {name: [] for name in _LISTS}, [language])


def values_of(content: EventContent) -> Values:
    """The form that holds this content; times as the clocks of its zone show them."""
    plain = {name: getattr(content, name) for name in _PLAIN}
    texts = {name: "" if value is None else str(value) for name, value in plain.items()}
    for language, words in content.words.items():
        texts |= {f"{name}-{language}": getattr(words, name) for name in WORD_FIELDS}
    moments = {name: getattr(content, name) for name in _WINDOW} | _session_moments(content.sessions)
    for name, moment in moments.items():
        texts[name] = local_text(moment, content.time_zone)
    which = texts["which_hour"] = which_hour([moment for moment in moments.values() if moment], content.time_zone)
    lists = {name: list(getattr(content, name)) for name in _LISTS}
    main = content.main_language
    languages = [main, *(language for language in content.words if language != main)]
    return Values(texts, lists, languages, max(1, len(content.sessions)), asks_which_hour=bool(which))


def _session_moments(sessions: list[SessionTimes]) -> dict[str, datetime]:
    pairs = [(f"starts-{n}", s.starts_at) for n, s in enumerate(sessions, 1)]
    return dict(pairs + [(f"ends-{n}", s.ends_at) for n, s in enumerate(sessions, 1)])


def local_text(moment: datetime | None, zone: str) -> str:
    """A moment as an input of dates and times holds it."""
    return moment.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%dT%H:%M") if moment else ""


def which_hour(moments: list[datetime], zone: str) -> WhichHour:
    """The answer that the form needs for a time that comes twice."""
    for local in (moment.astimezone(ZoneInfo(zone)) for moment in moments):
        if local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset():
            return "later" if local.fold else "earlier"
    return ""


def typed_values(form: FormData) -> Values:
    """What was typed, with line ends as we keep them. Blocks without a title or a date that were left empty stay."""
    texts = {name: str(value).replace("\r\n", "\n").strip() for name, value in form.multi_items()}
    lists = {name: [code for code in LANGUAGES if code in form.getlist(name)] for name in _LISTS}
    languages = [code for code in dict.fromkeys(map(str, form.getlist("language"))) if code in LANGUAGES]
    numbers = [int(found[1]) for name in form if (found := _SESSION.fullmatch(name))]
    kept = {name: text for name, text in texts.items() if name not in {*_LISTS, "language", "csrf_token"}}
    values = Values(kept, lists, languages, min(MOST_SESSIONS, max(numbers, default=1)))
    wanted = values.get("main_language")
    if wanted in LANGUAGES and wanted not in values.languages:
        values.languages.insert(0, wanted)
    return values


def with_one_more(values: Values) -> Values:
    """The form with one more date or language, as its button asked for (`more`)."""
    if values.get("more") == "date":
        values.dates = min(MOST_SESSIONS, values.dates + 1)
    elif (language := values.get("add_language")) in LANGUAGES and language not in values.languages:
        values.languages.append(language)
    values.texts.pop("add_language", None)
    return values


def read_content(
    values: Values, reader: Reader, before: EventContent | None = None
) -> tuple[EventContent | None, FormErrors]:
    """The content that was typed, or what is wrong with it, field by field. Roles and shifts stay as they were."""
    errors = FormErrors()
    zone, sessions = read_sessions(values, reader, errors)
    window = {name: read_moment(values, name, zone, reader, errors) for name in _WINDOW}
    given: dict[str, Any] = {name: values.get(name) for name in _PLAIN} | window | values.lists
    if before:
        given |= before.model_dump(include={"roles", "shifts"})
    given |= {"words": _words(values), "sessions": sessions, "time_zone": zone}
    given |= {"capacity": values.get("capacity") or None, "largest_party": values.get("largest_party") or 5}
    try:
        content = EventContent.model_validate(given)
    except ValidationError as error:
        for found in error.errors(include_url=False, include_input=False):
            errors.add(_field_of(found["loc"], values), explain(cast("Mapping[str, Any]", found), reader))
        return None, errors
    return (None if errors else content), errors


def read_sessions(values: Values, reader: Reader, errors: FormErrors) -> tuple[str, list[SessionTimes]]:
    """The time zone and the dates that were typed, first to last; dates that were left empty are none."""
    zone = values.get("time_zone") if values.get("time_zone") in known_zones() else DEFAULT_ZONE
    sessions = []
    for number in range(1, values.dates + 1):
        if not (values.get(f"starts-{number}") or values.get(f"ends-{number}")):
            continue
        starts, ends = (read_moment(values, f"{name}-{number}", zone, reader, errors) for name in ("starts", "ends"))
        if starts and ends and ends > starts:
            sessions.append(SessionTimes(starts_at=starts, ends_at=ends))
        else:
            errors.add(f"ends-{number}", reader.gettext(ENDS_TOO_EARLY if starts and ends else CHOOSE_TIME))
    return zone, sorted(sessions, key=lambda times: (times.starts_at, times.ends_at))


def read_moment(values: Values, name: str, zone: str, reader: Reader, errors: FormErrors) -> datetime | None:
    """The moment that was typed into this field, in UTC; none where it is empty, or wrong, which `errors` then says."""
    if not (typed := values.get(name)):
        return None
    which = values.get("which_hour")
    try:
        return moment_of(datetime.fromisoformat(typed), zone, which if which in {"earlier", "later"} else "")  # type: ignore[arg-type]
    except TimeMissingError:
        errors.add(name, reader.gettext(TIME_MISSING))
    except TimeTwiceError:
        errors.add(name, reader.gettext(TIME_TWICE))
        values.asks_which_hour = True
    except ValueError:
        errors.add(name, reader.gettext(CHOOSE_TIME))
    return None


def _words(values: Values) -> dict[str, dict[str, str]]:
    """The words of each language; a language in which nothing was typed is none of the event's."""
    words = {code: {name: values.get(f"{name}-{code}") for name in WORD_FIELDS} for code in values.languages}
    return {code: texts for code, texts in words.items() if any(texts.values())}


def _field_of(location: tuple[int | str, ...], values: Values) -> str:
    """The form's name of the field at a place in the content."""
    if location[:1] == ("words",):
        main = values.get("main_language")
        language, name = (*location[1:], *(main, "title")[len(location) - 1 :])[:2]
        return f"{name}-{language}"
    return str(location[0]) if location else "registration_closes_at"
