"""Two messages under one id: the first counts, whether they come together or one after the other."""

import pytest

from tests.badinput.kafka.readers import NAMES, reading


@pytest.fixture
async def read(request, database_url):
    """The reader that the test is about."""
    service, name = request.param
    async with reading(service, name, database_url(f"wire_{service}")) as reader:
        yield reader


@pytest.mark.parametrize("read", [name for name in NAMES if name[1] != "registrations-sms"], indirect=True)
@pytest.mark.parametrize("together", [True, False], ids=["one batch", "two batches"])
async def test_the_first_of_two_messages_with_one_id_counts(read, together):
    """What comes second under an id is dropped, though its content is another one."""
    applied = []

    async def apply(_session, messages):
        applied.extend(messages)

    object.__setattr__(read.consumer, "apply", apply)
    first, second, third = await read.good(), await read.good(), await read.good()
    second = second.model_copy(update={"message_id": first.message_id})
    for batch in ([first, second, third],) if together else ([first], [second], [third]):
        await read.consumer.handle(read.database, batch)
    assert applied == [first, third]
