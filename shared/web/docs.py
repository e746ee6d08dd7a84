"""The documents of a service's interfaces: its HTTP API and its messages."""

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from shared.web.asyncapi import read_document
from shared.web.pages import Pages


def install_docs(app: FastAPI, pages: Pages, asyncapi: Mapping[str, Any], base: str = "") -> None:
    """Serve `/api/docs`, `/api/openapi.json`, `/api/messages` and `/api/asyncapi.json`.

    Args:
        app: made with `docs_url=None, redoc_url=None, openapi_url=None`.
        pages: the service's pages.
        asyncapi: an AsyncAPI 3 document.
        base: what the service's paths begin with, `/registrations`; nothing for events.
    """
    document = read_document(asyncapi)
    known = {schema.name for schema in document.schemas}

    async def docs(request: Request) -> Response:
        return pages.render(request, "api_docs.html", api=f"{base}/api", main_tag="div")

    async def openapi(_request: Request) -> Response:
        return JSONResponse(app.openapi())

    async def messages(request: Request) -> Response:
        return pages.render(request, "api_messages.html", document=document, known=known, api=f"{base}/api")

    async def asyncapi_json(_request: Request) -> Response:
        return JSONResponse(dict(asyncapi))

    app.add_api_route(f"{base}/api/docs", docs, include_in_schema=False)
    app.add_api_route(f"{base}/api/openapi.json", openapi, include_in_schema=False)
    app.add_api_route(f"{base}/api/messages", messages, include_in_schema=False)
    app.add_api_route(f"{base}/api/asyncapi.json", asyncapi_json, include_in_schema=False)
