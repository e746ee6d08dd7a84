"""Everything at once: the power goes out, on Apache Kafka and on a machine that has the embedded broker alone."""

import asyncio

import pytest

from tests.faults.faults import KINDS
from tests.faults.suite import MARKS, TIMES_AT_BROKER, assert_balanced, carry_out
from tests.faults.test_kafka_away import AWAY
from tests.faults.test_kafka_away import BESIDE as BESIDE_AWAY
from tests.faults.test_kafka_lost import BESIDE as BESIDE_LOST
from tests.faults.test_kafka_lost import LOST
from tests.faults.trial import Outcome
from tests.support.machine import NO_KAFKA

pytestmark = MARKS

CUT = ["everything", "kafka-frozen"]
ON_KAFKA = CUT * TIMES_AT_BROKER
EMBEDDED = ["broker"] * TIMES_AT_BROKER + ["everything", "registrations-worker", "postgres"] * 2


@pytest.fixture(scope="module")
async def outcomes(machine, tmp_path_factory) -> dict[str, Outcome]:
    """Both at once, each in a house of its own: they wait more than they work."""
    trials = {"embedded": carry_out(tmp_path_factory.mktemp("embedded"), EMBEDDED, embedded=True)}
    if machine.has_real_kafka:
        trials["kafka"] = carry_out(tmp_path_factory.mktemp("kafka"), ON_KAFKA)
    return dict(zip(trials, await asyncio.gather(*trials.values()), strict=True))


def test_the_books_balance_after_every_power_cut(outcomes):
    """Every process, the database server and Kafka end in the same moment, and nothing is lost, doubled or oversold.

    What was answered is there, everybody was told once, every copy equals its source, and nothing is left lying about.
    """
    if "kafka" not in outcomes:
        pytest.skip(NO_KAFKA)
    assert_balanced(outcomes["kafka"], ON_KAFKA)


def test_the_books_balance_on_the_embedded_broker(outcomes):
    """The broker of `make up` forgets all at each crash, and nothing is lost for it."""
    assert_balanced(outcomes["embedded"], EMBEDDED)


def test_every_kind_of_fault_is_in_the_suite():
    """A fault that is added is tried here."""
    assert {*AWAY, *LOST, *CUT, *BESIDE_AWAY, *BESIDE_LOST, "kafka-minute"} == set(KINDS)
