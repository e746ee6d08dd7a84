"""What of a dead letter is shown to whoever looks at a terminal: its shape, and nothing that somebody wrote.

A letter is there because it is wrong, so that a name or a number may stand in any field, and be the name of one.
Shown are the names and fixed words of the contracts, languages, ids, times, and numbers below a million. The bytes
stay in the topic, for Kafka's own tools.
"""

import json
import pkgutil
from collections.abc import Iterator, Mapping
from datetime import datetime
from enum import StrEnum
from functools import cache
from importlib import import_module
from typing import Any, get_args
from uuid import UUID

import shared.contracts
from shared.contracts.base import Part
from shared.i18n.languages import LANGUAGES

_SMALL = 1_000_000
_DEEP = 50
_OURS = "dlq-"


def shown_value(value: bytes | None) -> str:
    """The record's value, in lines."""
    if value is None:
        return "none (a tombstone)"
    try:
        content = json.loads(value)
    except (ValueError, RecursionError):
        return f"({len(value)} bytes that are no JSON)"
    return json.dumps(_shown(content, _DEEP), ensure_ascii=False, indent=2)


def shown_key(key: bytes | None) -> str:
    """The record's key, if it is the id that it should be."""
    if key is None:
        return "none"
    text = key.decode(errors="replace")
    return text if _is_id(text) else f"({len(key)} bytes that are no id)"


def shown_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Those of the dead letter, and how many others the record came with."""
    others = sum(not name.startswith(_OURS) for name in headers)
    own = {name: value for name, value in headers.items() if name.startswith(_OURS)}
    return own | ({"other headers": str(others)} if others else {})


def _shown(content: Any, depth: int) -> Any:
    if depth == 0:
        return "(more)"
    if isinstance(content, dict):
        names = enumerate(content, 1)
        return {_name(name, place): _field(name, content[name], depth) for place, name in names}
    if isinstance(content, list):
        return [_shown(part, depth - 1) for part in content]
    return _leaf(content)


def _field(name: str, content: Any, depth: int) -> Any:
    return "(sealed)" if name == "sealed" and content is not None else _shown(content, depth - 1)


def _name(name: str, place: int) -> str:
    return name if name in _words() or name in LANGUAGES else f"({place})"


def _leaf(content: Any) -> Any:
    if content is None or isinstance(content, bool):
        return content
    if isinstance(content, str):
        known = content in _words() or content in LANGUAGES or _is_id(content) or _is_time(content)
        return content if known else f"(text of {len(content)} characters)"
    return content if isinstance(content, int) and abs(content) < _SMALL else "(number)"


def _is_id(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False


def _is_time(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


@cache
def _words() -> frozenset[str]:
    """The fields of all contracts, and the values that some of them may only have."""
    for module in pkgutil.iter_modules(shared.contracts.__path__):
        import_module(f"shared.contracts.{module.name}")
    fields = [(name, field.annotation) for part in _parts(Part) for name, field in part.model_fields.items()]
    return frozenset(word for name, annotation in fields for word in (name, *_values(annotation)))


def _parts(part: type[Part]) -> Iterator[type[Part]]:
    yield part
    for narrower in part.__subclasses__():
        yield from _parts(narrower)


def _values(annotation: Any) -> Iterator[str]:
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        yield from (member.value for member in annotation)
    else:
        yield from (value for value in get_args(annotation) if isinstance(value, str))
