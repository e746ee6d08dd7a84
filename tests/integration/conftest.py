"""The events service on a migrated database of its own for each file, and the owner of an organisation there."""

import asyncio

import pytest

from shared.database.migrations import upgrade
from tests.support.events_service import running_events_service


@pytest.fixture(scope="module")
async def migrated(database_url):
    url = database_url("events")
    await asyncio.to_thread(upgrade, "events", url)
    return url


@pytest.fixture
async def events(migrated):
    async with running_events_service(migrated) as service:
        yield service


@pytest.fixture
async def member(events):
    return await events.organisation()
