"""Connections as aiokafka makes them, but for one thing: a write to one that has just broken is a connection error.

uvloop raises RuntimeError for it where asyncio is silent, and aiokafka 0.14 expects OSError alone: the task that keeps
a client's metadata fresh ended with it, and what that client read or wrote stood still until the process was restarted.
"""

from typing import Any

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
