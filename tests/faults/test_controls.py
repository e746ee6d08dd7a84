"""Negative controls: with a guard switched off, the same trial finds what the guard is there for."""

import asyncio

import pytest

from tests.faults.broken import CONTROLS
from tests.faults.trial import Outcome, Plan, attempt
from tests.support.machine import NO_KAFKA

pytestmark = pytest.mark.timeout(400)

TRIALS = {
    "inbox": (["registrations-worker", "kafka-emptied"], "text"),
    "outbox": (["registrations-api", "registrations-worker"] * 4, "history"),
    "lock": (["registrations-api"], "oversold"),
    "ledger": (["provider-late", "notifications-worker"] * 4, "ledger twice"),
    "look": (["kafka-emptied"], "order"),
}
"""What breaks, and the rules of which one has to be found broken."""


@pytest.fixture(scope="module")
async def outcomes(machine, tmp_path_factory) -> dict[str, Outcome]:
    """All at once, each in a house of its own: they wait more than they work."""
    if not machine.has_real_kafka:
        pytest.skip(NO_KAFKA)
    plans = [Plan(5, TRIALS[control][0], control=control, patience=12) for control in CONTROLS]
    trials = (attempt(plan, tmp_path_factory.mktemp(plan.control)) for plan in plans)
    return dict(zip(CONTROLS, await asyncio.gather(*trials), strict=True))


@pytest.mark.parametrize("control", sorted(CONTROLS))
def test_the_checker_finds_what_a_missing_guard_lets_through(outcomes, control):
    """Without a guard the trial finds its absence.

    Without the inbox a text is answered twice; without the outbox in the change's transaction the history has gaps;
    without the pool's lock there are more people than places; without the ledger before the call there are
    notifications that it knows nothing of, or that came twice; without the look at new connections
    an emptied log has the newer first.
    """
    found = {finding.rule for finding in outcomes[control].findings}
    assert found & set(TRIALS[control][1].split())
