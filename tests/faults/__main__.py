"""Break the system again and again under load, and balance the books: `make faults N=100 SEED=7`.

Exit code 1 if the checker finds anything; with `--control`, which switches a guard off, if it finds nothing.
"""

import argparse
import asyncio
import random
import signal
import sys
import tempfile
from pathlib import Path

from tests.faults.broken import CONTROLS
from tests.faults.faults import KINDS, NEEDS_KAFKA
from tests.faults.trial import Outcome, Plan, attempt


def say(text: str) -> None:
    """One line, at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> None:
    """Carry out what the command line asks for."""
    given = _parser().parse_args()
    seed = given.seed if given.seed is not None else random.SystemRandom().randrange(10**6)
    folder = Path(given.folder or tempfile.mkdtemp(prefix="teilhabe-faults-"))
    folder.mkdir(parents=True, exist_ok=True)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    say(f"seed {seed}; logs and journal are in {folder}")
    outcome = asyncio.run(attempt(plan_of(given, seed), folder))
    sys.exit(_failed(outcome, control=bool(given.control)))


def _failed(outcome: Outcome, *, control: bool) -> bool:
    return (not outcome.findings) if control else bool(outcome.findings)


def plan_of(given: argparse.Namespace, seed: int) -> Plan:
    """`--count` of each kind, shuffled by the seed."""
    possible = [kind for kind in KINDS if not (given.embedded and kind in NEEDS_KAFKA)]
    kinds = given.kinds.split(",") if given.kinds else possible
    if unknown := set(kinds) - set(possible):
        sys.exit(f"These kinds are unknown here: {', '.join(sorted(unknown))}. Known: {', '.join(possible)}")
    faults = kinds * given.count
    random.Random(seed).shuffle(faults)
    return Plan(
        seed,
        faults,
        quick=given.quick,
        embedded=given.embedded,
        control=given.control,
        gap=1.0 if given.quick else 4.0,
        at_once=given.at_once,
        volley=given.volley,
        longest=given.seconds,
        patience=120.0 if given.quick else 300.0,
        say=say,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--count", type=int, default=1, help="how many of each kind (default: 1)")
    parser.add_argument("--seed", type=int, help="makes the choice and order of the faults the same again")
    parser.add_argument("--kinds", default="", help=f"some of: {','.join(KINDS)} (default: all)")
    parser.add_argument("--control", default="", choices=["", *CONTROLS], help="switch this guard off")
    parser.add_argument("--embedded", action="store_true", help="on the embedded broker instead of Apache Kafka")
    parser.add_argument("--quick", action="store_true", help="short faults and retries, as in the test suite")
    parser.add_argument("--at-once", type=int, default=3, help="most faults at the same time (default: 3)")
    parser.add_argument("--volley", type=int, default=6, help="faults until it must work again (default: 6)")
    parser.add_argument("--seconds", type=float, default=36_000, help="begin no fault after this time")
    parser.add_argument("--folder", help="takes logs and journal (default: a new temporary folder)")
    return parser


if __name__ == "__main__":
    main()
