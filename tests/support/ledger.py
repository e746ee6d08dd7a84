"""The ledger of deliveries, a clock that a test moves, and a sender that goes by it."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from services.notifications.deliveries.sending import Sender
from tests.support import notifications as given


class Clock:
    """A clock that stands still until it is moved; a little ahead, so that what is written in a test is due."""

    def __init__(self):
        self.now = datetime.now(UTC) + timedelta(minutes=1)

    def __call__(self):
        return self.now

    def pass_(self, **time):
        self.now += timedelta(**time)


def sender(database, providers, clock, **changes):
    return Sender(database, given.VAULT, given.settings(**changes), providers, clock)


async def rows(database, statement="SELECT * FROM deliveries ORDER BY id"):
    async with database.read() as session:
        return list(await session.execute(text(statement)))


async def ended(database):
    found = await rows(database, "SELECT convert_from(value, 'UTF8')::jsonb AS m FROM outbox ORDER BY id")
    return [(row.m["outcome"], row.m["template"], row.m["aggregate_version"]) for row in found]


async def empty(database):
    """Nothing is due, and nothing was told."""
    async with database.begin() as session:
        await session.execute(text("TRUNCATE deliveries, phone_messages, mails, optouts, outbox, parked"))
