"""What a reader is told about a value that does not fit: pydantic's findings in the reader's language."""

from collections.abc import Mapping, Sequence
from typing import Any

from shared.i18n.catalogues import N_
from shared.web.reader import Reader

MESSAGES = {
    "missing": N_("Fill in this field."),
    "string_too_short": N_("This text is too short."),
    "string_too_long": N_("This text is too long. At most %(max_length)s characters fit."),
    "too_long": N_("These are too many."),
    "too_short": N_("These are too few."),
    "int_parsing": N_("Write a whole number, for example 3."),
    "int_type": N_("Write a whole number, for example 3."),
    "int_from_float": N_("Write a whole number, for example 3."),
    "float_parsing": N_("Write a number, for example 3."),
    "decimal_parsing": N_("Write a number, for example 3."),
    "greater_than": N_("Write a number above %(gt)s."),
    "greater_than_equal": N_("Write a number that is %(ge)s or more."),
    "less_than": N_("Write a number below %(lt)s."),
    "less_than_equal": N_("Write a number that is %(le)s or less."),
    "date_from_datetime_parsing": N_("Choose a date."),
    "date_parsing": N_("Choose a date."),
    "datetime_parsing": N_("Choose a date and a time."),
    "datetime_from_date_parsing": N_("Choose a date and a time."),
    "time_parsing": N_("Choose a time, for example 14:30."),
    "bool_parsing": N_("Choose yes or no."),
    "enum": N_("Choose one of the answers."),
    "literal_error": N_("Choose one of the answers."),
    "url_parsing": N_("Write a web address, for example https://example.org."),
    "url_scheme": N_("Write a web address, for example https://example.org."),
    "uuid_parsing": N_("This is not a known number of this kind."),
    "extra_forbidden": N_("This field is not known here."),
    "json_invalid": N_("This is not valid JSON."),
}
OTHERWISE = N_("This cannot be used as it is. Please check it.")


def explain(error: Mapping[str, Any], reader: Reader) -> str:
    """One entry of pydantic's `errors()` as a plain sentence; never with what was typed."""
    message, values = sentence(error)
    return reader.gettext(message, **values)


def sentence(error: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """The same as an English sentence that the catalogues know, and what stands in it: for whoever reads it later."""
    kind = error["type"]
    if kind in ("string_too_short", "too_short") and error.get("ctx", {}).get("min_length") == 1:
        kind = "missing"
    return MESSAGES.get(kind, OTHERWISE), error.get("ctx", {})


def json_pointer(location: Sequence[str | int]) -> str:
    """The place of a value in a JSON body as a URI fragment (RFC 6901 §6)."""
    parts = (str(part).replace("~", "~0").replace("/", "~1") for part in location)
    return "#" + "".join(f"/{part}" for part in parts)
