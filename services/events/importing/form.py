"""The form of an import: where the events come from, and what holds where the source does not say."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time
from typing import Literal, cast
from uuid import UUID

from starlette.datastructures import FormData, UploadFile

from services.events.events.drafting import DEFAULT_ZONE
from services.events.events.fields import UNKNOWN_LANGUAGE, UNKNOWN_ZONE
from services.events.events.scheduling import known_zones
from services.events.importing.found import MOST_BYTES, Defaults
from shared.contracts.events import Kind
from shared.i18n.catalogues import N_
from shared.i18n.languages import LANGUAGES
from shared.web.forms import FormErrors
from shared.web.reader import Reader

LENGTHS = (60, 90, 120, 180, 240)
"""Minutes that an event may last whose source names no end."""

ORDERS = {"day": N_("The day comes first: 31/12/2027"), "month": N_("The month comes first: 12/31/2027")}

NOTHING = N_("Choose a file, paste a text, or write an address.")
MORE_THAN_ONE = N_("Choose one way: a file, a text or an address. Empty the others.")
TOO_LARGE = N_("This is larger than %(most)s MB. Split it.")
CHOOSE_KIND = N_("Choose one of the answers.")
BOTH_TIMES = N_("Write both times, the later one second.")

_FIELDS = (
    *("organisation", "pasted", "address", "kind", "language"),
    *("time_zone", "minutes", "day_from", "day_until", "order"),
)


@dataclass(frozen=True)
class Wanted:
    """A form that is complete: its content or the address of it, and for which organisation."""

    organisation_id: UUID
    content: bytes
    address: str
    defaults: Defaults


def empty_values(language: str) -> dict[str, str]:
    """A new form, for an organiser who reads this language."""
    return {"language": language, "time_zone": DEFAULT_ZONE, "kind": Kind.WORKSHOP.value}


def typed_values(form: FormData) -> dict[str, str]:
    """What was typed; a file has to be chosen again, as browsers will have it."""
    return {name: str(form.get(name, "")).strip() for name in _FIELDS}


async def read_wanted(
    form: FormData, values: Mapping[str, str], organisation_id: UUID, reader: Reader
) -> tuple[Wanted | None, FormErrors]:
    """What the form asks for, or what is wrong with it, field by field."""
    errors, _ = FormErrors(), reader.gettext
    file = form.get("file")
    content = await file.read(MOST_BYTES + 1) if isinstance(file, UploadFile) else b""
    pasted = values["pasted"].encode()
    given = [name for name, value in (("file", content), ("pasted", pasted), ("address", values["address"])) if value]
    if not given:
        errors.add("file", _(NOTHING))
    elif len(given) > 1:
        errors.add(given[-1], _(MORE_THAN_ONE))
    elif len(content or pasted) > MOST_BYTES:
        errors.add(given[0], _(TOO_LARGE, most=MOST_BYTES // (1024 * 1024)))
    defaults = _defaults(values, reader, errors)
    if errors or defaults is None:
        return None, errors
    return Wanted(organisation_id, content or pasted, values["address"], defaults), errors


def _defaults(values: Mapping[str, str], reader: Reader, errors: FormErrors) -> Defaults | None:
    _ = reader.gettext
    if values["kind"] not in set(Kind):
        errors.add("kind", _(CHOOSE_KIND))
    if values["language"] not in LANGUAGES:
        errors.add("language", _(UNKNOWN_LANGUAGE))
    if values["time_zone"] not in known_zones():
        errors.add("time_zone", _(UNKNOWN_ZONE))
    if values["minutes"] not in {"", *map(str, LENGTHS)}:
        errors.add("minutes", _(CHOOSE_KIND))
    if values["order"] not in {"", *ORDERS}:
        errors.add("order", _(CHOOSE_KIND))
    day = _day(values)
    if day is None and (values["day_from"] or values["day_until"]):
        errors.add("day_until", _(BOTH_TIMES))
    if errors:
        return None
    return Defaults(
        kind=Kind(values["kind"]),
        language=values["language"],
        zone=values["time_zone"],
        minutes=int(values["minutes"]) if values["minutes"] else None,
        day=day,
        order=cast("Literal['', 'day', 'month']", values["order"]),
    )


def _day(values: Mapping[str, str]) -> tuple[time, time] | None:
    try:
        from_, until = (time.fromisoformat(values[name]).replace(tzinfo=None) for name in ("day_from", "day_until"))
    except ValueError:
        return None
    return (from_, until) if from_ < until else None
