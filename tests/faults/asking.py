"""How people and programs ask the services: again, with the same words, until there is an answer."""

import asyncio
import random
import time
from typing import Any, NamedTuple

import aiohttp

PATIENCE = 60.0
_AGAIN = {429, 500, 502, 503, 504}


class Answer(NamedTuple):
    """A final answer; `tries` above 1 says that an earlier try may have been carried out."""

    status: int
    body: Any
    headers: Any
    tries: int


async def ask(http: aiohttp.ClientSession, method: str, urls: list[str], **request: Any) -> Answer | None:
    """Ask any of the addresses until one answers with something else than "come back later"; None if none does."""
    deadline, tries = time.monotonic() + PATIENCE, 0
    while time.monotonic() < deadline:
        tries += 1
        try:
            async with http.request(method, random.choice(urls), **request) as answer:
                if answer.status not in _AGAIN:
                    body = await answer.json(content_type=None) if answer.content_length != 0 else None
                    return Answer(answer.status, body, answer.headers, tries)
        except (aiohttp.ClientError, TimeoutError, OSError):
            pass
        await asyncio.sleep(random.uniform(0.1, 0.6))
    return None
