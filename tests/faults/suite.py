"""The trials of the test suite: each kind of fault twenty times, in files of their own that share the cores."""

import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.faults.trial import Plan, attempt
from tests.support.machine import NO_KAFKA, Machine

TIMES = 20
SEED = 20261123


async def assert_books_balance(machine: Machine, folder: Path, kinds: Sequence[str], *, embedded: bool = False) -> None:
    """Shuffle the faults, carry them out under load, and find nothing wrong in the books."""
    if not (embedded or machine.has_real_kafka):
        pytest.skip(NO_KAFKA)
    faults = random.Random(SEED).sample(kinds, len(kinds))
    outcome = await attempt(Plan(SEED, faults, embedded=embedded, gap=0.25, at_once=10, volley=60), folder)
    assert not outcome.findings
    assert outcome.happened == Counter(kinds)
