"""One trial: load all the time, faults at random moments of the seed, then rest, then the books."""

import asyncio
import random
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import aiohttp

from tests.faults.books import Books, read_books
from tests.faults.checker import check
from tests.faults.faults import BY_HAND, KINDS, QUICK, Pace
from tests.faults.finding import Finding
from tests.faults.house import CRASH, SMS_UNKNOWN_WAIT, Crash, House, running_house
from tests.faults.journal import Journal
from tests.faults.load import Load
from tests.faults.organiser import ACTIVE, Organiser
from tests.faults.rest import come_to_rest
from tests.faults.watch import Watch


@dataclass
class Plan:
    """What a trial does. `gap` is the longest pause in seconds between the beginnings of two faults.

    After each `volley` of faults the next one waits until everything works again.
    """

    seed: int
    kinds: Sequence[str]
    quick: bool = True
    embedded: bool = False
    control: str = ""
    gap: float = 1.0
    at_once: int = 3
    volley: int = 10
    longest: float = 10_000.0
    residents: int = 32
    patience: float = 120.0
    say: Callable[[str], None] = print

    @property
    def pace(self) -> Pace:
        return QUICK if self.quick else BY_HAND


@dataclass
class Outcome:
    """What came of a trial. `normal` are the seconds from each crash until everything worked again."""

    findings: list[Finding]
    happened: Counter[str] = field(default_factory=Counter)
    normal: dict[str, list[float | None]] = field(default_factory=dict)
    entries: int = 0
    accepted: int = 0
    rest_seconds: float = 0.0

    def table(self) -> Iterator[str]:
        """For people."""
        yield f"{'fault':22}{'times':>6}  {'normal after: median':>20}{'longest':>9}"
        for kind, count in sorted(self.happened.items()):
            known = [seconds for seconds in self.normal[kind] if seconds is not None]
            figures = f"{statistics.median(known):18.1f} s{max(known):7.1f} s" if known else ""
            yield f"{kind:22}{count:6}  {figures}"
        yield f"{self.entries} answers noted, {self.accepted} notifications handed over, rest {self.rest_seconds:.1f} s"
        rules = Counter(finding.rule for finding in self.findings)
        yield f"findings: {dict(rules) or 'none'}"
        yield from (f"  {finding.rule}: {finding.what}" for finding in self.findings[:40])


async def attempt(plan: Plan, folder: Path) -> Outcome:
    """Carry out the plan; what it leaves in the folder tells of the processes and of the answers."""
    async with running_house(folder, embedded=plan.embedded, quick=plan.quick, control=plan.control) as house:
        journal = Journal(folder / "journal.jsonl")
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as http:
            try:
                outcome = await _carry_out(plan, house, journal, http)
            finally:
                journal.close()
    for line in outcome.table():
        plan.say(line)
    return outcome


async def _carry_out(plan: Plan, house: House, journal: Journal, http: aiohttp.ClientSession) -> Outcome:
    dice = random.Random(plan.seed)
    organiser = Organiser(house, journal, http, random.Random(dice.random()))
    await organiser.begin()
    probed = await organiser.publish(capacity=100_000)
    await asyncio.gather(*(organiser.publish() for _ in range(ACTIVE)))
    load = Load(house, journal, organiser, http)
    watch = Watch(load, probed)
    background = [asyncio.create_task(work) for work in (organiser.work(), watch.run(), house.supervise())]
    people = asyncio.create_task(load.run(random.Random(dice.random()), plan.residents))
    await asyncio.sleep(1)
    crashes = await _break_things(plan, house, watch, dice)
    await _end([people, *background[:2]])
    plan.say("everybody who waits gets an offer")
    await organiser.open_wide()
    began = time.monotonic()
    lefts = await come_to_rest(house, plan.patience)
    rest_seconds = time.monotonic() - began
    await _end(background[2:])
    plan.say("at rest; reading the books")
    books = await read_books(house, journal, SMS_UNKNOWN_WAIT)
    return _outcome(plan, house, books, watch, crashes, lefts, rest_seconds)


async def _break_things(plan: Plan, house: House, watch: Watch, dice: random.Random) -> list[Crash]:
    """Volley by volley; what happened, and when."""
    crashes: list[Crash] = []
    started = time.monotonic()
    for first in range(0, len(plan.kinds), plan.volley):
        if time.monotonic() - started < plan.longest:
            await _volley(plan, house, plan.kinds[first : first + plan.volley], dice, crashes)
            await _until_normal(watch, plan.patience)
            took = time.monotonic() - max(crash.at for crash in crashes)
            plan.say(f"everything works {took:.1f} s after the last of {len(crashes)} faults")
    return crashes


async def _volley(plan: Plan, house: House, kinds: Sequence[str], dice: random.Random, crashes: list[Crash]) -> None:
    room = asyncio.Semaphore(plan.at_once)

    async def fault(kind: str, seed: float) -> None:
        crashes.append(crash := Crash(kind, time.monotonic()))
        CRASH.set(crash)
        plan.say(f"{datetime.now(UTC):%H:%M:%S}  {kind}")
        try:
            await KINDS[kind](house, random.Random(seed), plan.pace)
        finally:
            room.release()

    tasks = []
    for kind in kinds:
        await asyncio.sleep(dice.uniform(0, plan.gap))
        await room.acquire()
        tasks.append(asyncio.create_task(fault(kind, dice.random())))
    await asyncio.gather(*tasks)


async def _until_normal(watch: Watch, patience: float) -> None:
    now = time.monotonic()
    while watch.normal_after(now) is None and time.monotonic() < now + patience:  # noqa: ASYNC110 - a poll with an end
        await asyncio.sleep(0.2)


async def _end(tasks: list[asyncio.Task]) -> None:
    for task in tasks:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def _outcome(
    plan: Plan,
    house: House,
    books: Books,
    watch: Watch,
    crashes: list[Crash],
    lefts: list[str],
    rest_seconds: float,
) -> Outcome:
    findings = check(books, complete_log=not plan.embedded)
    findings += [Finding("no-rest", left) for left in lefts]
    findings += [Finding("ended-alone", name) for name in house.ended_alone]
    outcome = Outcome(findings, entries=len(books.journal), accepted=len(books.accepted), rest_seconds=rest_seconds)
    for crash in crashes:
        outcome.happened[crash.kind] += 1
        outcome.normal.setdefault(crash.kind, []).append(watch.normal_after(crash.at))
    unhealed = [kind for kind, seconds in outcome.normal.items() if None in seconds]
    findings += [Finding("never-normal", kind) for kind in unhealed]
    return outcome
