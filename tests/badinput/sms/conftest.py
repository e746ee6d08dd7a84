"""What the tests of hostile SMS share."""

import asyncio
from uuid import uuid4

import pytest

from shared.database.engine import Database
from shared.database.migrations import upgrade
from tests.support import notifications as given


@pytest.fixture(scope="module")
async def database(database_url):
    """The database of notifications."""
    url = database_url("notifications")
    await asyncio.to_thread(upgrade, "notifications", url)
    database = Database(url)
    yield database
    await database.close()


@pytest.fixture
def number():
    """A number that no other test has."""
    return given.number_of(uuid4())
