"""What the three services' api processes have in common."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Request, Response
from sqlalchemy.exc import SQLAlchemyError
from starlette.datastructures import FormData

from shared.database.engine import Database
from shared.database.migrations import is_current
from shared.messaging.consumers import Consumer
from shared.messaging.consumption import is_outage
from shared.messaging.specification import asyncapi_document
from shared.runtime.health import Check, health_routes
from shared.settings import Settings
from shared.vault import Vault
from shared.web.application import install_web
from shared.web.docs import install_docs
from shared.web.forms import checked_form
from shared.web.pages import Pages
from shared.web.problem import Problem
from shared.web.problems import problem_response
from shared.web.urls import ServiceUrls

VERSION = "0.1.0"
_RETRY_AFTER = "10"


def service_urls(settings: Settings) -> ServiceUrls:
    """Where the three services are."""
    return ServiceUrls(
        settings.events_url.rstrip("/"), settings.registrations_url.rstrip("/"), settings.notifications_url.rstrip("/")
    )


def new_api(service: str, title: str, settings: Settings, database: Database, pages: Pages) -> FastAPI:
    """An application with its state set. Add the routers, then call `finish_api`."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await database.close()

    app = FastAPI(title=title, version=VERSION, docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan)
    app.state.database = database
    app.state.settings = settings
    app.state.pages = pages
    app.state.vault = Vault(settings)
    app.state.service = service
    return app


def finish_api(app: FastAPI, consumers: Sequence[Consumer], publishes: Mapping[str, Any], *, base: str) -> None:
    """Health, documents, assets, error pages and headers. `base` is what the service's own paths begin with."""
    service, database = app.state.service, app.state.database

    async def database_answers() -> bool:
        await database.ping()
        return True

    ready: dict[str, Check] = {"database": database_answers, "schema": partial(is_current, service, database)}
    app.router.routes.extend(health_routes({}, ready))
    install_docs(app, app.state.pages, asyncapi_document(service, consumers, publishes, VERSION), base)
    install_web(app, app.state.pages)
    for error in (SQLAlchemyError, OSError):
        app.add_exception_handler(error, _on_database_error)


async def _on_database_error(request: Request, error: Exception) -> Response:
    """While the database cannot be reached, people and programs are told to come back."""
    if not is_outage(error):
        raise error
    problem = Problem(503, "database-away", headers={"Retry-After": _RETRY_AFTER})
    return problem_response(request, request.app.state.pages, problem)


async def _database(request: Request) -> Database:
    database: Database = request.app.state.database
    return database


async def _pages(request: Request) -> Pages:
    pages: Pages = request.app.state.pages
    return pages


async def _vault(request: Request) -> Vault:
    vault: Vault = request.app.state.vault
    return vault


DatabaseDep = Annotated[Database, Depends(_database)]
PagesDep = Annotated[Pages, Depends(_pages)]
VaultDep = Annotated[Vault, Depends(_vault)]
FormDep = Annotated[FormData, Depends(checked_form)]
