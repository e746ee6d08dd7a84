"""Kafka goes away and comes back with all that it had, while those who answer people and providers are broken too."""

import pytest

from tests.faults.suite import MARKS, MINUTE, TIMES, TIMES_AT_BROKER, assert_balanced, carry_out
from tests.support.machine import NO_KAFKA

pytestmark = MARKS

AWAY = ["broker", "kafka-stopped"]
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
    """Killed, stopped, in the long form gone for a minute: what people were promised meanwhile reaches everybody."""
    if not machine.has_real_kafka:
        pytest.skip(NO_KAFKA)
    kinds = AWAY * TIMES_AT_BROKER + BESIDE * TIMES + MINUTE
    assert_balanced(await carry_out(tmp_path, kinds), kinds)
