"""What may stand on a topic and is no message for its reader: by name, value and reason."""

import json
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from shared.contracts.base import Message
from tests.contracts.catalogue import example, messages

SECRET = "Erika Mustermann +4915123456789"
NEAR_THE_LIMIT = 1_040_000
"""Bytes; `max.message.bytes` is 1,048,576, and a batch has a header."""


def not_json() -> Iterator[tuple[str, bytes]]:
    """Bytes that no reader can read."""
    yield "empty", b""
    yield "spaces", b"   "
    yield "text", SECRET.encode()
    yield "no UTF-8", b"\xff\xfe" + SECRET.encode()
    yield "UTF-16", '{"type": "EventPublished"}'.encode("utf-16")
    yield "NUL", b"\0" * 100
    yield "deep", b"[" * 100_000
    yield "deep objects", b'{"a":' * 100_000
    yield "near the limit", b"x" * NEAR_THE_LIMIT
    for value in ([], [{}], {}, "text", 17, 1.5, True, None, {"type": None}, {"type": SECRET}, {"type": ["x"]}):
        yield f"JSON {value!r}", json.dumps(value).encode()
    yield "not a number", b'{"aggregate_version": NaN}'


def foreign(good: Message) -> Iterator[tuple[str, bytes]]:
    """Messages of all other topics, which a reader of this one must not take for its own."""
    for name, kind in messages().items():
        if kind.topic != good.topic:
            yield f"foreign {name}", example(kind).model_dump_json().encode()


def of_tomorrow(good: Message) -> Iterator[tuple[str, bytes]]:
    """A type and enum values that no reader knows yet."""
    yield "a type of tomorrow", _changed(good, ("type",), f"{good.type}Tomorrow")
    for path in _enums(good):
        yield f"a value of tomorrow in {path}", _changed(good, path, "value-of-tomorrow")


def wrong_fields(good: Message) -> Iterator[tuple[str, bytes]]:
    """Each required field away, and each field of a type that it never has."""
    for path, field in fields(type(good), json.loads(good.model_dump_json())):
        if field.is_required() or path in {("message_id",), ("type",)}:
            yield f"without {path}", _changed(good, path, ...)
        yield f"{path} of another type", _changed(good, path, [[SECRET]])
        yield f"{path} as a text", _changed(good, path, f"{SECRET}\0")
    yield "a version below nothing", _changed(good, ("aggregate_version",), -1)


def texts_stand_there(path: tuple[str | int, ...], field: FieldInfo) -> bool:
    """Whether any text is right in this field."""
    return field.annotation in {str, str | None} and path != ("type",)


def fields(kind: type[BaseModel], value: Any, at: tuple[str | int, ...] = ()) -> Iterator[tuple[Any, FieldInfo]]:
    """Each field of a message and of its parts, by path; lists by their first part."""
    for name, field in kind.model_fields.items():
        path, inner = (*at, name), value.get(name)
        yield path, field
        part = next((p for p in _parts(field.annotation) if isinstance(inner, (dict, list)) and inner), None)
        if part and isinstance(inner, list):
            yield from fields(part, inner[0], (*path, 0))
        elif part:
            yield from fields(part, inner, path)


def _parts(annotation: Any) -> Iterator[type[BaseModel]]:
    for inner in (annotation, *getattr(annotation, "__args__", ())):
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield inner


def _enums(good: Message) -> Iterator[tuple[str | int, ...]]:
    for path, field in fields(type(good), json.loads(good.model_dump_json())):
        if hasattr(field.annotation, "__members__"):
            yield path


def changed(message: Message, path: tuple[str | int, ...], value: Any) -> bytes:
    """The message as JSON with one field replaced, or left out for `...`."""
    return _changed(message, path, value)


def _changed(message: Message, path: tuple[str | int, ...], value: Any) -> bytes:
    content: Any = json.loads(message.model_dump_json())
    inner = content
    for step in path[:-1]:
        inner = inner[step]
    if value is ...:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    return json.dumps(content).encode()
