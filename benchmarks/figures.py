"""The figures: their names, units and aims (issue 4), and how they are shown and kept."""

import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RESULT = Path("build/bench.json")


@dataclass(frozen=True)
class Figure:
    """`at_least` or `at_most` is the aim; neither means that the figure is only told."""

    unit: str
    at_least: float | None = None
    at_most: float | None = None

    @property
    def aim(self) -> str:
        """The aim as people write it, or nothing."""
        if self.at_least is not None:
            return f"≥ {self.at_least:,g}"
        return "" if self.at_most is None else f"≤ {self.at_most:,g}"

    def verdict(self, value: float) -> str:
        """`met`, `missed`, or nothing without an aim."""
        if self.at_least is None and self.at_most is None:
            return ""
        met = (self.at_least is None or value >= self.at_least) and (self.at_most is None or value <= self.at_most)
        return "met" if met else "missed"


FIGURES = {
    "hot_event.decided_per_s": Figure("registrations/s", at_least=3000),
    "hot_event.p50_ms": Figure("ms"),
    "hot_event.p99_ms": Figure("ms", at_most=100),
    "hot_event.framework_ratio": Figure("× the framework's own POST", at_least=0.7),
    "hot_event.sql_ratio": Figure("× one row locked by raw asyncpg", at_least=2),
    "hot_event.statements_per_registration": Figure("statements"),
    "spread.decided_per_s": Figure("registrations/s"),
    "growth.ratio": Figure("× the cost with 1,000 rows", at_most=1.1),
    "relay.messages_per_s": Figure("messages/s", at_least=20_000),
    "consume.messages_per_s": Figure("messages/s", at_least=20_000),
    "end_to_end.p50_ms": Figure("ms"),
    "end_to_end.p99_ms": Figure("ms", at_most=250),
    "programme.pages_per_s": Figure("pages/s"),
    "programme.p99_ms": Figure("ms"),
    "memory.idle_mib": Figure("MiB", at_most=600),
    "memory.peak_mib": Figure("MiB"),
    "start.first_page_s": Figure("s"),
}


def shown(value: float) -> str:
    """A figure with as many digits as it deserves."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def rows(values: Mapping[str, float]) -> list[tuple[str, str, str, str, str]]:
    """Name, figure, unit, aim and verdict of each figure that was measured, in the order of the issue."""
    return [
        (name, shown(values[name]), figure.unit, figure.aim, figure.verdict(values[name]))
        for name, figure in FIGURES.items()
        if name in values
    ]


def table(values: Mapping[str, float]) -> str:
    """The figures as text for a terminal."""
    lines = [("figure", "", "unit", "aim", ""), *rows(values)]
    widths = [max(len(line[column]) for line in lines) for column in range(5)]
    return "\n".join(
        f"{name:{widths[0]}}  {value:>{widths[1]}}  {unit:{widths[2]}}  {aim:>{widths[3]}}  {verdict}".rstrip()
        for name, value, unit, aim, verdict in lines
    )


def write(values: Mapping[str, float], also: Mapping[str, Any], file: Path) -> None:
    """Keep the figures by their names, and under `run` what the docs tell beside them."""
    file.parent.mkdir(parents=True, exist_ok=True)
    whole = {name: values[name] for name in FIGURES if name in values}
    file.write_text(json.dumps(whole | {"run": dict(also)}, indent=2) + "\n")


def machine() -> dict[str, Any]:
    """What the figures depend on."""
    import os

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "cores": cores,
        "processor": platform.machine(),
        "system": platform.system(),
        "python": platform.python_version(),
    }
