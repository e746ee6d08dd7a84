"""Connections as aiokafka makes them, but for three things.

A write to one that has just broken is a connection error. uvloop raises RuntimeError for it where asyncio is silent,
and aiokafka 0.14 expects OSError alone: the task that keeps a client's metadata fresh ended with it, and what that
client read or wrote stood still until the process was restarted.

While no broker answers, aiokafka 0.14 asks for metadata again the moment that it failed to (in the fetcher and
where the sender waits for its id): 16,000 times a second, with two lines in the log each. Here it waits in between, a
second at most.

And a client may have each new one looked at before anything is sent over it, for aiokafka connects again by itself, to
whatever answers at the address by then.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from weakref import WeakKeyDictionary, WeakSet

from aiokafka.client import AIOKafkaClient
from aiokafka.conn import AIOKafkaConnection, CloseReason
from aiokafka.errors import KafkaConnectionError

SHORTEST_PAUSE, LONGEST_PAUSE = 0.1, 1.0
"""Seconds between two tries to learn of brokers; each pause is twice as long as the one before."""

_send = AIOKafkaConnection.send
_update = AIOKafkaClient._metadata_update  # noqa: SLF001
_failures: WeakKeyDictionary[Any, int] = WeakKeyDictionary()


def _send_or_break(connection: Any, request: Any, expect_response: bool = True) -> Any:  # noqa: FBT001, FBT002 - theirs
    try:
        return _send(connection, request, expect_response)
    except NotImplementedError:
        raise
    except RuntimeError as error:
        connection.close(reason=CloseReason.CONNECTION_BROKEN, exc=error)
        raise KafkaConnectionError("The connection broke before the request was written") from error


async def _update_in_its_time(client: Any, cluster: Any, topics: Any) -> Any:
    updated = await _update(client, cluster, topics)
    failures = _failures.pop(client, 0)
    if not updated:
        _failures[client] = failures + 1
        await asyncio.sleep(min(LONGEST_PAUSE, SHORTEST_PAUSE * 2 ** min(failures, 10)))
    return updated


def mend_connections() -> None:
    """Have every connection of this process break cleanly, and every client wait before it asks again."""
    AIOKafkaConnection.send = _send_or_break
    AIOKafkaClient._metadata_update = _update_in_its_time  # noqa: SLF001


def look_at_each(client: Any, is_right: Callable[[], Awaitable[bool]]) -> None:
    """Ask, once there is a new connection, whether it may be used; until then its node counts as not ready."""
    connect = client._get_conn  # noqa: SLF001
    right: WeakSet[Any] = WeakSet()

    async def get_conn(*where: Any, **how: Any) -> Any:
        # The one that was looked at may meanwhile have given way to another.
        while (connection := await connect(*where, **how)) is not None and connection not in right:
            if not await is_right():
                return None
            right.add(connection)
        return connection

    client._get_conn = get_conn  # noqa: SLF001
