"""What a contract can read and is odd all the same: handled by a rule, or refused with the state as it was."""

import asyncio
import json
import os
from datetime import timedelta
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from shared.messaging.consumption import is_transient
from tests.badinput.kafka import rubbish
from tests.badinput.kafka.readers import NAMES, reading

CASES = int(os.environ.get("TEILHABE_CASES", "60"))
NUMBERS = st.sampled_from([0, 1, -1, 2**31 - 1, 2**31, 2**63 - 1, 2**63, 2**70, -(2**31), -(2**63)])
TIMES = st.sampled_from(
    [
        "0001-01-01T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "1969-12-31T23:59:59.999999Z",
        "9999-12-31T23:59:59.999999Z",
        "9999-12-31T23:59:59-14:00",
        "2026-11-23T10:00:00",
        "2026-02-30T10:00:00Z",
        "2027-03-28T02:30:00+01:00",
        "infinity",
        -62_135_596_800,
        1e18,
    ]
)
WORDS = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        ["", " ", "\0", "\u202e", "k1.", "k1.AAAA", "x" * 200_000, "Europe/Nowhere", "../../etc", "{{7*7}}"]
    ),
)
IDS = st.sampled_from([str(uuid4()), "00000000-0000-0000-0000-000000000000", "f" * 32, "no-id"])
LEAVES = st.one_of(NUMBERS, TIMES, WORDS, IDS, st.booleans(), st.none(), st.floats(allow_nan=False))
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(["de", "x", "id"]), inner)),
    max_leaves=4,
)


@pytest.fixture(scope="module")
async def read(request, database_url):
    """The reader that the tests are about."""
    service, name = request.param
    async with reading(service, name, database_url(f"wire_{service}")) as reader:
        yield reader


def paths(content, at=()):
    """Every place in a message, the whole parts too."""
    inside = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for step, inner in inside:
        yield (*at, step)
        yield from paths(inner, (*at, step))


async def handle(reader, value):
    """As the worker does: the error, if the record is one to set aside."""
    try:
        message = TypeAdapter(reader.consumer.contract).validate_json(value)
        await reader.consumer.handle(reader.database, [message])
    except Exception as error:  # noqa: BLE001 - the worker decides by the kind of error
        return error
    return None


@pytest.mark.parametrize("read", NAMES, indirect=True)
async def test_a_changed_message_is_handled_or_refused_for_good(read):
    """Whatever stands in whichever field: no error looks like an outage, and a refused message leaves no trace."""
    loop = asyncio.get_running_loop()
    refused = []

    async def one(value):
        before = await read.state()
        error = await handle(read, value)
        if error is not None:
            assert not is_transient(error)
            assert await read.state() == before
            refused.append(error)

    def wait(work):
        return asyncio.run_coroutine_threadsafe(work, loop).result(30)

    @settings(
        max_examples=CASES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), database=None
    )
    @given(data=st.data())
    def tried(data):
        good = wait(read.good())
        path = data.draw(st.sampled_from(sorted(paths(json.loads(good.model_dump_json())), key=str)))
        wait(one(rubbish.changed(good, path, data.draw(VALUES))))

    await asyncio.to_thread(tried)
    assert refused
    assert await handle(read, (await read.good()).model_dump_json().encode()) is None


@pytest.mark.parametrize("read", NAMES, indirect=True)
async def test_fields_of_tomorrow_are_passed_over(read):
    """A newer publisher's fields, in the message and in each part of it, stop no older reader."""
    message = await read.good()
    content = json.loads(message.model_dump_json())
    for path in list(paths(content)):
        inner = content
        for step in path:
            inner = inner[step]
        if isinstance(inner, dict) and path[-1] in {"event", "venue", "contact", "counts"}:
            inner["field_of_tomorrow"] = {"a": [1]}
    content["field_of_tomorrow"] = "x" * 100_000
    assert await handle(read, json.dumps(content).encode()) is None
    assert await read.has(message)


@pytest.mark.parametrize("read", NAMES, indirect=True)
async def test_a_message_without_its_name_is_refused(read):
    """Without its id a redelivery would count again, and without its type it may be anything."""
    for field in ("message_id", "type"):
        assert isinstance(await handle(read, rubbish.changed(await read.good(), (field,), ...)), ValidationError)


@pytest.mark.parametrize("read", NAMES, indirect=True)
async def test_the_first_of_two_messages_with_one_id_counts(read):
    """In one batch as in two: what comes second under the same id changes nothing."""
    first, second = await read.good(), await read.good()
    second = second.model_copy(update={"message_id": first.message_id})
    await read.consumer.handle(read.database, [first])
    after_first = await read.state()
    await read.consumer.handle(read.database, [second])
    assert await read.state() == after_first


@pytest.mark.parametrize("read", NAMES, indirect=True)
async def test_old_and_coming_times_make_no_difference(read):
    """A message from the year 1 or 9999 is handled: only versions say what is newer."""
    for age in (timedelta(days=-365_000), timedelta(days=365_000)):
        message = await read.good()
        odd = message.model_copy(update={"occurred_at": message.occurred_at + age})
        assert await handle(read, odd.model_dump_json().encode()) is None
        assert await read.has(message)


@pytest.mark.parametrize("read", NAMES, indirect=True)
@pytest.mark.parametrize("version", [2**63, 2**64, 2**200])
async def test_a_version_beyond_the_database_is_refused_or_not_kept(read, version):
    """The largest version that a table holds is 2^63 - 1; a larger one stops nobody."""
    before = await read.state()
    message = (await read.good()).model_copy(update={"aggregate_version": version})
    before = await read.state()
    error = await handle(read, message.model_dump_json().encode())
    if error is not None:
        assert not is_transient(error)
        assert await read.state() == before
