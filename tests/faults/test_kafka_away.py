"""Kafka goes away and comes back with all that it had, while those who answer people and providers are broken too."""

import pytest

from tests.faults.suite import TIMES, assert_books_balance

pytestmark = pytest.mark.timeout(600)

AWAY = ["broker", "kafka-stopped", "kafka-frozen"]
BESIDE = [
    "events-api",
    "registrations-api",
    "notifications-api",
    "connections",
    "provider-late",
    "provider-error",
    "provider-drop",
]


async def test_the_books_balance_when_kafka_was_away(machine, tmp_path):
    """Killed, stopped, frozen, and gone for a whole minute: what people were promised meanwhile reaches everybody."""
    await assert_books_balance(machine, tmp_path, [*(AWAY + BESIDE) * TIMES, "kafka-minute"])
