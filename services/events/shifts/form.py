"""The forms of a role and of a shift as flat values: filled from what there is, and read with all that is wrong."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeVar, cast
from uuid import UUID, uuid5

from pydantic import ValidationError
from starlette.datastructures import FormData

from services.events.events.drafting import EventContent
from services.events.events.form import CHOOSE_TIME, Values, local_text, read_moment, which_hour
from services.events.shifts.drafting import RoleContent, ShiftContent
from shared.i18n.catalogues import N_
from shared.i18n.languages import LANGUAGES
from shared.web.forms import FormErrors
from shared.web.reader import Reader
from shared.web.validation import explain

NUMBERS = ("least", "wanted", "most")
TEXTS = ("name", "notes", "certificate")
CHOICES = ("qualification", "least_age", "answer_within")
NO_NUMBER = N_("Write a number, for example 2.")

Part = TypeVar("Part", RoleContent, ShiftContent)


def languages_of(content: EventContent) -> list[str]:
    """The languages in which a role is described: those of the event, the main one first."""
    return list(dict.fromkeys([content.main_language, *content.words]))


def typed(form: FormData) -> Values:
    """What was typed, with line ends as we keep them."""
    texts = {name: str(value).replace("\r\n", "\n").strip() for name, value in form.multi_items()}
    chosen = set(map(str, form.getlist("languages")))
    return Values(texts, {"languages": [code for code in LANGUAGES if code in chosen]})


def role_values(role: RoleContent | None) -> Values:
    """The form that holds this role; an empty one for none."""
    if role is None:
        return Values(lists={"languages": []})
    texts = {f"{name}-{code}": text for name in TEXTS for code, text in getattr(role, name).items()}
    texts |= {name: str(getattr(role, name) or "") for name in CHOICES}
    return Values(texts, {"languages": list(role.languages)})


def read_role(
    values: Values, role_id: UUID, content: EventContent, reader: Reader
) -> tuple[RoleContent | None, FormErrors]:
    """The role that was typed, or what is wrong with it, field by field."""
    given: dict[str, Any] = {
        name: {code: text for code in languages_of(content) if (text := values.get(f"{name}-{code}"))} for name in TEXTS
    }
    given |= {"id": role_id, "languages": values.lists["languages"]}
    given |= {name: values.get(name) or None for name in CHOICES}
    errors = FormErrors()
    if content.main_language not in given["name"]:
        errors.add(f"name-{content.main_language}", reader.gettext(N_("Fill in this field.")))
    return _validated(RoleContent, given, errors, reader)


def shift_values(shift: ShiftContent | None, zone: str) -> Values:
    """The form that holds this shift; an empty one for none."""
    if shift is None:
        return Values()
    moments = {"starts_at": shift.starts_at, "ends_at": shift.ends_at}
    texts = {name: local_text(moment, zone) for name, moment in moments.items()} | {"place": shift.place}
    for one in shift.staffing:
        texts |= {f"{name}-{one.role}": str(getattr(one, name)) for name in NUMBERS}
    asked = texts["which_hour"] = which_hour(list(moments.values()), zone)
    return Values(texts, asks_which_hour=bool(asked))


def read_shift(
    values: Values, shift_id: UUID, content: EventContent, reader: Reader
) -> tuple[ShiftContent | None, FormErrors]:
    """The shift that was typed, or what is wrong with it. A role without a number is not needed in it."""
    errors = FormErrors()
    given: dict[str, Any] = {"id": shift_id, "place": values.get("place")}
    for name in ("starts_at", "ends_at"):
        given[name] = _moment(values, name, content.time_zone, reader, errors)
    known = {one.role: one for shift in content.shifts if shift.id == shift_id for one in shift.staffing}
    given["staffing"] = []
    for role in content.roles:
        if not any(values.get(f"{name}-{role.id}") for name in NUMBERS):
            continue
        numbers = _numbers(values, role.id, reader, errors)
        before = known.get(role.id)
        own = {"id": before.id, "number": before.number} if before else {"id": uuid5(shift_id, str(role.id))}
        given["staffing"].append({"role": role.id, **own, **numbers})
    if errors:
        return None, errors
    return _validated(ShiftContent, given, errors, reader, [f"wanted-{one['role']}" for one in given["staffing"]])


def _moment(values: Values, name: str, zone: str, reader: Reader, errors: FormErrors) -> datetime | None:
    moment = read_moment(values, name, zone, reader, errors)
    if moment is None and name not in errors:
        errors.add(name, reader.gettext(CHOOSE_TIME))
    return moment


def _numbers(values: Values, role_id: UUID, reader: Reader, errors: FormErrors) -> dict[str, int]:
    """At least none where that is empty; as many as are wanted at most; as many wanted as there can be."""
    found: dict[str, int] = {}
    for name in NUMBERS:
        text = values.get(f"{name}-{role_id}")
        if text.isdecimal() and len(text) <= 4:
            found[name] = int(text)
        elif text:
            errors.add(f"{name}-{role_id}", reader.gettext(NO_NUMBER))
    wanted = found.get("wanted", found.get("most", found.get("least", 0)))
    return {"least": found.get("least", 0), "wanted": wanted, "most": found.get("most", wanted)}


def _validated(
    part: type[Part], given: dict[str, Any], errors: FormErrors, reader: Reader, staffing: list[str] | None = None
) -> tuple[Part | None, FormErrors]:
    try:
        made = part.model_validate(given)
    except ValidationError as error:
        for found in error.errors(include_url=False, include_input=False):
            errors.add(_field_of(found["loc"], staffing or []), explain(cast("Mapping[str, Any]", found), reader))
        return None, errors
    return (None if errors else made), errors


def _field_of(location: tuple[int | str, ...], staffing: list[str]) -> str:
    """The form's name of the field at a place in the role or shift."""
    match location:
        case ("staffing", int(number), *_) if number < len(staffing):
            return staffing[number]
        case (str(name), str(language), *_):
            return f"{name}-{language}"
        case (str(name), *_):
            return name
    return ""
