"""The trials of the test suite: each kind of fault twenty times, in files of their own that share the cores.

What stops Kafka costs a start of it each time, some five seconds. Such kinds are tried three times here, so that the
whole suite stays below twenty minutes on two cores, and twenty times, with a minute without Kafka, in the long form:
`TEILHABE_FAULTS_AT_BROKER=20 make test TESTS=tests/faults`.
"""

import os
import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.faults.trial import Outcome, Plan, attempt

MARKS = [
    pytest.mark.timeout(600),
    # what aiokafka leaves open when the broker ends while a client of the trial itself connects
    pytest.mark.filterwarnings("ignore:Exception ignored in.*(StreamWriter|AIOKafkaConnection)"),
]
TIMES = 20
TIMES_AT_BROKER = int(os.environ.get("TEILHABE_FAULTS_AT_BROKER", "3"))
MINUTE = ["kafka-minute"] if TIMES_AT_BROKER >= TIMES else []
SEED = 20261123


async def carry_out(folder: Path, kinds: Sequence[str], *, embedded: bool = False) -> Outcome:
    """Break all this in an order of the seed's, under load; half way everything has to work again."""
    faults = random.Random(SEED).sample(kinds, len(kinds))
    plan = Plan(
        SEED, faults, embedded=embedded, gap=0.25, at_once=10, volley=len(faults) // 2 + 1, residents=20, patience=180
    )
    return await attempt(plan, folder)


def assert_balanced(outcome: Outcome, kinds: Sequence[str]) -> None:
    """The checker found nothing, and everything happened that was to happen."""
    assert not outcome.findings
    assert outcome.happened == Counter(kinds)
