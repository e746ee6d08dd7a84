"""The documents of a service's interfaces."""

import pytest

from shared.web.asyncapi import read_document, type_text
from tests.support.asgi_client import AsgiClient
from tests.support.demo_web import ASYNCAPI, create_demo


@pytest.fixture(scope="module")
def app():
    return create_demo()


async def test_the_api_page_loads_everything_from_here(app):
    """Swagger UI comes from our own assets and reads our own document."""
    browser = AsgiClient(app)
    page = (await browser.get("/api/docs")).text
    assert 'data-openapi="/api/openapi.json"' in page
    assert page.count("https://") == 0
    assert (await browser.get("/api/openapi.json")).json()["info"]["title"] == "Demo"


async def test_the_documents_are_not_part_of_the_api(app):
    """The pages about the API are not listed in it."""
    paths = (await AsgiClient(app).get("/api/openapi.json")).json()["paths"]
    assert not [path for path in paths if path in {"/api/docs", "/api/messages", "/api/asyncapi.json"}]


async def test_the_messages_page_names_channels_messages_and_fields(app):
    """A reader finds the topic, what the service does there, each message and what its fields say."""
    page = (await AsgiClient(app).get("/api/messages")).text
    for words in ("teilhabe.registrations.v1", "This service sends", "RegistrationConfirmed", "UUIDv7"):
        assert words in page
    assert '<a class="kern-link kern-link--no-visited-state" href="#type-Place">Place</a>' in page
    assert (await AsgiClient(app).get("/api/asyncapi.json")).json() == ASYNCAPI


def test_a_union_lists_each_of_its_messages_once():
    """Each branch of a topic's union is a message; only what is left is listed as a type."""
    document = read_document(ASYNCAPI)
    carried = [schema.name for message in document.channels[0].messages for schema in message.schemas]
    assert carried == ["RegistrationConfirmed"]
    assert [schema.name for schema in document.schemas] == ["Place"]


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "string", "format": "uuid"}, "string (uuid)"),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "integer or null"),
        ({"type": "array", "items": {"$ref": "#/components/schemas/Session"}}, "array of Session"),
        ({"const": "web"}, "“web”"),
        ({"enum": ["a", "b"]}, "“a” or “b”"),
        ({"type": "object", "additionalProperties": {"type": "string"}}, "object of string"),
        ({}, "anything"),
    ],
)
def test_a_type_in_words(schema, expected):
    """A schema's type reads as a few words."""
    assert type_text(schema) == expected
