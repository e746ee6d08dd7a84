"""An organisation's form: from what was typed to its profile, and back."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from starlette.datastructures import FormData

from services.events.events.form import Values
from services.events.organisations.profile import ProfileContent
from shared.i18n.languages import LANGUAGES
from shared.web.forms import FormErrors
from shared.web.reader import Reader
from shared.web.validation import explain

PLAIN = ("kind", "website", "contact_name", "contact_email", "contact_phone")
WORDS = ("name", "description", "contact_hours")


def typed(form: FormData) -> Values:
    """What was typed, text by text."""
    texts = {name: str(value) for name, value in form.items()}
    named = {*form.getlist("language"), *(name.partition("-")[2] for name in texts if name.partition("-")[0] in WORDS)}
    languages = [code for code in LANGUAGES if code in named]
    return Values(texts, {"languages": [str(code) for code in form.getlist("languages")]}, languages, 0)


def shown(content: ProfileContent) -> Values:
    """The form of a profile."""
    texts = {name: str(getattr(content, name)) for name in PLAIN} | {"kind": content.kind.value}
    for field in WORDS:
        texts |= {f"{field}-{code}": text for code, text in getattr(content, field).items()}
    return Values(texts, {"languages": list(content.languages)}, list(content.name), 0)


def read(values: Values, reader: Reader) -> tuple[ProfileContent | None, FormErrors]:
    """The profile, or what is wrong with each field."""
    given: dict[str, Any] = {name: values.get(name) for name in PLAIN} | {"languages": values.lists["languages"]}
    for field in WORDS:
        words = {code: values.get(f"{field}-{code}").strip() for code in values.languages}
        given[field] = {code: text for code, text in words.items() if text}
    try:
        return ProfileContent.model_validate(given), FormErrors()
    except ValidationError as error:
        errors = FormErrors()
        for found in error.errors(include_url=False, include_input=False):
            errors.add(_field(found, values), explain(found, reader))
        return None, errors


def _field(found: Mapping[str, Any], values: Values) -> str:
    """The field that an error is about; what concerns the whole is said at the first name."""
    where = found["loc"]
    if len(where) > 1 and where[0] in WORDS:
        return f"{where[0]}-{where[1]}"
    if not where or where[0] == "name":
        return f"name-{values.languages[0]}" if values.languages else ""
    return str(where[0])
