"""The system is broken again and again under load, and its books balance."""

import random
from collections import Counter

import pytest

from tests.faults.faults import KINDS, NEEDS_KAFKA
from tests.faults.trial import Plan, attempt
from tests.support.machine import NO_KAFKA

pytestmark = pytest.mark.timeout(600)

SLOW = [*sorted(NEEDS_KAFKA), "broker", "everything"]
QUICK = [kind for kind in KINDS if kind not in SLOW]
TIMES, SLOW_TIMES = 20, 2
SEED = 20261123


def shuffled(kinds: list[str]) -> list[str]:
    random.Random(SEED).shuffle(kinds)
    return kinds


async def test_the_books_balance_after_every_kind_of_crash(machine, tmp_path):
    """Whatever is killed, frozen, emptied, filled or crowded out, nothing is lost, doubled or oversold.

    What was answered is there, everybody was told once, every copy equals its source, and nothing is left lying about.
    """
    if not machine.has_real_kafka:
        pytest.skip(NO_KAFKA)
    kinds = shuffled(QUICK * TIMES + SLOW * SLOW_TIMES)
    outcome = await attempt(Plan(SEED, kinds, gap=0.25, at_once=10, volley=63), tmp_path)
    assert not outcome.findings
    assert outcome.happened == Counter(kinds)


async def test_the_books_balance_on_the_embedded_broker(tmp_path):
    """The broker of `make up` forgets all at each crash, and nothing is lost for it."""
    kinds = shuffled(["broker"] * 5 + ["everything"] * 2 + ["registrations-worker", "postgres"])
    outcome = await attempt(Plan(SEED, kinds, embedded=True), tmp_path)
    assert not outcome.findings
    assert outcome.happened == Counter(kinds)
