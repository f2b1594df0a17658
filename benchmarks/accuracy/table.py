"""The results as JSON and as one Markdown table."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

Row = dict[str, Any]
Render = Callable[[list[Row], dict[str, str]], str]

PAIR_HEADINGS = (
    "set",
    "tool",
    *(f"P / R / F1 at {threshold}" for threshold in ("0.5", "0.9", "0.99", "0.999")),
    "automatic recall at 99.9 %",
    "at 99.99 %",
    "review",
    "calibration error",
    "seconds",
    "GB",
)
_DECIDED_HEADINGS = (
    "set",
    "automatic precision",
    "automatic share of linkable",
    "decided or candidate",
    "review",
    "calibration error",
    "true false-match rate",
    "expected",
    "estimated (95 %)",
)
_NOTES = """\
Precision (P), recall (R) and F1 are of pairs with at least that match probability; recall counts true pairs that no
pass found as missed. *Automatic recall* is the largest recall over all thresholds with at least that precision; where
no threshold is that precise, the precision in brackets is the highest there is. *Review* is the share of left records
whose best candidate has 0.02 ≤ p < 0.99. *Calibration error* is over pairs with p ≥ 0.02. *splink, best only* keeps
the best pair of each left record, its probability unchanged. *Seconds* leave out starting Python, standardising for
Splink and, for ours, compiling. Rows of different dates (see the end) were not under the same load: their seconds do
not compare.

FEBRL, fake_1000, the ONS mock and pseudopeople are development sets: no model was trained on labels, but plans were
chosen by the figures that labels give, ours among more variants than Splink's: for w2_ssa and w2_census about five
against one and two, for the ONS mock two against one. There the table says what ours can reach, not what it does
unseen.
Simulations in which what a model takes for granted does not hold have a report of their own, shocks.md beside this one
(`./run bench accuracy --shocks`). The seeds of the simulations (9001, 9002, 9003) were measured, but nothing was chosen
by them.
"""


def write(
    rows: list[Row], heading: dict[str, str], folder: Path, name: str = "accuracy", render: Render | None = None
) -> None:
    """NAME.json and NAME.md in ``folder``; rows measured earlier stay unless they are measured anew."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    before = json.loads(path.read_text("utf-8"))["rows"] if path.is_file() else []
    rows = merged(before, rows)
    path.write_text(json.dumps({**heading, "rows": rows}, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    (folder / f"{name}.md").write_text((render or markdown)(rows, heading), encoding="utf-8")


def merged(before: list[Row], rows: list[Row]) -> list[Row]:
    """Rows by set and tool, new ones in the place of old ones, in the order of first appearance."""
    by_key = {(row["set"], row["tool"]): row for row in [*before, *rows]}
    sets = list(dict.fromkeys(row["set"] for row in [*before, *rows]))
    tools = list(dict.fromkeys(row["tool"] for row in sorted([*before, *rows], key=lambda row: str(row["tool"]))))
    return [by_key[key] for key in ((name, tool) for name in sets for tool in tools) if key in by_key]


def markdown(rows: list[Row], heading: dict[str, str]) -> str:
    """The whole report."""
    lines = ["# Accuracy", "", *(f"- {name}: {value}" for name, value in heading.items()), "", _NOTES]
    lines += table(PAIR_HEADINGS, [line for row in rows for line in pair_lines(row)])
    lines += ["", "What a run of doses decided by itself:", ""]
    lines += table(_DECIDED_HEADINGS, [_decided(row) for row in rows if row.get("decided")])
    return "\n".join([*lines, *failures(rows), "", "Measured:", "", *measured(rows)]) + "\n"


def failures(rows: list[Row]) -> list[str]:
    """What could not be measured, and why; nothing where all could."""
    failed = [f"- {row['set']}, {row['tool']}: {row['failure']}" for row in rows if row.get("failure")]
    return ["", "Not measured:", "", *failed] if failed else []


def measured(rows: list[Row]) -> list[str]:
    """Which rows come from which code, and when."""
    return [f"- {row['set']}, {row['tool']}: {row.get('date', '-')}, {row.get('commit', '-')}" for row in rows]


def table(headings: tuple[str, ...], rows: list[list[str]]) -> list[str]:
    """A table in Markdown."""
    return [f"| {' | '.join(cells)} |" for cells in (headings, ["---"] * len(headings), *rows)]


def pair_lines(row: Row) -> list[list[str]]:
    """The line of a measurement, and the one with the best pairs only."""
    if row.get("failure"):
        return []
    spent = [f"{sum(row['seconds'].values()):.1f}", f"{row['peak_rss_bytes'] / 1e9:.1f}"]
    lines = [[row["set"], row["tool"], *_figures(row["figures"]), *spent]]
    if row["figures_best_only"]:
        lines.append([row["set"], f"{row['tool']}, best only", *_figures(row["figures_best_only"]), *spent])
    return lines


def _figures(figures: Row) -> list[str]:
    at = [" / ".join(number(step[key]) for key in ("precision", "recall", "f1")) for step in figures["thresholds"]]
    automatic = [_automatic(step) for step in figures["automatic"]]
    return [*at, *automatic, percent(figures["review_share"]), number(figures["calibration_error"], 5)]


def _automatic(step: Row) -> str:
    if step["recall"] is None:
        return "-"
    short = "" if step["reached"] == step["wanted"] else f" ({step['reached']:.4f})"
    return f"{step['recall']:.4f}{short}"


def _decided(row: Row) -> list[str]:
    decided = row["decided"]
    shares = ("automatic_precision", "automatic_share_of_linkable", "decided_or_candidate")
    estimated = decided["estimated_false_match_rate"]
    return [
        row["set"],
        *(number(decided[name]["share"], 6) for name in shares),
        percent(decided["review_share"]["share"]),
        number(decided["calibration_error"], 5),
        f"{decided['true_false_match_rate'] or 0:.2e} ({decided['false_match_doses']} doses)",
        f"{decided['expected_false_match_rate']:.2e}",
        "-" if estimated is None else f"{estimated['rate']:.2e} ({estimated['low']:.2e} to {estimated['high']:.2e})",
    ]


def number(value: float | None, digits: int = 4) -> str:
    """A dash for no value."""
    return "-" if value is None else f"{value:.{digits}f}"


def percent(value: float | None) -> str:
    """A dash for no value."""
    return "-" if value is None else f"{value:.2%}"
