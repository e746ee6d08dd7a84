"""`/healthz`: should this process be restarted? `/readyz`: can it work now? `/metrics`: figures for Prometheus."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

Check = Callable[[], Awaitable[bool]]
_LIMIT = 3.0


async def _answer(checks: Mapping[str, Check]) -> JSONResponse:
    results = {name: await _passes(check) for name, check in checks.items()}
    well = all(results.values())
    return JSONResponse({"ok": well, "checks": results}, status_code=200 if well else 503)


async def _passes(check: Check) -> bool:
    try:
        return await asyncio.wait_for(check(), _LIMIT)
    except Exception:  # noqa: BLE001 - a check that cannot be made has failed, whatever the reason
        return False


def health_routes(alive: Mapping[str, Check], ready: Mapping[str, Check]) -> list[Route]:
    """The three routes; each check says whether it passes within three seconds."""

    async def healthz(_: Request) -> Response:
        return await _answer(alive)

    async def readyz(_: Request) -> Response:
        return await _answer({**alive, **ready})

    async def metrics(_: Request) -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return [Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", metrics)]
