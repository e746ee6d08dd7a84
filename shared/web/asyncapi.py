"""An AsyncAPI 3 document as a page shows it: channels, operations, messages, fields."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Field:
    """One property of a schema. `schema` names the documented type that it holds, if it holds one."""

    name: str
    type: str
    schema: str
    required: bool
    description: str


@dataclass(frozen=True)
class Schema:
    """A named type."""

    name: str
    description: str
    fields: list[Field]
    values: list[str]


@dataclass(frozen=True)
class Message:
    """One message of a channel and what it carries."""

    name: str
    description: str
    schemas: list[Schema]


@dataclass(frozen=True)
class Operation:
    """What the service does on a channel: `send` or `receive`."""

    name: str
    action: str
    description: str


@dataclass(frozen=True)
class Channel:
    """One topic."""

    name: str
    address: str
    description: str
    operations: list[Operation]
    messages: list[Message]


@dataclass(frozen=True)
class Document:
    """All that a service sends and receives, and the types that its fields name."""

    title: str
    version: str
    description: str
    channels: list[Channel]
    schemas: list[Schema]


def read_document(source: Json) -> Document:
    """Read an AsyncAPI 3 document.

    Raises:
        KeyError: a reference leads nowhere.
    """
    info = source.get("info", {})
    components = source.get("components", {}).get("schemas", {})
    channels = [read_channel(source, name, body) for name, body in source.get("channels", {}).items()]
    carried = {schema.name for channel in channels for message in channel.messages for schema in message.schemas}
    others = [read_schema(source, name, body) for name, body in components.items() if name not in carried]
    schemas = [schema for schema in others if schema.fields or schema.values]
    return Document(info.get("title", ""), info.get("version", ""), info.get("description", ""), channels, schemas)


def read_channel(source: Json, name: str, body: Json) -> Channel:
    """One channel with its operations and messages."""
    messages = [read_message(source, key, value) for key, value in body.get("messages", {}).items()]
    operations = [
        Operation(key, operation["action"], described(operation))
        for key, operation in source.get("operations", {}).items()
        if last_part(operation["channel"]["$ref"]) == name
    ]
    return Channel(name, body.get("address") or name, described(body), operations, messages)


def read_message(source: Json, name: str, body: Json) -> Message:
    """One message with the types that it may carry."""
    message = resolve(source, body)
    payload = message.get("payload", {})
    title = message.get("title") or message.get("name") or name
    return Message(title, described(message), list(carried_schemas(source, title, payload)))


def carried_schemas(source: Json, name: str, payload: Json) -> Iterator[Schema]:
    """Each type that a payload may be: itself, or each branch of its union."""
    if "$ref" in payload:
        name = last_part(payload["$ref"])
    schema = resolve(source, payload)
    branches = schema.get("oneOf") or schema.get("anyOf")
    if not branches:
        yield read_schema(source, name, schema)
        return
    for branch in branches:
        yield from carried_schemas(source, branch.get("title", name), branch)


def read_schema(source: Json, name: str, body: Json) -> Schema:
    """One type with its fields, or the values of an enumeration."""
    required = set(body.get("required", ()))
    fields = [
        Field(key, type_text(value), named_type(value), key in required, described(resolve(source, value)))
        for key, value in body.get("properties", {}).items()
    ]
    return Schema(name, body.get("description", ""), fields, [str(value) for value in body.get("enum", ())])


def type_text(body: Json) -> str:
    """A type in a few words: `string (uuid)`, `array of Session`, `integer or null`."""
    if "$ref" in body:
        return last_part(body["$ref"])
    if "const" in body:
        return f"“{body['const']}”"
    if "enum" in body:
        return " or ".join(f"“{value}”" for value in body["enum"])
    if branches := body.get("anyOf") or body.get("oneOf") or body.get("allOf"):
        return " or ".join(dict.fromkeys(type_text(branch) for branch in branches))
    return plain_type(body)


def plain_type(body: Json) -> str:
    """The type of a schema that is no union, reference or enumeration."""
    kind = str(body.get("type", "anything"))
    if kind == "array":
        return f"array of {type_text(body.get('items', {}))}"
    if kind == "object" and isinstance(body.get("additionalProperties"), Mapping):
        return f"object of {type_text(body['additionalProperties'])}"
    return f"{kind} ({body['format']})" if "format" in body else kind


def named_type(body: Json) -> str:
    """The first documented type that a field holds, itself or inside an array or a union."""
    if "$ref" in body:
        return last_part(body["$ref"])
    inside = [*body.get("anyOf", ()), *body.get("oneOf", ()), *body.get("allOf", ()), body.get("items", {})]
    inside += [value for value in [body.get("additionalProperties")] if isinstance(value, Mapping)]
    return next((name for part in inside if part and (name := named_type(part))), "")


def described(body: Json) -> str:
    """The description of a part, else its summary."""
    return str(body.get("description") or body.get("summary") or "")


def resolve(source: Json, body: Json) -> Json:
    """Follow references inside the document, if the body is one.

    Raises:
        KeyError: a reference leads nowhere.
    """
    while "$ref" in body:
        found: Any = source
        for part in body["$ref"].removeprefix("#/").split("/"):
            found = found[part.replace("~1", "/").replace("~0", "~")]
        body = found
    return body


def last_part(reference: str) -> str:
    """The name at the end of a reference."""
    return reference.rsplit("/", 1)[-1].replace("~1", "/").replace("~0", "~")
