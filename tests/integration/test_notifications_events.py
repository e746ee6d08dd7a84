"""What notifications know of an event for those whom they tell of it."""

import asyncio
from base64 import b64encode
from uuid import uuid4

import pytest

from services.notifications.deliveries.rendering import facts_of
from services.notifications.events.queries import events_by_id
from shared.auth.members import keep_organisations, profiles_of
from shared.contracts.events import CoHost, CoHostRole, Scope
from shared.contracts.organisations import OrganisationChanged
from shared.database.engine import Database
from shared.database.migrations import upgrade
from tests.support import notifications as given


@pytest.fixture
async def database(database_url):
    url = database_url("notifications")
    await asyncio.to_thread(upgrade, "notifications", url)
    database = Database(url)
    yield database
    await database.close()


def organisation(id_, name, picture):
    told = {"de": name, "ar": f"ar {name}"}
    kept = b64encode(picture).decode().rstrip("=") if picture else None
    return OrganisationChanged(aggregate_id=id_, aggregate_version=1, name=told, members=[], picture=kept)


async def test_the_logos_of_all_hosts_come_in_their_order_and_in_the_readers_language(database):
    """The host's first; a co-host without a logo is passed over, and pages do not carry the pictures about."""
    host, plain, guest = uuid4(), uuid4(), uuid4()
    co_hosts = [CoHost(organisation_id=id_, role=CoHostRole.PARTNER, scope=Scope.NOTHING) for id_ in (plain, guest)]
    state = given.event(organisation_id=host, co_hosts=co_hosts)
    async with database.begin() as session:
        organisations = [(host, "Amt", b"a"), (plain, "Chor", None), (guest, "Verein", b"picture")]
        await keep_organisations(session, [organisation(*one) for one in organisations])
    await given.publish_event(database, state)
    async with database.read() as session:
        known = (await events_by_id(session, {state.id}))[state.id]
        profiles = await profiles_of(session, [host])
    assert facts_of(known, "ar").logos == [("ar Amt", b"a"), ("ar Verein", b"picture")]
    assert "picture" not in str(profiles)
