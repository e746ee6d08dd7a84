"""All contracts, found by walking `shared/contracts`, with an example of each."""

import pkgutil
from collections.abc import Iterator
from datetime import UTC, datetime
from enum import Enum
from importlib import import_module
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin
from uuid import UUID

from pydantic import BaseModel, TypeAdapter
from pydantic.fields import FieldInfo

import shared.contracts
from shared.contracts.base import Message, Part

_VALUES: dict[Any, Any] = {
    UUID: UUID("01890a5d-ac96-774b-bcce-b302099a8057"),
    str: "de",
    int: 1,
    bool: True,
    datetime: datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
}
"""`de` is a text and, where a pattern asks for one, a language; 1 is no less than any lower bound."""


def modules() -> Iterator[Any]:
    """The modules of `shared/contracts`."""
    for found in pkgutil.iter_modules(shared.contracts.__path__):
        yield import_module(f"shared.contracts.{found.name}")


def parts() -> dict[str, type[Part]]:
    """Each class that is a message or a part of one, by name; classes that begin with `_` are no contracts."""
    found = {}
    for module in modules():
        for name, thing in vars(module).items():
            is_own = isinstance(thing, type) and thing.__module__ == module.__name__ and thing.__name__ == name
            if is_own and issubclass(thing, Part):
                assert name not in found, f"two contracts named {name}"
                found[name] = thing
    return {name: part for name, part in found.items() if not name.startswith("_") and part not in {Part, Message}}


def messages() -> dict[str, type[Message]]:
    """Each message class by name."""
    return {name: part for name, part in parts().items() if issubclass(part, Message)}


def sealed_payloads() -> dict[str, type[Part]]:
    """What travels encrypted in a `sealed` field: parts that no message and no other part contains in the open."""
    contained = {name for part in messages().values() for name in part.model_json_schema().get("$defs", {})}
    return {name: part for name, part in parts().items() if name not in contained and not issubclass(part, Message)}


def released() -> dict[str, type[Part]]:
    """What other versions of the services read: messages, and the payloads that they seal."""
    return messages() | sealed_payloads()


def unions() -> dict[str, TypeAdapter[Any]]:
    """Topic to what its consumers read: the `…Message` of each module."""
    found = {}
    for module in modules():
        for name, thing in vars(module).items():
            if name.endswith("Message") and not name.startswith("_") and thing is not Message:
                members = _members(thing)
                if all(member.__module__ == module.__name__ for member in members):
                    found[members[0].topic] = TypeAdapter(thing)
    return found


def _members(union: Any) -> list[type[Message]]:
    if isinstance(union, type):
        return [union]
    inner = get_args(union)[0]
    return list(get_args(inner)) or [inner]


def example(part: type[BaseModel]) -> Any:
    """An instance with every field filled."""
    return part.model_validate({name: _value(field) for name, field in part.model_fields.items()})


def _value(field: FieldInfo) -> Any:
    return _of(field.annotation)


def _of(annotation: Any) -> Any:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in {Annotated, Literal}:
        return _of(arguments[0]) if origin is Annotated else arguments[0]
    if origin in {Union, UnionType}:
        return _of(next(argument for argument in arguments if argument is not NoneType))
    if origin in {list, dict}:
        values = [_of(argument) for argument in arguments]
        return values if origin is list else {values[0]: values[1]}
    return _of_class(annotation)


def _of_class(annotation: Any) -> Any:
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return next(iter(annotation))
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return example(annotation)
    return _VALUES[datetime if annotation.__name__ == "AwareDatetime" else annotation]
