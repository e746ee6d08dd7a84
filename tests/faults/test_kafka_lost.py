"""Kafka loses its disk, or finds it full, while those who write to it and read from it are broken too."""

import pytest

from tests.faults.suite import MARKS, TIMES, TIMES_AT_BROKER, assert_balanced, carry_out
from tests.support.machine import NO_KAFKA

pytestmark = MARKS

LOST = ["kafka-emptied", "kafka-full"]
BESIDE = ["events-worker", "registrations-worker", "notifications-worker", "zombie", "postgres"]


async def test_the_books_balance_when_kafka_lost_its_log(machine, tmp_path):
    """The outboxes fill the log again, the inboxes drop what they had, and nobody is told twice or forgotten."""
    if not machine.has_real_kafka:
        pytest.skip(NO_KAFKA)
    kinds = LOST * TIMES_AT_BROKER + BESIDE * TIMES
    assert_balanced(await carry_out(tmp_path, kinds), kinds)
