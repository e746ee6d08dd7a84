"""Kafka loses its disk, or finds it full, while those who write to it and read from it are broken too."""

import pytest

from tests.faults.suite import TIMES, assert_books_balance

pytestmark = pytest.mark.timeout(600)

LOST = ["kafka-emptied", "kafka-full"]
BESIDE = ["events-worker", "registrations-worker", "notifications-worker", "zombie", "postgres"]


async def test_the_books_balance_when_kafka_lost_its_log(machine, tmp_path):
    """The outboxes fill the log again, the inboxes drop what they had, and nobody is told twice or forgotten."""
    await assert_books_balance(machine, tmp_path, (LOST + BESIDE) * TIMES)
