"""`python -m benchmarks.chart`: build/bench.json as a picture, and as the table in docs/performance.md."""

import json
import math
import sys
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

from benchmarks.figures import FIGURES, RESULT, rows, shown

PICTURE = Path("docs/pictures/performance.svg")
PAGE = Path("docs/performance.md")
BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"
_WIDTH, _LEFT, _RIGHT, _ROW, _TOP = 820, 250, 250, 26, 64
_MET, _MISSED, _INK, _PALE = "#0b7a4b", "#b3261e", "#1b1b1f", "#d8dae0"
_FONT = 'font-family="system-ui, sans-serif" font-size="13"'
_SCALE = 10.0
"""The chart's axis runs from a tenth of an aim to ten times the aim."""


def main() -> None:
    """Write both. Raises FileNotFoundError before the first whole run of `python -m benchmarks`."""
    kept = json.loads(RESULT.read_text())
    figures = {name: kept[name] for name in FIGURES if name in kept}
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    PICTURE.write_text(picture(figures))
    PAGE.write_text(filled(PAGE.read_text(), figures, kept["run"]))
    sys.stdout.write(f"{PICTURE} and the table in {PAGE} show {RESULT}.\n")


def filled(page: str, figures: Mapping[str, float], run: Mapping[str, Any]) -> str:
    """The page with a new table between its marks. Raises ValueError for a page without marks."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{PAGE} needs the marks {BEGIN} and {END}")
    return f"{before}{BEGIN}\n{_markdown(figures, run)}\n{END}{after}"


def _markdown(figures: Mapping[str, float], run: Mapping[str, Any]) -> str:
    lines = ["| figure | | unit | aim | |", "|---|---:|---|---|---|"]
    lines += [
        f"| `{name}` | {value} | {unit} | {aim} | {verdict} |" for name, value, unit, aim, verdict in rows(figures)
    ]
    beside = (
        f"One run of {run['seconds']} s on {run['cores']} cores "
        f"({run['processor']}, {run['system']}, Python {run['python']}). "
        f"Beside it: the framework alone answered {shown(run['framework_per_s'])} POSTs/s, "
        f"for which the generator used {run['generator_cpu']:.0%} of a core; "
        "one row that raw asyncpg locks and changes took "
        f"{shown(run['locked_row_per_s'])} transactions/s; a registration took {shown(run['growth_small_us'])} µs with "
        f"1,000 rows in the database and {shown(run['growth_large_us'])} µs with 1,000,000."
    )
    return "\n".join([*lines, "", beside])


def picture(figures: Mapping[str, float]) -> str:
    """Each figure that has an aim, as a bar against it: the line is the aim, to the right of it is better."""
    aims = [name for name in figures if FIGURES[name].aim]
    height = _TOP + _ROW * len(aims) + 34
    middle = _x(1.0)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img" {_FONT}>',
        "<title>Figures against their aims</title>",
        f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<text x="16" y="26" font-size="16" font-weight="600" fill="{_INK}">Figures against their aims</text>',
        f'<text x="{middle}" y="48" text-anchor="middle" fill="{_INK}">aim</text>',
        f'<text x="{_x(_SCALE)}" y="48" text-anchor="end" fill="{_INK}">10 × better</text>',
        f'<text x="{_x(1 / _SCALE)}" y="48" fill="{_INK}">10 × worse</text>',
        *(_bar(number, name, figures[name]) for number, name in enumerate(aims)),
        f'<line x1="{middle}" y1="54" x2="{middle}" y2="{height - 28}" stroke="{_INK}" stroke-dasharray="3 3"/>',
        f'<text x="16" y="{height - 10}" fill="{_INK}">Logarithmic; made by python -m benchmarks.chart</text>',
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _bar(number: int, name: str, value: float) -> str:
    figure = FIGURES[name]
    top, middle, end = _TOP + _ROW * number, _x(1.0), _x(goodness(name, value))
    colour = _MET if figure.verdict(value) == "met" else _MISSED
    told = f"{shown(value)} {figure.unit.split(' ')[0] if figure.unit[0] != '×' else '×'} ({figure.aim})"
    return (
        f'<rect x="{_LEFT}" y="{top + 4}" width="{_WIDTH - _LEFT - _RIGHT}" height="16" fill="{_PALE}" opacity="0.4"/>'
        f'<rect x="{min(middle, end):.1f}" y="{top + 4}" width="{abs(end - middle):.1f}" height="16" fill="{colour}"/>'
        f'<text x="{_LEFT - 10}" y="{top + 17}" text-anchor="end" fill="{_INK}">{escape(name)}</text>'
        f'<text x="{_WIDTH - _RIGHT + 10}" y="{top + 17}" fill="{_INK}">{escape(told)}</text>'
    )


def goodness(name: str, value: float) -> float:
    """How many times better than its aim a figure is; 1 is the aim."""
    figure = FIGURES[name]
    if figure.at_least is not None:
        return value / figure.at_least
    return figure.at_most / value if figure.at_most is not None and value > 0 else 1.0


def _x(goodness_: float) -> float:
    share = (math.log10(min(max(goodness_, 1 / _SCALE), _SCALE)) + 1) / 2
    return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)


if __name__ == "__main__":
    main()
