"""Forgetting: what is not needed any more is cleared, in small steps, by any number of processes."""

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import text

from services.notifications.settings import NotificationsSettings
from shared.database.engine import Database
from shared.runtime.timers import Timer

AT_ONCE = 1000

_CLEAR_CONTENT = """
    WITH old AS (
        SELECT id FROM deliveries
        WHERE ended_at < :before AND (sealed IS NOT NULL OR data <> '{}') LIMIT :most FOR UPDATE SKIP LOCKED
    )
    UPDATE deliveries d SET sealed = NULL, purpose = NULL, data = '{}' FROM old WHERE d.id = old.id
"""


def _delete(table: str, column: str) -> str:
    return f"""
        WITH old AS (
            SELECT ctid FROM {table} WHERE {column} < :before LIMIT :most FOR UPDATE SKIP LOCKED
        )
        DELETE FROM {table} USING old WHERE {table}.ctid = old.ctid
    """  # noqa: S608 - the names are this module's own


_STEPS: list[tuple[str, Callable[[NotificationsSettings], timedelta]]] = [
    (_CLEAR_CONTENT, lambda settings: settings.keep_content),
    (_delete("deliveries", "ended_at"), lambda settings: settings.keep_deliveries),
    (_delete("inbound", "received_at"), lambda settings: settings.keep_inbound),
    (_delete("receipts", "received_at"), lambda settings: settings.keep_inbound),
    (_delete("phone_messages", "created_at"), lambda settings: settings.keep_development),
    (_delete("mails", "created_at"), lambda settings: settings.keep_development),
]


async def forget_old(database: Database, settings: NotificationsSettings, now: datetime) -> int:
    """Clear the content of ended deliveries, then the rows of all tables, each after its time.

    Returns 1 where a step reached its limit of 1,000 rows, so that there may be more, else 0.
    """
    most = 0
    for statement, keep in _STEPS:
        async with database.begin() as session:
            result = await session.execute(text(statement), {"before": now - keep(settings), "most": AT_ONCE})
            most = max(most, int(getattr(result, "rowcount", 0)))
    return int(most >= AT_ONCE)


def retention_timer(database: Database, settings: NotificationsSettings, clock: Callable[[], datetime]) -> Timer:
    """Runs each hour."""

    async def run() -> int:
        return await forget_old(database, settings, clock())

    return Timer("retention", 3600, run)
