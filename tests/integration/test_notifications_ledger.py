"""The ledger: written before anybody is told, sent once and in order, and forgotten in the end."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text

from services.notifications.deliveries.claiming import claim
from services.notifications.deliveries.sending import Providers, Sender
from services.notifications.mailbox.providers import DevelopmentMailbox, DevelopmentPhone
from services.notifications.providers.port import RetryableError
from services.notifications.retention import forget_old
from shared.contracts.deliveries import DeliveryChannel
from shared.contracts.events import Status
from shared.contracts.notification_requests import Recipient, Secret, Template
from shared.contracts.registrations import (
    EndedBy,
    OfferExpired,
    RegistrationCancelled,
    RegistrationConfirmed,
    RegistrationHeld,
)
from tests.support import notifications as given
from tests.support.ledger import Clock, empty, ended, rows, sender


@pytest.fixture(scope="module")
async def database(database_url):
    async with given.open_database(database_url("notifications")) as database:
        yield database


@pytest.fixture(autouse=True)
async def empty_ledger(database):
    """Each test finds only its own deliveries due."""
    yield
    await empty(database)


@pytest.fixture
def clock():
    return Clock()


class Killed(BaseException):
    """What a killed process runs no further than."""


def development(database):
    return Providers(DevelopmentPhone(database), DevelopmentMailbox(database))


async def test_row_is_committed_before_the_provider_is_called(database, clock):
    """When a provider is called, another connection already sees the delivery as being sent."""
    await given.confirmed(database)
    fake, providers = given.fakes()
    seen = []

    async def look(_message):
        seen.extend((row.state, row.attempts) for row in await rows(database))

    fake.on_send = look
    await sender(database, providers, clock).send_sms()
    assert seen == [("sending", 1)]
    assert [row.state for row in await rows(database)] == ["sent"]
    assert await ended(database) == [("sent", "confirmation", 1)]


async def test_no_connection_is_held_while_a_provider_is_called(database, clock):
    """A provider that hangs holds no connection of the pool."""
    await given.confirmed(database)
    fake, providers = given.fakes()
    held = []

    async def look(_message):
        held.append(database.engine.pool.checkedout())

    fake.on_send = look
    await sender(database, providers, clock).send_sms()
    assert held == [0]


async def test_same_message_twice_is_one_delivery(database):
    """A message that comes twice, even past the inbox, is in the ledger once."""
    state = given.event()
    await given.publish_event(database, state)
    person_id = await given.publish_contact(database)
    message = given.registered(RegistrationConfirmed, state.id, person_id)
    await given.hand_in(database, message, message)
    async with database.begin() as session:
        await session.execute(text("DELETE FROM inbox"))
    await given.hand_in(database, message)
    assert len(await rows(database)) == 1


@pytest.mark.parametrize("moment", ["before the provider", "after the provider"])
async def test_crash_between_claim_and_outcome_neither_loses_nor_doubles(database, clock, moment):
    """Whoever dies with a claim in hand: the person gets the SMS, and gets it once."""
    await given.confirmed(database)
    providers = development(database)
    await crash(database, providers, clock, after_provider=moment == "after the provider")
    survivor = sender(database, providers, clock)
    clock.pass_(minutes=5)
    assert await survivor.settle_lost_leases() == 1
    await survivor.send_sms()
    assert [row.state for row in await rows(database)] == ["sent"]
    assert len(await rows(database, "SELECT * FROM phone_messages")) == 1


async def test_crash_with_sending_before_writing_doubles(database, clock):
    """Negative control: with the row claimed only after the provider was called, a crash sends twice."""
    await given.confirmed(database)
    fake, providers = given.fakes()

    class Careless(Sender):
        async def _send_due(self, channel):
            async with database.begin() as session:
                claimed = await claim(session, channel, most=10, lease=timedelta(minutes=2), now=clock())
                await self._send_all(claimed.claims)
                raise Killed

    careless = Careless(database, given.VAULT, given.settings(), providers, clock)
    with pytest.raises(Killed):
        await careless.send_sms()
    await sender(database, providers, clock).send_sms()
    assert len(fake.given) == 2


async def crash(database, providers, clock, *, after_provider):
    """A sender that dies on its first delivery."""

    class Dying(Sender):
        async def _send_and_record(self, claims):
            if after_provider:
                await self._send_all(claims)
            raise Killed

    dying = Dying(database, given.VAULT, given.settings(), providers, clock)
    with pytest.raises(Killed):
        await dying._send_due(DeliveryChannel.SMS)
    assert [row.state for row in await rows(database)] == ["sending"]


async def test_late_outcome_of_a_lost_lease_changes_nothing(database, clock):
    """A sender that wakes up after its lease cannot overwrite what a later attempt found out."""
    await given.confirmed(database)
    fake, providers = given.fakes(RetryableError("late"))
    slow = sender(database, providers, clock)

    async def overtaken(_message):
        fake.on_send = None
        clock.pass_(minutes=5)
        other = sender(database, given.fakes()[1], clock, sms_unknown_wait=0)
        await other.settle_lost_leases()
        await other.send_sms()

    fake.on_send = overtaken
    await slow.send_sms()
    assert [(row.state, row.attempts, row.error_code) for row in await rows(database)] == [("sent", 2, None)]


async def test_one_persons_deliveries_go_out_in_order(database, clock):
    """The second SMS is not sent before the first had its first attempt, by however many senders."""
    person_id = await given.confirmed(database)
    state = given.event()
    await given.publish_event(database, state)
    await given.hand_in(
        database,
        given.registered(RegistrationCancelled, state.id, person_id, by=EndedBy.PERSON),
    )
    meanwhile = []
    fake, providers = given.fakes()
    other = sender(database, providers, clock)

    async def overtake(_message):
        if not meanwhile:
            meanwhile.append(None)
            meanwhile.append(await other.send_sms())

    fake.on_send = overtake
    worker = sender(database, providers, clock)
    await worker.send_sms()
    assert meanwhile == [None, 0]
    assert [row.state for row in await rows(database)] == ["sent", "queued"]
    await worker.send_sms()
    assert [row.state for row in await rows(database)] == ["sent", "sent"]


async def test_two_senders_share_the_work_without_overlap(database, clock):
    """Forty deliveries and two senders at once: forty SMS, each once."""
    for _ in range(40):
        await given.confirmed(database)
    fake, providers = given.fakes()
    workers = [sender(database, providers, clock, send_batch=7) for _ in range(2)]
    while sum(await asyncio.gather(*(worker.send_sms() for worker in workers))):
        continue
    assert len(fake.given) == len({sms.key for sms in fake.given}) == 40


async def test_number_that_never_answered_is_not_written_to_again(database):
    """When a held place runs out nobody is told; a person who cancels is."""
    state = given.event()
    await given.publish_event(database, state)
    person_id = await given.publish_contact(database)
    await given.hand_in(
        database,
        given.registered(RegistrationCancelled, state.id, person_id, by=EndedBy.NO_ANSWER),
        given.registered(OfferExpired, state.id, person_id),
    )
    assert [row.template for row in await rows(database)] == ["offer-expired"]


async def test_message_waits_for_its_event_and_its_contact(database):
    """A registration whose event or person is not known yet is kept, and told of when both are there."""
    state, person_id = given.event(), uuid4()
    registrations = given.delivery_consumers(given.VAULT)[0]
    await given.hand_in(database, given.registered(RegistrationConfirmed, state.id, person_id))
    await given.publish_event(database, state)
    assert await registrations.retry_parked(database) == 0
    await given.publish_contact(database, person_id)
    assert await registrations.retry_parked(database) == 1
    assert [row.template for row in await rows(database)] == ["confirmation"]


async def test_cancellation_waits_until_the_event_is_known_to_be_cancelled(database, clock):
    """The SMS of a cancelled event names the reason, although the two topics race."""
    state = given.event()
    await given.publish_event(database, state)
    person_id = await given.publish_contact(database)
    registrations = given.delivery_consumers(given.VAULT)[0]
    await given.hand_in(database, given.registered(RegistrationCancelled, state.id, person_id, by=EndedBy.EVENT))
    assert await rows(database) == []
    cancelled = state.model_copy(update={"status": Status.CANCELLED, "cancellation_reason": {"de": "Sturmwarnung"}})
    await given.publish_event(database, cancelled, version=2)
    await registrations.retry_parked(database)
    fake, providers = given.fakes()
    await sender(database, providers, clock).send_sms()
    assert "Sturmwarnung" in fake.given[0].text


async def test_question_to_confirm_goes_to_the_number_with_the_link_of_no_one(database, clock):
    """A held place asks the number's owner by SMS, and tells a stranger no secret link."""
    state = given.event()
    await given.publish_event(database, state)
    person_id = await given.publish_contact(database, phone="+4930231250", email="person@example.org")
    held = given.registered(
        RegistrationHeld,
        state.id,
        person_id,
        token="tttt",
        holds_places=True,
        expires_at=clock.now + timedelta(hours=2),
    )
    await given.hand_in(database, held)
    fake, providers = given.fakes()
    await sender(database, providers, clock).send_sms()
    assert "GARTEN" in fake.given[0].text
    assert "tttt" not in fake.given[0].text


