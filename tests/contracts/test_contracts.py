"""The contracts: compatible with what was released, readable by older and newer versions, and free of persons."""

import json
from typing import Annotated, Literal
from uuid import UUID, uuid4

import pytest
from pydantic import BaseModel, Field, TypeAdapter

from shared.contracts.base import LanguageCode, LocalizedText, Message
from tests.contracts.catalogue import example, messages, parts, released, sealed_payloads, unions
from tests.contracts.compatibility import breaking_changes
from tests.contracts.release import FOLDER, path_of

PERSONAL = {"name", "names", "email", "mail", "phone", "mobile", "address", "street", "city", "birth", "surname"}
PUBLIC_CONTACTS = {"ContactPoint", "Venue"}
"""Offices and places, public with the event: docs/decisions/0004."""


@pytest.mark.parametrize("name", released())
def test_contract_is_compatible_with_its_release(name):
    """Nothing was removed, renamed, narrowed or made required, and the topic is the same."""
    assert path_of(name).exists(), "run python -m tests.contracts.release"
    old = json.loads(path_of(name).read_text())
    part = released()[name]
    assert breaking_changes(old["schema"], part.model_json_schema()) == []
    assert getattr(part, "topic", None) == old["topic"]


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.json")), ids=lambda path: path.stem)
def test_what_was_released_can_still_be_read(path):
    """No released contract is gone, and its topic's consumers read the example of then."""
    assert path.stem in released(), "a released contract cannot be removed"
    old = json.loads(path.read_text())
    reader = unions()[old["topic"]] if old["topic"] else TypeAdapter(released()[path.stem])
    read = reader.validate_python(old["example"], strict=False)
    assert type(read).__name__ == path.stem


def test_each_message_class_belongs_to_the_union_of_its_topic():
    """Walking the modules finds each class; whoever reads the topic can read it, told apart by `type`."""
    assert len(messages()) >= 15
    for name, message in messages().items():
        assert message.model_fields["type"].default == name
        assert type(unions()[message.topic].validate_json(example(message).model_dump_json())) is message


@pytest.mark.parametrize("name", released())
def test_example_round_trips(name):
    """Written as JSON and read again, each contract is what it was."""
    written = example(released()[name])
    assert type(written).model_validate_json(written.model_dump_json()) == written


@pytest.mark.parametrize("name", parts())
def test_unknown_fields_are_passed_over(name):
    """A field that a newer publisher added stops no older reader."""
    part = parts()[name]
    newer = example(part).model_dump(mode="json") | {"field_of_tomorrow": {"a": 1}}
    assert part.model_validate(newer) == example(part)


def personal_fields(part):
    """Fields that name or reach a person; a translated text names a thing."""
    return [
        name
        for name, field in part.model_fields.items()
        if PERSONAL & set(name.split("_")) and field.annotation != LocalizedText
    ]


def test_personal_data_is_in_sealed_payloads_alone():
    """No open field is named after a person's name, address or number, but for an event's public contact and venue."""
    for name, part in parts().items():
        if name not in sealed_payloads() and name not in PUBLIC_CONTACTS:
            assert personal_fields(part) == [], name


def test_search_for_personal_data_finds_it():
    """The negative control: the sealed payloads, and the exceptions, do hold what is looked for."""
    assert personal_fields(sealed_payloads()["Contact"]) == ["name", "email", "phone"]
    assert all(personal_fields(parts()[name]) for name in PUBLIC_CONTACTS)


def test_sealed_payloads_are_those_that_are_meant():
    """A part that a message contains in the open would not be among them."""
    assert {"Contact", "Secret", "Sms"} <= sealed_payloads().keys()
    assert not {"EventState", "ContactPoint", "PlacesCount"} & sealed_payloads().keys()


class Colour(BaseModel):
    """A part of the released form."""

    kind: Literal["colour"] = "colour"
    shade: Literal["dark", "light"]


