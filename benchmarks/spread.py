"""The same registrations, spread over 500 events: hardly a wish finds another one to share its transaction with."""

from statistics import median

from benchmarks.places import publish_events, registrations
from benchmarks.stand import Stand

EVENTS = 500
_ROUNDS = 3
_REQUESTS = 6_000


async def measure(stand: Stand) -> dict[str, float]:
    """The median of three rounds, after a short one to warm up."""
    rates = []
    async with stand.databases("registrations") as urls:
        events = [event.id for event in await publish_events(urls["registrations"], EVENTS, 1000)]
        with stand.apis(urls, "registrations") as system:
            for number in range(-1, _ROUNDS):
                count = stand.count(_REQUESTS) // (3 if number < 0 else 1)
                outcome = await stand.load(registrations(system, events, count, f"spread-{number + 1}"))
                rates.append(outcome.rate)
    return {"spread.decided_per_s": median(rates[1:])}
