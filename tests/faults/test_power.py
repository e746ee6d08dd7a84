"""The power goes out again and again; and so it does on a machine that has the embedded broker alone."""

import pytest

from tests.faults.faults import KINDS
from tests.faults.suite import TIMES, assert_books_balance
from tests.faults.test_kafka_away import AWAY
from tests.faults.test_kafka_away import BESIDE as BESIDE_AWAY
from tests.faults.test_kafka_lost import BESIDE as BESIDE_LOST
from tests.faults.test_kafka_lost import LOST

pytestmark = pytest.mark.timeout(600)


async def test_the_books_balance_after_every_power_cut(machine, tmp_path):
    """Every process, the database server and Kafka end in the same moment, and nothing is lost, doubled or oversold."""
    await assert_books_balance(machine, tmp_path, ["everything"] * TIMES)


async def test_the_books_balance_on_the_embedded_broker(machine, tmp_path):
    """The broker of `make up` forgets all at each crash, and nothing is lost for it."""
    kinds = ["broker"] * TIMES + ["everything", "registrations-worker", "postgres"] * 2
    await assert_books_balance(machine, tmp_path, kinds, embedded=True)


def test_every_kind_of_fault_is_in_the_suite():
    """A fault that is added is tried twenty times, or stands here as one that is not."""
    assert {*AWAY, *LOST, *BESIDE_AWAY, *BESIDE_LOST, "everything", "kafka-minute"} == set(KINDS)
