"""``python -m benchmarks.accuracy.intervals``: does the interval of the estimated false-match rate hold the true rate?

Ten simulated batches with seeds of their own, never used in development, over the three splits of the errors.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from linkage.insight.evaluate import Proportion, evaluate
from linkage.night.run import run
from linkage.registry.from_files import build_from_files
from linkage.simulate import simulate

ROOT = Path(__file__).parents[2]
SPLITS = ("id_heavy", "name_heavy", "date_heavy")
SEEDS = range(9201, 9211)


@dataclass(frozen=True)
class Row:
    """One batch: what the run expected of itself without a truth, and what came true."""

    split: str
    seed: int
    automatic_precision: float
    automatic_share: float
    reachable: float
    review: float
    calibration_error: float
    estimated: float
    low: float
    high: float
    true: float
    holds: bool


def measure(split: str, seed: int, persons: int, doses: int, work: Path) -> Row:
    """Simulate, link and judge one batch."""
    simulate(persons, doses, seed, work / "data", split=split)
    build_from_files([work / "data" / "registry.parquet"], work / "index", units=work / "data" / "units")
    summary = run([work / "data" / "doses.parquet"], work / "index", work / "runs")
    found = evaluate(summary.run_dir, work / "data" / "truth.parquet")
    estimate = next(e for e in found.estimates if e.name == "estimated_false_match_rate")
    true = estimate.true_rate or 0.0
    measures = (found.precision["automatic"], found.recall, found.reachable, found.review)
    return Row(
        split,
        seed,
        *map(_share, measures),
        found.calibration_error or 0.0,
        estimate.rate,
        estimate.low,
        estimate.high,
        true,
        estimate.low <= true <= estimate.high,
    )


def _share(proportion: Proportion) -> float:
    return 0.0 if proportion.share is None else proportion.share


def report(rows: list[Row], setting: dict[str, Any]) -> str:
    """The rows as a table in Markdown."""
    head = (
        "split",
        "seed",
        "precision %",
        "automatic %",
        "reachable %",
        "review %",
        "ECE",
        "expected /10⁵",
        "true /10⁵",
    )
    lines = [
        "# Estimated and true false-match rates",
        "",
        "Rates per 100,000 automatic doses; the estimate with its 95 % interval is made without the truth.",
        "",
        "| " + " | ".join(head) + " | holds |",
        "|" + "---|" * (len(head) + 1),
    ]
    for r in rows:
        shares = [f"{100 * x:.3f}" for x in (r.automatic_precision, r.automatic_share, r.reachable, r.review)]
        rates = [f"{1e5 * r.estimated:.2f} [{1e5 * r.low:.2f}, {1e5 * r.high:.2f}]", f"{1e5 * r.true:.2f}"]
        cells = [r.split, str(r.seed), *shares, f"{r.calibration_error:.5f}", *rates, "yes" if r.holds else "no"]
        lines.append("| " + " | ".join(cells) + " |")
    held = sum(r.holds for r in rows)
    setting_lines = [f"- {key}: {value}" for key, value in setting.items()]
    return "\n".join(
        [*lines, "", f"The interval holds the true rate in {held} of {len(rows)} runs.", "", *setting_lines, ""]
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy.intervals", description=__doc__)
    parser.add_argument("--persons", type=int, default=300_000)
    parser.add_argument("--doses", type=int, default=500_000)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results")
    asked = parser.parse_args()
    rows = []
    for number, seed in enumerate(SEEDS):
        with tempfile.TemporaryDirectory(prefix="intervals-") as work:
            rows.append(measure(SPLITS[number % len(SPLITS)], seed, asked.persons, asked.doses, Path(work)))
        print(rows[-1], file=sys.stderr, flush=True)
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True)
    setting = {
        "commit": commit.stdout.strip() or "not a checkout",
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}",
        "command": f"python -m benchmarks.accuracy.intervals --persons {asked.persons} --doses {asked.doses}",
    }
    asked.out.mkdir(parents=True, exist_ok=True)
    content = {**setting, "runs": [asdict(row) for row in rows]}
    (asked.out / "intervals.json").write_text(json.dumps(content, indent=1) + "\n", "utf-8")
    (asked.out / "intervals.md").write_text(report(rows, setting), "utf-8")


if __name__ == "__main__":
    main()
