"""A notification as one SMS: short, plain, and no longer than its limit.

What does not fit goes in a fixed order: the contact point, the place from its end, the link but for what is `_NEEDED`,
then words from the end of the reason and of the title, and the code for the door where that could not be read any more.
The date, the event's code and how to cancel always stay. Source: design §9.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from services.notifications.templates.environment import template
from services.notifications.templates.facts import Telling, one_line
from shared.i18n import formats
from shared.i18n.languages import LANGUAGES, direction
from shared.sms.encoding import fold, segments
from shared.sms.words import Intent, word_for

PREFERRED = 2
LIMIT = 3
LIMITS = {
    "confirmation": 2,
    "cancelled": 4,
    "shift-overlaps": 4,
    "shift-reminder": 2,
    "sms-coming": 4,
    "swap-asked": 4,
    "sms-help": 4,
    "sms-share": 6,
    "sms-shifts": 6,
    "sms-status": 6,
    "sms-which-event": 4,
}
"""The most segments per template, and for those not named; two are enough for most texts in most languages."""

_OPTIONAL = ("contact", "place", "link")
_NEEDED = {"certificate-ready": {"link"}, "qualification-ends": {"link"}}
"""What else stays, where it is what the text is about."""
_LONGEST_HOST = 40
"""Letters of an organisation's name in an SMS."""
_READABLE = 24
"""Letters of a title below which another segment is better than a shorter title."""


def render_sms(telling: Telling) -> str:
    """The text as it goes to the provider, folded into the GSM alphabet where its letters allow."""
    compiled = template(f"{telling.template}.sms.txt", telling.language, "sms")
    variables = _variables(telling)
    most = LIMITS.get(telling.template, LIMIT)
    text = ""
    for limit in range(PREFERRED, most + 1):
        for shorter in _ever_shorter(variables, _READABLE if limit < most else 1):
            text = fold(" ".join(compiled.render(shorter).split()), telling.language)
            if segments(text).count <= limit:
                return text
    return text


def _variables(telling: Telling) -> dict[str, Any]:
    event = telling.event
    variables = telling.variables(short=True) | {
        "title": event.title.text if event else "",
        "place": event.place if event else "",
        "contact": (event.contact.phone or "") if event else "",
        "entry": _door_code(telling.entry, telling.language),
        "needed": _NEEDED.get(telling.template, ()),
    }
    return variables | _answers(telling)


def _door_code(entry: str, language: str) -> str:
    """In one piece where one reads from the right: two groups of digits would change places there."""
    return entry.replace(" ", "") if direction(language) == "rtl" else entry


def _answers(telling: Telling) -> dict[str, Any]:
    """What the answers to an SMS need besides: words, names of languages, lines of a status."""
    data, language = telling.data, telling.language
    word = str(data.get("word", "")).lower()
    return {
        "word": word_for(Intent(word), language) if word in set(Intent) else word.upper(),
        "codes": list(data.get("codes", ())),
        "lines": [_line(telling, line) for line in data.get("lines", ())],
        "shares": [_share(line) for line in data.get("shares", ())],
        "shifts": _shifts(telling, data.get("shifts", ())),
        "example": str(data.get("shifts", ["1"])[0]).partition("|")[0],
        "language_name": LANGUAGES[language].endonym if language in LANGUAGES else language,
    }


def _line(telling: Telling, line: str) -> dict[str, Any]:
    """A line of a status, `CODE|state|party|until|postponed|code for the door`; what is missing at the end is empty."""
    code, state, party, until, postponed, entry = (line.split("|") + [""] * 5)[:6]
    told = Telling(telling.template, telling.language, telling.delivery_id, telling.key, {"until": until})
    return {
        "code": code,
        "state": state,
        "party": int(party or 1),
        "postponed": postponed == "postponed",
        "until": told.moment("until", short=True),
        "entry": _door_code(entry, telling.language),
        "count": formats.format_number(int(party or 1), telling.language),
    }


def _share(line: str) -> dict[str, str]:
    """One co-host of a question, `number|what it asks for|yes or no|name`; a long name is cut at a word."""
    number, asks, agreed, name = (line.split("|", 3) + [""] * 4)[:4]
    while len(name) > _LONGEST_HOST and len(shorter := _without_last_word(name)) < len(name):
        name = shorter
    return {"number": number, "asks": asks, "agreed": agreed, "name": name}


def _shifts(telling: Telling, lines: Iterable[str]) -> dict[str, list[str]]:
    """The roles of each shift with their numbers, by when it is; a line is `number|start|end|role`."""
    zone = telling.event.state.time_zone if telling.event else "Europe/Berlin"
    found: dict[str, list[str]] = {}
    for line in lines:
        number, starts_at, ends_at, role = (line.split("|", 3) + [""] * 4)[:4]
        starts, ends = datetime.fromisoformat(starts_at), datetime.fromisoformat(ends_at)
        when = formats.format_range(starts, ends, telling.language, zone, short=True)
        found.setdefault(when, []).append(f"{number} {one_line(role)}")
    return found


def _ever_shorter(variables: dict[str, Any], shortest: int) -> Iterator[dict[str, Any]]:
    """Ever less to say; the code for the door is left out rather than that the title cannot be read any more."""
    if variables["entry"]:
        yield from _shortened(variables, max(shortest, _READABLE))
        variables = variables | {"entry": ""}
    yield from _shortened(variables, shortest)


def _shortened(variables: dict[str, Any], shortest: int) -> Iterator[dict[str, Any]]:
    """The variables as they are, then without what is optional, then with ever fewer words, down to `shortest`."""
    yield variables
    for name in (one for one in _OPTIONAL if one not in variables["needed"]):
        while name == "place" and ", " in variables["place"]:
            variables = variables | {"place": variables["place"].rpartition(", ")[0]}
            yield variables
        variables = variables | {name: ""}
        yield variables
    for name in ("reason", "title"):
        while len(variables[name]) > len(shorter := _without_last_word(variables[name])) >= shortest:
            variables = variables | {name: shorter}
            yield variables


def _without_last_word(text: str) -> str:
    """The text shortened at a word, with dots; inside it where there is but one; at last unchanged."""
    bare = text.removesuffix("...").rstrip()
    cut = bare.rpartition(" ")[0].rstrip(" ,;:-–") or bare[: len(bare) * 3 // 4]
    return f"{cut}..." if len(cut) + 3 < len(text) and cut else text
