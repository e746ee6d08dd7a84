"""The services under attack, one database each for a module of tests."""

import pytest

from tests.badinput.http.services import TARGETS, migrated


@pytest.fixture(scope="module")
async def events(database_url):
    async with TARGETS["events"](await migrated("events", database_url("events"))) as target:
        yield target


@pytest.fixture(scope="module")
async def registrations(database_url):
    async with TARGETS["registrations"](await migrated("registrations", database_url("registrations"))) as target:
        yield target


@pytest.fixture(scope="module")
async def notifications(database_url):
    async with TARGETS["notifications"](await migrated("notifications", database_url("notifications"))) as target:
        yield target


@pytest.fixture(params=list(TARGETS))
def target(request):
    """Each of the three."""
    return request.getfixturevalue(request.param)
