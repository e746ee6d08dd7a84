"""Guards switched off, for negative controls, and waits made short, for the suite; the product has no such switches.

Each change reaches into a module before the services import it.
"""

import asyncio
from collections.abc import Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

GAP = 0.1
"""Seconds between a commit and what wrongly follows it, so that a crash at a random moment finds the gap."""


def change(name: str) -> None:
    """Apply one change to this process."""
    CHANGES[name]()


def _brisk() -> None:
    """Retries come after 2 s where the product waits 30."""
    from services.notifications.deliveries import retries

    retries._FIRST_WAIT = retries._FIRST_THROTTLED_WAIT = timedelta(seconds=2)


def _inbox() -> None:
    """Every message counts as new."""
    from shared.messaging.inbox import Inbox

    recorded = Inbox.unseen

    async def unseen(self: Inbox, session: Any, messages: Any) -> Any:
        await recorded(self, session, messages)
        return list(messages)

    Inbox.unseen = unseen  # type: ignore[method-assign]


def _outbox() -> None:
    """State commits first, its messages a moment later in a transaction of their own."""
    from shared.database.engine import Database
    from shared.messaging import outbox

    publish, begin = outbox.publish, Database.begin

    async def later(session: Any, *messages: Any) -> None:
        session.info.setdefault("messages", []).extend(messages)

    @asynccontextmanager
    async def begin_then_publish(self: Database) -> Any:
        async with begin(self) as session:
            yield session
        if messages := session.info.pop("messages", []):
            await asyncio.sleep(GAP)
            async with begin(self) as second:
                await publish(second, *messages)

    outbox.publish = later
    Database.begin = begin_then_publish  # type: ignore[method-assign]


def _lock() -> None:
    """The pool's row is read without a lock; the trial drops the table's check, too."""
    from sqlalchemy import text

    from services.registrations.registrations import pool

    pool._LOCK = text(pool._LOCK.text.replace("FOR UPDATE", ""))


def _ledger() -> None:
    """A claim is committed with the outcome, after the provider was called."""
    from services.notifications.deliveries import sending
    from services.notifications.deliveries.claiming import claim
    from services.notifications.deliveries.outcomes import record_attempts

    async def send_due(self: sending.Sender, channel: Any) -> int:
        async with self._database.begin() as session:
            most, lease = self._settings.send_batch, self._settings.lease
            claimed = await claim(session, channel, most=most, lease=lease, now=self._clock())
            if claimed.claims:
                await record_attempts(session, await self._send_all(claimed.claims))
                await asyncio.sleep(GAP)
        return claimed.rows

    sending.Sender._send_due = send_due  # type: ignore[method-assign]


def _look() -> None:
    """Nobody looks which log a new connection leads to, and a lost one is noticed a while later."""
    from shared.messaging.log_epoch import LogEpoch
    from shared.messaging.producer import Producer

    begin, current = Producer.__init__, LogEpoch.current

    def begin_unseeing(self: Producer, bootstrap: str, _: Any = None) -> None:
        begin(self, bootstrap)

    async def notice_later(self: LogEpoch) -> str:
        await asyncio.sleep(3)
        return await current(self)

    Producer.__init__ = begin_unseeing  # type: ignore[method-assign]
    LogEpoch.current = notice_later  # type: ignore[method-assign]


CONTROLS: dict[str, Callable[[], None]] = {
    "inbox": _inbox,
    "outbox": _outbox,
    "lock": _lock,
    "ledger": _ledger,
    "look": _look,
}
CHANGES: dict[str, Callable[[], None]] = CONTROLS | {"brisk": _brisk}
