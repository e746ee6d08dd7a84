"""What makes a new schema unable to read what was written under an old one, or take away what old readers need."""

from collections.abc import Iterator
from typing import Any

Schema = dict[str, Any]
_LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_SAME = ("pattern", "format")


def breaking_changes(old: Schema, new: Schema) -> list[str]:
    """Each change that is not additive, as a line; `old` and `new` are JSON Schemas of pydantic's with `$defs`."""
    return list(_compare(old, new, old, new, "message"))


def _compare(old: Schema, new: Schema, old_root: Schema, new_root: Schema, at: str) -> Iterator[str]:
    old, new = _resolved(old, old_root), _resolved(new, new_root)
    if "anyOf" in old or "oneOf" in old or "anyOf" in new or "oneOf" in new:
        yield from _alternatives(old, new, old_root, new_root, at)
        return
    yield from _kind(old, new, at)
    yield from _bounds(old, new, at)
    yield from _fields(old, new, old_root, new_root, at)
    for inner in ("items", "additionalProperties", "propertyNames"):
        if isinstance(new.get(inner), dict):
            older = old.get(inner) if isinstance(old.get(inner), dict) else {}
            yield from _compare(older, new[inner], old_root, new_root, f"{at}.{inner}")
    for pattern in new.get("patternProperties", {}):
        if pattern not in old.get("patternProperties", {}):
            yield f"{at}: its keys must match another pattern"


def _resolved(schema: Schema, root: Schema) -> Schema:
    while "$ref" in schema:
        schema = root["$defs"][schema["$ref"].rpartition("/")[2]]
    return schema


def _choices(schema: Schema) -> list[Schema]:
    return schema.get("anyOf") or schema.get("oneOf") or [schema]


def _alternatives(old: Schema, new: Schema, old_root: Schema, new_root: Schema, at: str) -> Iterator[str]:
    for choice in _choices(old):
        if all(list(_compare(choice, other, old_root, new_root, at)) for other in _choices(new)):
            yield f"{at}: no longer takes {choice.get('type') or choice.get('$ref') or choice}"
    if old.get("discriminator", {}).get("propertyName") != new.get("discriminator", {}).get("propertyName"):
        yield f"{at}: another discriminator"


def _kind(old: Schema, new: Schema, at: str) -> Iterator[str]:
    kinds = (old.get("type"), new.get("type"))
    if kinds[1] is not None and kinds[0] != kinds[1] and kinds != ("integer", "number"):
        yield f"{at}: type {kinds[0]} became {kinds[1]}"
    before, after = _values(old), _values(new)
    if after is not None and (before is None or not before <= after):
        yield f"{at}: values gone: {sorted(map(str, (before or {'any other'}) - after))}"


def _values(schema: Schema) -> set[Any] | None:
    if "const" in schema:
        return {schema["const"]}
    return set(schema["enum"]) if "enum" in schema else None


def _bounds(old: Schema, new: Schema, at: str) -> Iterator[str]:
    for name in _SAME:
        if name in new and old.get(name) != new[name]:
            yield f"{at}: {name} {old.get(name)} became {new[name]}"
    for name in _LOWER:
        if name in new and (name not in old or new[name] > old[name]):
            yield f"{at}: {name} is now {new[name]}"
    for name in _UPPER:
        if name in new and (name not in old or new[name] < old[name]):
            yield f"{at}: {name} is now {new[name]}"


def _fields(old: Schema, new: Schema, old_root: Schema, new_root: Schema, at: str) -> Iterator[str]:
    fields, now = old.get("properties", {}), new.get("properties", {})
    for name in fields:
        if name not in now:
            yield f"{at}.{name}: removed or renamed"
        else:
            yield from _compare(fields[name], now[name], old_root, new_root, f"{at}.{name}")
    for name in set(new.get("required", ())) - set(old.get("required", ())):
        yield f"{at}.{name}: required now"
    if new.get("additionalProperties") is False and old.get("additionalProperties") is not False:
        yield f"{at}: unknown fields are refused now"