async def test_address_without_a_contact_is_sealed_in_the_request(database, clock):
    """A stranger who texted gets an answer, in the language that the request names."""
    recipient = Recipient(language="ar", phone="+493023125777")
    await given.hand_in(database, given.requested(Template.SMS_NOTHING_OPEN, secret=Secret(recipient=recipient)))
    fake, providers = given.fakes()
    await sender(database, providers, clock).send_sms()
    assert [sms.number for sms in fake.given] == ["+493023125777"]
    assert "+4930" not in str([tuple(row) for row in await rows(database)])


async def test_newer_contact_wins_however_late_an_older_one_comes(database):
    """An older contact that arrives later does not bring an old number back."""
    person_id = await given.publish_contact(database, version=2, phone="+493023125222")
    await given.publish_contact(database, person_id, version=1, phone="+493023125111")
    found = await rows(database, "SELECT person_id, phone FROM contacts")
    assert [row.phone for row in found if row.person_id == person_id] == ["+493023125222"]


async def test_content_of_old_deliveries_is_forgotten(database, clock):
    """Thirty days after its end a delivery holds no secret and no data, and later it is gone."""
    await given.confirmed(database)
    await sender(database, given.fakes()[1], clock).send_sms()
    settings = given.settings()
    await forget_old(database, settings, clock.now + timedelta(days=29))
    assert (await rows(database))[0].sealed is not None
    await forget_old(database, settings, clock.now + timedelta(days=31))
    row = (await rows(database))[0]
    assert (row.sealed, row.purpose, row.data, row.state) == (None, None, {}, "sent")
    await forget_old(database, settings, clock.now + timedelta(days=401))
    assert await rows(database) == []
