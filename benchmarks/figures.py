"""The tables of docs/figures.md out of the results: `python -m benchmarks.figures` writes them into the page.

Speeds stand there as ratios to what was measured beside them, which a busy machine moves less than seconds.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.speed.limits import limits
from benchmarks.tables import count, gib, markdown_table, seconds

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "figures.md"
RESULTS = ROOT / "benchmarks" / "results"

Result = dict[str, Any]

_WAYS = ("with the bound", "with the bound, pairs given", "exhaustive", "exhaustive, pairs given")
_BEST_ONLY = "figures_best_only"
_OPENED = "index opened"  # its seconds are those of opening alone, without the start of the command
_STEPS = (
    ("100000000.build", "index built"),
    ("100000000.run.5000000", "5 million doses, from Parquet to published queues"),
    ("100000000.run-csv.5000000", "the same from CSV"),
    ("100000000.run-backlog.60000000", "60 million doses in one run"),
    ("100000000.run.10000", "10,000 doses, warm"),
    ("100000000.run.1000", "1,000 doses, warm"),
    ("100000000.apply", "100,000 changes applied"),
)


def accuracy() -> list[str]:
    """F1 of pairs of at least even probability by tool, and the recall that is left at a precision of 99.99 %."""
    sets: dict[str, dict[str, Result]] = {}
    for row in _results("accuracy")["rows"]:
        of_set = sets.setdefault(row["set"], {})
        of_set[row["tool"]] = row["figures"]
        if row[_BEST_ONLY]:
            of_set[f"{row['tool']}, best only"] = row[_BEST_ONLY]
    tools = ("ours", "splink", "splink, best only", "recordlinkage")
    headings = ["set", *(f"F1: {tool}" for tool in tools), *(f"recall at 99.99 %: {tool}" for tool in tools[:3])]
    rows = [
        [name, *(_f1(of_set.get(tool)) for tool in tools), *(_automatic(of_set.get(tool)) for tool in tools[:3])]
        for name, of_set in sets.items()
    ]
    return markdown_table(headings, rows)


def _f1(figures: Result | None) -> str:
    return "" if figures is None else f"{figures['thresholds'][0]['f1']:.4f}"


def _automatic(figures: Result | None) -> str:
    if figures is None:
        return ""
    last = figures["automatic"][-1]
    return f"{last['recall']:.4f}" if last["reached"] >= last["wanted"] else "not reached"


def bare() -> list[str]:
    """Scoring over the bare loop."""
    rows = _results("speed")["rows"]
    found = limits(rows)
    if found is None:
        raise ValueError("speed.json lacks what the limits need")
    at = {row["name"]: row["heading"]["date"] for row in rows}
    _, *rates = found.rates  # the first is that of memory
    measured = (at[name] for name in ("bare_loop[2]", "scoring[country-2]", "scoring[own-2]", "scoring[none-2]"))
    lines = [
        [name, f"{rate:.1f}", f"{rate / rates[0][1]:.3f}", time]
        for (name, rate), time in zip(rates, measured, strict=True)
    ]
    return markdown_table(("what", "million pairs a second", "of the bare loop", "measured"), lines)


def splink() -> list[str]:
    """Pairs a second of ours over Splink's, and its seconds over ours from end to end."""
    lines = []
    for row in _results("speed")["rows"]:
        if row["section"] != "Beside Splink":
            continue
        ours, theirs = row["our_seconds"], row["splink_seconds"]
        ways = [f"{theirs['predict'] / ours[way]:.0f}" for way in _WAYS]
        whole = f"{theirs['end to end'] / ours['end to end']:.1f}" if "end to end" in theirs else ""
        lines.append([row["model"], count(row["doses"]), *ways, whole, row["heading"]["date"]])
    headings = ("model", "doses", *(f"times: {way}" for way in _WAYS), "times: end to end", "measured")
    return markdown_table(headings, lines)


def national() -> list[str]:
    """Commands against an index of the whole country."""
    results = _results("national")
    steps = {step["step"]: step for step in results["steps"]}
    opened = next(target for target in results["targets"] if target["name"] == _OPENED)
    found = [(what, steps[name]["wall_seconds"], steps[name]["peak_anon_bytes"]) for name, what in _STEPS]
    found.append((_OPENED, opened["seconds"], opened["anon_bytes"]))
    rows = ([what, seconds(took), f"{gib(n_bytes)} GiB"] for what, took, n_bytes in found)
    return markdown_table(("what", "seconds", "anonymous memory"), rows)


TABLES: dict[str, Callable[[], list[str]]] = {
    "accuracy": accuracy,
    "bare": bare,
    "splink": splink,
    "national": national,
}


def page(text: str) -> str:
    """The page with each table that has a mark made from the results."""
    return re.sub(
        r"(?<=^<!-- figures: )(\w+)( -->\n\n)(?:\|.*\n)+",
        lambda found: f"{found[1]}{found[2]}" + "\n".join(TABLES[found[1]]()) + "\n",
        text,
        flags=re.MULTILINE,
    )


def _results(name: str) -> Result:
    results: Result = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    return results


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