class Size(BaseModel):
    """Another part of the released form."""

    kind: Literal["size"] = "size"
    height: int = Field(ge=1)


class Released(Message):
    """The form that the checker compares with."""

    type: Literal["Released"] = "Released"
    count: int = Field(ge=0, le=10)
    note: str | None = None
    languages: list[LanguageCode] = []
    words: LocalizedText = {}
    look: Annotated[Colour | Size, Field(discriminator="kind")]


OLD = Released.model_json_schema()


def changed(change):
    new = json.loads(json.dumps(OLD))
    change(new)
    return breaking_changes(OLD, new)


def fields(schema):
    return schema["properties"]


BREAKING = {
    "a field is removed": lambda s: fields(s).pop("note"),
    "a field is renamed": lambda s: fields(s).update(remark=fields(s).pop("note")),
    "a new field is required": lambda s: (fields(s).update(new={"type": "string"}), s["required"].append("new")),
    "a field becomes required": lambda s: s["required"].append("note"),
    "a type changes": lambda s: fields(s).update(count={"type": "string"}),
    "a null is refused": lambda s: fields(s).update(note={"type": "string"}),
    "a lower bound is raised": lambda s: fields(s)["count"].update(minimum=1),
    "an upper bound is lowered": lambda s: fields(s)["count"].update(maximum=9),
    "a length is bounded": lambda s: fields(s)["note"]["anyOf"][0].update(maxLength=5),
    "a pattern changes": lambda s: fields(s)["languages"]["items"].update(pattern="^[a-z]{2}$"),
    "a format changes": lambda s: fields(s)["aggregate_id"].update(format="uri"),
    "items change": lambda s: fields(s)["languages"].update(items={"type": "integer"}),
    "values of a dictionary change": lambda s: fields(s)["words"].update(
        {"additionalProperties": {"type": "integer"}, "patternProperties": {"^x": {"type": "integer"}}}
    ),
    "a value of an enumeration is gone": lambda s: s["$defs"]["Colour"]["properties"]["shade"].update(enum=["dark"]),
    "the type's name changes": lambda s: fields(s)["type"].update(const="Renamed"),
    "a field of a part is removed": lambda s: s["$defs"]["Size"]["properties"].pop("height"),
    "a member of a union is gone": lambda s: fields(s)["look"].update(oneOf=fields(s)["look"]["oneOf"][:1]),
    "a discriminator changes": lambda s: fields(s)["look"]["discriminator"].update(propertyName="form"),
    "unknown fields are refused": lambda s: s.update(additionalProperties=False),
}
ADDITIVE = {
    "nothing": lambda _: None,
    "an optional field": lambda s: fields(s).update(new={"type": "string", "default": ""}),
    "a value of an enumeration": lambda s: s["$defs"]["Colour"]["properties"]["shade"].update(
        enum=["dark", "light", "grey"]
    ),
    "a null": lambda s: fields(s).update(count={"anyOf": [fields(s)["count"], {"type": "null"}]}),
    "a wider bound": lambda s: fields(s)["count"].update(maximum=20),
    "a required field with a default": lambda s: s["required"].remove("count"),
    "another description": lambda s: s.update(description="new"),
}


@pytest.mark.parametrize("kind", BREAKING)
def test_checker_finds_each_kind_of_breaking_change(kind):
    """What would break a reader or a writer of the released form is named."""
    assert changed(BREAKING[kind]), kind


@pytest.mark.parametrize("kind", ADDITIVE)
def test_checker_lets_additive_changes_pass(kind):
    """What older and newer versions both live with is no finding."""
    assert changed(ADDITIVE[kind]) == [], kind


def test_ids_of_messages_are_ordered_by_time():
    """A message id is a UUIDv7, so that the inbox's index grows at its end."""
    message = Released(aggregate_id=uuid4(), aggregate_version=1, count=1, look=Size(height=1))
    assert isinstance(message.message_id, UUID)
    assert message.message_id.version == 7
