"""Messages that the contract can read and that contradict themselves: refused at once, before anybody suffers."""

import asyncio
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from services.notifications.deliveries.consumers import consumers as delivery_consumers
from shared.contracts.contacts import Contact, ContactChanged
from shared.contracts.events import EventPublished, Places, Status
from shared.contracts.notification_requests import Template
from shared.contracts.registrations import RegistrationConfirmed
from shared.messaging.consumption import is_transient
from tests.badinput.kafka.readers import event_of, reading
from tests.support import notifications, registrations
from tests.support.notifications import VAULT

EVENT_READERS = [("registrations", "registrations-events"), ("notifications", "events")]


@pytest.fixture(scope="module")
async def read(request, database_url):
    """The reader that the tests are about."""
    service, name = request.param
    async with reading(service, name, database_url(f"wire_{service}")) as reader:
        yield reader


async def refused(reader, message):
    """The message is one to set aside, and changes nothing."""
    before = await reader.state()
    with pytest.raises(Exception) as caught:  # noqa: PT011 - the worker decides by the kind of error
        await reader.consumer.handle(reader.database, [message])
    assert not is_transient(caught.value)
    assert await reader.state() == before


CONTRADICTIONS = {
    "another event than its aggregate": {"id": uuid4()},
    "no places": {"places": []},
    "no session": {"sessions": []},
    "no such time zone": {"time_zone": "Europe/Nowhere"},
    "a folder as its time zone": {"time_zone": "Europe"},
    "a path as its time zone": {"time_zone": "../../etc/passwd"},
    "more places than a table holds": {"places": [Places(id=uuid4(), capacity=2**31)]},
}


@pytest.mark.parametrize("read", EVENT_READERS[:1], indirect=True)
@pytest.mark.parametrize("what", CONTRADICTIONS)
async def test_an_event_that_nobody_could_register_for_is_refused(read, what):
    """Taken over, it would fail at each text and timer that meets it; refused, it is one dead letter."""
    message = await event_of(read.database)
    await refused(read, message.model_copy(update={"event": message.event.model_copy(update=CONTRADICTIONS[what])}))


@pytest.mark.parametrize("read", EVENT_READERS[1:], indirect=True)
@pytest.mark.parametrize("what", list(CONTRADICTIONS)[:-1])
async def test_an_event_that_nobody_could_be_told_of_is_refused(read, what):
    """The same where notifications keeps it: its texts could not be written."""
    message = await event_of(read.database)
    await refused(read, message.model_copy(update={"event": message.event.model_copy(update=CONTRADICTIONS[what])}))


@pytest.mark.parametrize("read", EVENT_READERS[:1], indirect=True)
async def test_an_event_cannot_take_the_places_of_another(read):
    """A message that names another event's pool is refused: it would close that one, or change its capacity."""
    theirs, ours = await event_of(read.database), await event_of(read.database)
    await read.consumer.handle(read.database, [theirs])
    stolen = ours.event.model_copy(update={"places": [Places(id=theirs.event.places[0].id, capacity=0)]})
    await refused(read, ours.model_copy(update={"event": stolen}))


@pytest.mark.parametrize("read", EVENT_READERS[:1], indirect=True)
async def test_an_event_cannot_take_the_code_of_another(read):
    """Codes are unique: a text that names one means one event."""
    theirs, ours = await event_of(read.database), await event_of(read.database)
    await read.consumer.handle(read.database, [theirs])
    await refused(read, ours.model_copy(update={"event": ours.event.model_copy(update={"code": theirs.event.code})}))


@pytest.mark.parametrize("read", EVENT_READERS, indirect=True)
async def test_an_older_version_changes_nothing(read):
    """Versions that go backwards, or come twice with other content, are handled and change nothing."""
    message = (await event_of(read.database)).model_copy(update={"aggregate_version": 7})
    await read.consumer.handle(read.database, [message])
    before = await read.state()
    for version in (0, 6, 7):
        state = message.event.model_copy(update={"title": {"de": "Alt"}, "status": Status.CANCELLED})
        old = EventPublished(aggregate_id=state.id, aggregate_version=version, event=state)
        await read.consumer.handle(read.database, [old])
    assert await read.state() == before


@pytest.mark.parametrize("read", [("notifications", "contacts")], indirect=True)
async def test_a_contact_for_another_person_or_of_an_older_version_changes_nothing(read):
    """A seal is bound to the person: one that is put into another's message cannot be opened."""
    person, other = uuid4(), uuid4()
    seal = VAULT.seal(Contact(language="de", phone="+4915123456789"), f"contact:{person}")
    newest = ContactChanged(aggregate_id=person, aggregate_version=5, sealed=seal)
    await read.consumer.handle(read.database, [newest])
    await refused(read, ContactChanged(aggregate_id=other, aggregate_version=1, sealed=seal))
    before = await read.state()
    older = VAULT.seal(Contact(language="tr", phone="+4915198765432"), f"contact:{person}")
    await read.consumer.handle(read.database, [ContactChanged(aggregate_id=person, aggregate_version=4, sealed=older)])
    assert await read.state() == before


@pytest.mark.parametrize("read", [("notifications", "deliveries-requests")], indirect=True)
@pytest.mark.parametrize("version", ["abc", "1 person:x", "1:2", ["1"], "cancelled", ""])
async def test_a_version_that_is_no_number_jams_nothing(read, version):
    """A request for an unknown event and a version of rubbish is refused; those that wait for others go on."""
    state = notifications.event()
    person = await notifications.publish_contact(read.database)
    bad = notifications.requested(
        Template.CHANGED, person_id=person, event_id=state.id, data={"event_version": version}
    )
    await refused(read, bad)
    waiting = notifications.requested(Template.CHANGED, person_id=person, event_id=state.id)
    (_, requests) = delivery_consumers(VAULT)
    await requests.handle(read.database, [waiting])
    await notifications.publish_event(read.database, state)
    assert await requests.retry_parked(read.database) == 1


@pytest.mark.parametrize("read", [("registrations", "registrations-events")], indirect=True)
async def test_an_event_of_the_year_9999_or_1_stops_no_timer(read):
    """Far times are kept: admission compares them, and nothing that is counted from them overflows."""
    for year in (1, 9999):
        state = registrations.event(1)
        at = datetime(year, 12, 31, 22, tzinfo=UTC)
        session = state.sessions[0].model_copy(update={"starts_at": at, "ends_at": at})
        state = state.model_copy(update={"sessions": [session]})
        message = EventPublished(aggregate_id=state.id, aggregate_version=1, event=state)
        await read.consumer.handle(read.database, [message])
        assert await read.has(message)


@pytest.mark.parametrize("read", [("notifications", "deliveries-registrations")], indirect=True)
async def test_a_place_confirmed_twice_under_two_ids_is_two_messages(read):
    """The id of the message is what makes it one: the ledger has a row for each, as it would for two changes."""
    before = await read.count("deliveries")
    first = await read.good()
    again = RegistrationConfirmed.model_validate(first.model_dump() | {"message_id": uuid4()})
    await asyncio.gather(*(read.consumer.handle(read.database, [m]) for m in (first, again, first, again)))
    assert await read.count("deliveries") == before + 2
