"""`python -m benchmarks [--only hot_event,spread] [--quick]`: the load figures, as a table and in build/bench.json."""

import argparse
import asyncio
import signal
import sys
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from time import monotonic

from benchmarks import end_to_end, footprint, growth, hot_event, messaging, programme, spread
from benchmarks.figures import RESULT, machine, table, write
from benchmarks.stand import BenchmarkError, Stand, running_stand

Measure = Callable[[Stand], Awaitable[dict[str, float]]]
PARTS: dict[str, Measure] = {
    "hot_event": hot_event.measure,
    "spread": spread.measure,
    "growth": growth.measure,
    "messaging": messaging.measure,
    "end_to_end": end_to_end.measure,
    "programme": programme.measure,
    "footprint": footprint.measure,
}
_OF_FIGURE = {"relay": "messaging", "consume": "messaging", "memory": "footprint", "start": "footprint"}
_LONGEST = 400.0


def main(argv: Sequence[str]) -> int:
    """Measure and print; 1 if a part could not be measured. A missed aim is a figure, not an error."""
    arguments = _arguments(argv)
    parts = _chosen(arguments.only)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what runs is stopped on the way out
    begun = monotonic()
    with tempfile.TemporaryDirectory(prefix="teilhabe-bench-") as folder:
        Path(folder).chmod(0o755)  # PostgreSQL runs as somebody else where this runs as root
        found, failed = asyncio.run(_measure_all(parts, Path(folder), quick=arguments.quick))
    sys.stdout.write(f"{table(found)}\n")
    more = {name.removeprefix("run."): value for name, value in found.items() if name.startswith("run.")}
    seconds = round(monotonic() - begun)
    if arguments.quick or failed or len(parts) < len(PARTS):
        sys.stdout.write(f"\n{seconds} s. Not kept: a whole run without --quick writes {RESULT}.\n")
    else:
        write(found, machine() | more | {"seconds": seconds}, RESULT)
        sys.stdout.write(f"\n{seconds} s. Kept in {RESULT}.\n")
    return int(failed)


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", default="", help=f"some of: {', '.join(PARTS)}; or the beginnings of figures' names")
    parser.add_argument("--quick", action="store_true", help="a tenth of the work: good for a look, not for figures")
    return parser.parse_args(argv)


def _chosen(only: str) -> list[str]:
    wanted = {_OF_FIGURE.get(name, name) for name in only.split(",") if name} or set(PARTS)
    if unknown := wanted - set(PARTS):
        raise SystemExit(f"there is no {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    return [name for name in PARTS if name in wanted]


async def _measure_all(parts: list[str], folder: Path, *, quick: bool) -> tuple[dict[str, float], bool]:
    found: dict[str, float] = {}
    failed = False
    async with running_stand(folder, quick=quick) as stand:
        for name in parts:
            sys.stderr.write(f"{name} …\n")
            try:
                found |= await asyncio.wait_for(PARTS[name](stand), _LONGEST)
            except (BenchmarkError, TimeoutError, AssertionError) as error:
                sys.stderr.write(f"{name} failed: {error or type(error).__name__}\n")
                failed = True
    return found, failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
