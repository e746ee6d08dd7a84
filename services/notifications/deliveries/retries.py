"""What becomes of a delivery after an attempt. Nothing here reads or writes anything.

The rules:
- Not retryable: `failed` at once. Refused because the person opted out with the provider: `suppressed`, and from then
  on with us.
- Retryable: again at once, then after 30 s, 1 min, 2 min and so on, at most an hour apart, each with half to one and a
  half times that; 48 hours after the delivery was written it is `failed`.
- Throttled: the same without the attempt at once, from one minute on, and never before the provider says.
- Unknown (an answer that did not come, a lease that ran out): SMS by a provider that knows our idempotency key, and
  mail, whose Message-ID stays: again at once, under the same key. SMS by a provider that does not: a receipt settles
  it, and only where none came within ten minutes it is sent again. That may tell somebody twice, and does so only if
  the provider took the first one and lost its receipt; never to send again would leave people without word.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.notifications.deliveries.claiming import Claim
from services.notifications.deliveries.model import State
from services.notifications.providers.port import (
    Accepted,
    DeliveryError,
    NotRetryableError,
    OptedOutError,
    ThrottledError,
    UnknownOutcomeError,
)
from shared.contracts.deliveries import DeliveryChannel

_FIRST_WAIT = timedelta(seconds=30)
_FIRST_THROTTLED_WAIT = timedelta(minutes=1)
_LONGEST_WAIT = timedelta(hours=1)


@dataclass(frozen=True)
class Rules:
    """How long to wait, per deployment."""

    give_up_after: timedelta
    unknown_wait: Mapping[DeliveryChannel, timedelta]


@dataclass(frozen=True)
class Attempt:
    """How one attempt went, for the ledger. `next_at` is when to try again."""

    claim: Claim
    state: State
    at: datetime
    next_at: datetime
    provider: str
    provider_id: str | None = None
    segments: int | None = None
    error_code: str | None = None


def accepted(claim: Claim, answer: Accepted, provider: str, segments: int | None, now: datetime) -> Attempt:
    """The provider has it."""
    return Attempt(claim, State.SENT, now, now, provider, answer.provider_id, segments)


def not_begun(claim: Claim, now: datetime) -> Attempt:
    """There was no time left to call the provider within the lease: due again at once."""
    return Attempt(claim, State.QUEUED, now, now, "", error_code="not-begun")


def failed(claim: Claim, error: DeliveryError, provider: str, rules: Rules, now: datetime) -> Attempt:
    """The attempt failed: what follows from the kind of failure and from how often and how long it was tried."""
    state, wait = _next(claim, error, rules)
    if state in {State.QUEUED, State.UNKNOWN} and now + wait > claim.created_at + rules.give_up_after:
        state = State.FAILED
    return Attempt(claim, state, now, now + wait, provider, error_code=error.code)


def _next(claim: Claim, error: DeliveryError, rules: Rules) -> tuple[State, timedelta]:
    if isinstance(error, OptedOutError):
        return State.SUPPRESSED, timedelta(0)
    if isinstance(error, NotRetryableError):
        return State.FAILED, timedelta(0)
    if isinstance(error, UnknownOutcomeError):
        return State.UNKNOWN, max(rules.unknown_wait[claim.channel], backoff(claim.attempt))
    if isinstance(error, ThrottledError):
        own = _growing(_FIRST_THROTTLED_WAIT, claim.attempt - 1)
        return State.QUEUED, max(own, error.wait or own)
    return State.QUEUED, backoff(claim.attempt)


def backoff(attempt: int) -> timedelta:
    """The wait after this attempt (the first is 1): none, then from 30 s doubling to an hour, with jitter."""
    return timedelta(0) if attempt <= 1 else _growing(_FIRST_WAIT, attempt - 2)


def _growing(first: timedelta, doublings: int) -> timedelta:
    whole: timedelta = min(_LONGEST_WAIT, first * (1 << min(doublings, 12)))
    return whole * random.uniform(0.5, 1.5)
