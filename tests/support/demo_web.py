"""A small application that shows every part of `shared.web`; the tests of the look run it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Query, Request, Response
from pydantic import BaseModel, Field, ValidationError
from starlette.datastructures import FormData

from shared.web.application import install_web
from shared.web.docs import install_docs
from shared.web.forms import FormErrors, checked_form, request_key
from shared.web.navigation import FooterLinks
from shared.web.pages import Pages
from shared.web.problem import Problem
from shared.web.shown import pick
from shared.web.urls import ServiceUrls

URLS = ServiceUrls("http://127.0.0.1:8710", "http://127.0.0.1:8720", "http://127.0.0.1:8730")
STARTS = datetime(2026, 5, 9, 8, 0, tzinfo=UTC)
TITLES = {"de": "Gemeinsam gärtnern", "ar": "نزرع معًا", "en": "Gardening together"}
TEXT = {"de": "Wir pflanzen Kräuter und Gemüse.\n\nBitte feste Schuhe mitbringen."}
ASYNCAPI: dict[str, Any] = {
    "asyncapi": "3.0.0",
    "info": {"title": "registrations", "version": "1", "description": "What the service says and hears."},
    "channels": {
        "registrations": {
            "address": "teilhabe.registrations.v1",
            "messages": {"all": {"$ref": "#/components/messages/all"}},
        }
    },
    "operations": {
        "publish": {
            "action": "send",
            "channel": {"$ref": "#/channels/registrations"},
            "summary": "Every decision on a registration",
        }
    },
    "components": {
        "messages": {"all": {"payload": {"$ref": "#/components/schemas/Payload"}}},
        "schemas": {
            "Payload": {"oneOf": [{"$ref": "#/components/schemas/RegistrationConfirmed"}]},
            "RegistrationConfirmed": {
                "description": "A party has its places.",
                "required": ["message_id", "place"],
                "properties": {
                    "message_id": {"type": "string", "format": "uuid", "description": "UUIDv7"},
                    "place": {"$ref": "#/components/schemas/Place"},
                    "note": {"anyOf": [{"type": "string"}, {"type": "null"}]},
                },
            },
            "Place": {"properties": {"name": {"type": "string"}, "size": {"type": "integer"}}},
        },
    },
}


class Wish(BaseModel):
    """What a visitor of the demo fills in."""

    name: str = Field(min_length=1)
    people: int = Field(ge=1, le=6)


class Note(BaseModel):
    """The body of the demo's API."""

    title: str = Field(max_length=5)
    count: int = 1


def create_demo() -> FastAPI:
    """The application: one page of components, one with a form, failures of each kind, an API."""
    app = FastAPI(title="Demo", docs_url=None, redoc_url=None, openapi_url=None)
    footer = FooterLinks(privacy="/privacy", imprint="/imprint", contact="/contact")
    pages = Pages("demo", [Path(__file__).parent / "templates"], URLS, footer=footer)
    add_pages(app, pages)
    add_failures(app)
    install_docs(app, pages, ASYNCAPI)
    install_web(app, pages)
    return app


def add_pages(app: FastAPI, pages: Pages) -> None:
    """The demo's pages."""

    @app.get("/components")
    async def components(request: Request, member: str = "") -> Response:
        if member:
            request.state.member = SimpleNamespace(display_name="Nachbarschaftshaus Süd")
        language = pages.reader(request).language
        shown = {"title": pick(TITLES, language), "text": pick(TEXT, language)}
        return pages.render(request, "components_demo.html", starts=STARTS, ends=STARTS + timedelta(hours=2), **shown)

    @app.get("/form")
    async def form_page(request: Request) -> Response:
        return pages.render(request, "form_demo.html", values={"people": 1})

    @app.post("/form")
    async def send_form(request: Request, form: Annotated[FormData, Depends(checked_form)]) -> Response:
        try:
            Wish.model_validate(dict(form))
        except ValidationError as error:
            errors = FormErrors.of(error, pages.reader(request))
            return pages.render(request, "form_demo.html", 422, values=form, errors=errors)
        request_key(form)
        return pages.redirect("/components")


def add_failures(app: FastAPI) -> None:
    """One route for each way to fail, and the API."""

    @app.get("/secret/{token}")
    async def secret(token: str) -> dict[str, int]:
        return {"length": len(token)}

    @app.get("/fails/{status}")
    async def fails(status: int) -> None:
        raise Problem(status)

    @app.get("/breaks/{token}")
    async def breaks(token: str) -> None:
        raise RuntimeError(f"spoken of {token}")

    @app.get("/api/breaks")
    async def api_breaks() -> None:
        raise RuntimeError("personal")

    @app.get("/api/full")
    async def full() -> None:
        raise Problem(409, "capacity-reached", places_left=0, headers={"Retry-After": "5"})

    @app.post("/api/notes")
    async def notes(note: Note, limit: Annotated[int, Query(le=10)] = 1) -> Note:
        return note.model_copy(update={"count": limit})
