"""Negative controls: with a guard switched off, the same trial finds what the guard is there for."""

import pytest

from tests.faults.broken import CONTROLS
from tests.faults.suite import MARKS
from tests.faults.trial import Plan, attempt
from tests.support.machine import NO_KAFKA

pytestmark = MARKS

ATTEMPTS = 3
TRIALS = {
    "inbox": (["registrations-worker", "kafka-emptied"], "text"),
    "outbox": (["registrations-api", "registrations-worker"] * 4, "history"),
    "lock": (["registrations-api"], "oversold"),
    "ledger": (["provider-late", "notifications-worker"] * 4, "ledger"),
    "look": (["kafka-emptied"], "order"),
}
"""What breaks, and the rule that has to be found broken."""


@pytest.mark.parametrize("control", sorted(CONTROLS))
async def test_the_checker_finds_what_a_missing_guard_lets_through(machine, tmp_path, control):
    """Without a guard the trial finds its absence; a crash that misses the gap is followed by another trial.

    Without the inbox a text is answered twice; without the outbox in the change's transaction the history has gaps;
    without the pool's lock there are more people than places; without the ledger before the call there are
    notifications that it knows nothing of; without the look at new connections an emptied log has the newer first.
    """
    if not machine.has_real_kafka:
        pytest.skip(NO_KAFKA)
    kinds, rule = TRIALS[control]
    found: set[str] = set()
    for number in range(ATTEMPTS):
        if rule not in found:
            plan = Plan(5 + number, kinds, control=control, residents=16, patience=8)
            outcome = await attempt(plan, tmp_path / str(number))
            found |= {finding.rule for finding in outcome.findings}
    assert rule in found
