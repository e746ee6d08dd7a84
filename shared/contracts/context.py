"""What caused the work at hand: set where a request or a message comes in, read by every envelope."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple
from uuid import UUID

from uuid6 import uuid7


class Cause(NamedTuple):
    """`correlation_id` names the whole chain, `causation_id` the message just before."""

    correlation_id: UUID
    causation_id: UUID | None


_cause: ContextVar[Cause | None] = ContextVar("cause", default=None)


def current_cause() -> Cause:
    """The cause in force, or a new chain where none was set."""
    return _cause.get() or Cause(uuid7(), None)


@contextmanager
def caused_by(correlation_id: UUID, causation_id: UUID | None = None) -> Iterator[None]:
    """Everything published inside belongs to this chain."""
    token = _cause.set(Cause(correlation_id, causation_id))
    try:
        yield
    finally:
        _cause.reset(token)
