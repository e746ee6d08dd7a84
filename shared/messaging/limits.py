"""Waiting with an end: brokers and databases that hang must not hang those who leave them."""

import asyncio
from collections.abc import Awaitable

import structlog

log = structlog.get_logger()


async def within(limit: float, work: Awaitable[object]) -> bool:
    """Wait at most `limit` seconds, even for work that refuses to be cancelled; says whether it ended well.

    An error of the work is logged by its type and goes no further.
    """
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait({task}, timeout=limit)
    finally:
        if not task.done():
            task.cancel()
    if not task.done() or task.cancelled():
        log.warning("limits.given_up", seconds=limit)
        return False
    if (error := task.exception()) is not None:
        log.warning("limits.failed", error=type(error).__name__)
        return False
    return True
