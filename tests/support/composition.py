"""The three services as their composition roots make them, without any server."""

import os
from dataclasses import dataclass
from functools import cache
from typing import Any
from unittest.mock import patch

from shared.runtime.keys import new_keys
from shared.runtime.processes import installed_services, module_of


@dataclass(frozen=True)
class Service:
    """One service: its settings' class, the paths of its api, and what its worker listens to."""

    name: str
    settings: type
    paths: frozenset[str]
    topics: frozenset[str]


@cache
def services() -> tuple[Service, ...]:
    """Each installed service."""
    names = installed_services()
    databases = {f"TEILHABE_DATABASE_{name.upper()}": "postgresql+asyncpg://nobody@/nothing" for name in names}
    environment = {"TEILHABE_ENVIRONMENT": "test", "TEILHABE_KAFKA": "127.0.0.1:1"}
    with patch.dict(os.environ, environment | databases | new_keys("test")):
        return tuple(map(_service, names))


def _service(name: str) -> Service:
    settings = module_of(name, "settings").load.__wrapped__()
    main = module_of(name, "main")
    topics = frozenset(consumer.topic for consumer in main.create_worker(settings).consumers)
    return Service(name, type(settings), frozenset(_paths(main.create_api(settings).routes)), topics)


def _paths(routes: Any, prefix: str = "") -> Any:
    """FastAPI keeps an included router as it is and joins the paths when a request comes."""
    for route in routes:
        included = getattr(route, "original_router", None)
        if included is None:
            yield prefix + route.path
        else:
            yield from _paths(included.routes, prefix + route.include_context.prefix)
