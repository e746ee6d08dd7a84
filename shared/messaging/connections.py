"""Connections as aiokafka makes them, but for two things.

A write to one that has just broken is a connection error. uvloop raises RuntimeError for it where asyncio is silent,
and aiokafka 0.14 expects OSError alone: the task that keeps a client's metadata fresh ended with it, and what that
client read or wrote stood still until the process was restarted.

And a client may have each new one looked at before anything is sent over it, for aiokafka connects again by itself, to
whatever answers at the address by then.
"""

from collections.abc import Awaitable, Callable
from typing import Any
from weakref import WeakSet

from aiokafka.conn import AIOKafkaConnection, CloseReason
from aiokafka.errors import KafkaConnectionError

_send = AIOKafkaConnection.send


def _send_or_break(connection: Any, request: Any, expect_response: bool = True) -> Any:  # noqa: FBT001, FBT002 - theirs
    try:
        return _send(connection, request, expect_response)
    except NotImplementedError:
        raise
    except RuntimeError as error:
        connection.close(reason=CloseReason.CONNECTION_BROKEN, exc=error)
        raise KafkaConnectionError("The connection broke before the request was written") from error


def break_cleanly() -> None:
    """Have every connection of this process break so."""
    AIOKafkaConnection.send = _send_or_break


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
