"""The trials of the test suite: each kind of fault twenty times, in files of their own that share the cores."""

import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tests.faults.trial import Outcome, Plan, attempt

TIMES = 20
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
