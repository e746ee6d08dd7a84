"""What a delivery's attempts come to: once more at once, ever more rarely, or never again."""

from datetime import timedelta

import pytest

from services.notifications.optouts.commands import opt_out
from services.notifications.providers.port import (
    NotRetryableError,
    OptedOutError,
    RetryableError,
    ThrottledError,
    UnknownOutcomeError,
)
from shared.contracts.deliveries import DeliveryChannel
from shared.contracts.notification_requests import Template
from shared.contracts.registrations import PlaceOffered, RegistrationConfirmed
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


async def test_unknown_sms_waits_for_its_receipt_before_it_goes_again(database, clock):
    """Without an answer, an SMS of a provider that knows no keys goes out again only after ten minutes."""
    await given.confirmed(database)
    fake, providers = given.fakes(UnknownOutcomeError("no-answer"))
    worker = sender(database, providers, clock)
    await worker.send_sms()
    clock.pass_(minutes=9)
    await worker.send_sms()
    assert [row.state for row in await rows(database)] == ["unknown"]
    clock.pass_(minutes=2)
    await worker.send_sms()
    assert [row.state for row in await rows(database)] == ["sent"]
    assert len(fake.given) == 1


async def test_unknown_mail_goes_again_at_once_under_the_same_message_id(database, clock):
    """A mail whose outcome is unknown is sent again with the Message-ID that it had."""
    await given.confirmed(database, email="person@example.org")
    fake, providers = given.fakes()
    keys = []

    async def note(message):
        keys.append(message.key)
        if len(keys) == 1:
            raise UnknownOutcomeError("no-answer")

    fake.on_send = note
    worker = sender(database, providers, clock)
    await worker.send_mail()
    await worker.send_mail()
    assert len(keys) == 2
    assert keys[0] == keys[1]
    assert f"Message-ID: <{keys[0]}@".encode() in fake.given[0].mail.raw


async def test_retryable_failure_is_tried_at_once_then_ever_more_rarely_then_fails(database, clock):
    """The second attempt follows at once; later ones wait longer and longer; after 48 hours it has failed."""
    await given.confirmed(database)
    _, providers = given.fakes(*[RetryableError("http-503")] * 500)
    worker = sender(database, providers, clock)
    await worker.send_sms()
    await worker.send_sms()
    assert (await rows(database))[0].attempts == 2
    waits = []
    while (row := (await rows(database))[0]).state == "queued":
        waits.append((row.next_attempt_at - clock.now).total_seconds())
        clock.now = row.next_attempt_at
        await worker.send_sms()
    assert 15 <= waits[0] <= 45
    assert all(wait <= 5400 for wait in waits)
    assert max(waits) > 1800
    assert (row.state, row.error_code) == ("failed", "http-503")
    assert 46 <= (row.ended_at - row.created_at).total_seconds() / 3600 <= 48
    assert await ended(database) == [("failed", "confirmation", 1)]


@pytest.mark.parametrize(
    ("failure", "state", "outcome"),
    [(NotRetryableError("21211"), "failed", "failed"), (OptedOutError("21610"), "suppressed", "suppressed")],
)
async def test_failure_for_good_ends_the_delivery_at_once(database, clock, failure, state, outcome):
    """What cannot succeed is not tried again."""
    await given.confirmed(database)
    fake, providers = given.fakes(failure)
    worker = sender(database, providers, clock)
    await worker.send_sms()
    clock.pass_(hours=5)
    await worker.send_sms()
    assert [(row.state, row.error_code, row.attempts) for row in await rows(database)] == [(state, failure.code, 1)]
    assert await ended(database) == [(outcome, "confirmation", 1)]
    assert fake.given == []


async def test_opt_out_with_the_provider_counts_with_us(database, clock):
    """Who stopped with the provider gets nothing more from us, and the provider is not asked again."""
    person_id = await given.confirmed(database)
    fake, providers = given.fakes(OptedOutError("21610"))
    worker = sender(database, providers, clock)
    await worker.send_sms()
    state = given.event()
    await given.publish_event(database, state)
    await given.hand_in(database, given.registered(RegistrationConfirmed, state.id, person_id))
    await worker.send_sms()
    assert [row.state for row in await rows(database)] == ["suppressed", "suppressed"]
    assert fake.given == []


async def test_throttled_delivery_waits_as_long_as_the_provider_says(database, clock):
    """After "too many requests, come back in 300 s" nothing goes out for 300 s."""
    await given.confirmed(database)
    fake, providers = given.fakes(ThrottledError("20429", timedelta(seconds=300)))
    worker = sender(database, providers, clock)
    await worker.send_sms()
    clock.pass_(seconds=299)
    await worker.send_sms()
    assert fake.given == []
    clock.pass_(seconds=2)
    await worker.send_sms()
    assert len(fake.given) == 1


async def test_fault_of_ours_ends_one_delivery_and_not_its_neighbours(database, clock):
    """A delivery that cannot be rendered fails with a code; the others of the batch go out."""
    await given.confirmed(database)
    state = given.event()
    await given.publish_event(database, state)
    person_id = await given.publish_contact(database)
    await given.hand_in(database, given.requested(Template.SMS_PARTY_SIZE, person_id=person_id, event_id=state.id))
    fake, providers = given.fakes()
    await sender(database, providers, clock).send_sms()
    assert sorted((row.template, row.state) for row in await rows(database)) == [
        ("confirmation", "sent"),
        ("sms-party-size", "failed"),
    ]
    assert len(fake.given) == 1


async def test_delivery_that_waits_for_a_retry_holds_up_no_later_one(database, clock):
    """When the first SMS fails for now, the second one goes out."""
    person_id = await given.confirmed(database)
    fake, providers = given.fakes(ThrottledError("20429"))
    worker = sender(database, providers, clock)
    await worker.send_sms()
    state = given.event()
    await given.publish_event(database, state)
    await given.hand_in(database, given.registered(RegistrationConfirmed, state.id, person_id))
    await worker.send_sms()
    assert [row.state for row in await rows(database)] == ["queued", "sent"]
    assert len(fake.given) == 1


async def test_stop_that_came_after_the_delivery_was_written_still_counts(database, clock):
    """Opt-outs are looked up when a delivery is claimed."""
    person_id = await given.confirmed(database)
    key = given.VAULT.keyed_uuid(given.number_of(person_id), "sms")
    async with database.begin() as session:
        await opt_out(session, DeliveryChannel.SMS, key, clock())
    fake, providers = given.fakes()
    await sender(database, providers, clock).send_sms()
    assert [row.state for row in await rows(database)] == ["suppressed"]
    assert await ended(database) == [("suppressed", "confirmation", 1)]
    assert fake.given == []


async def test_offer_whose_time_is_over_is_not_sent(database, clock):
    """An offer that comes out of the queue too late would only mislead."""
    state = given.event()
    await given.publish_event(database, state)
    person_id = await given.publish_contact(database)
    until = clock.now + timedelta(hours=1)
    await given.hand_in(database, given.registered(PlaceOffered, state.id, person_id, expires_at=until))
    clock.pass_(hours=2)
    fake, providers = given.fakes()
    await sender(database, providers, clock).send_sms()
    assert [row.state for row in await rows(database)] == ["expired"]
    assert await ended(database) == [("failed", "offer", 1)]
    assert fake.given == []
