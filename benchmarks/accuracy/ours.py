"""Our own linker on a set: all pairs it would look at, and what a run of doses decided."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.accuracy.calibration import calibration
from benchmarks.accuracy.labelled import LabelledSet, Prepared
from benchmarks.accuracy.recall import true_blocking_recall
from benchmarks.accuracy.simulations import SimulatedFiles, Simulation, make
from linkage.insight.evaluate import Proportion, evaluate
from linkage.night.run import RunSummary, run
from linkage.plan.reading import load_plan
from linkage.published.reader import read_manifest
from linkage.registry.from_files import build_from_files
from linkage.two_files.link import link_files

# A district in small, linked before the clock starts: it compiles every kernel.
_WARM_UP = Simulation("default", 102, 1_000, 1_500)

_DOSE_PAIRS = """
SELECT dose_id AS left_id, person_id AS right_id, match_probability, match_weight
FROM decisions WHERE person_id IS NOT NULL
UNION ALL
SELECT d.dose_id, c.person_id, c.match_probability, c.match_weight
FROM decisions d JOIN candidates c USING (claim_id) WHERE c.person_id <> d.person_id
"""


def link_labelled(chosen: LabelledSet, files: Prepared, work: Path) -> tuple[pa.Table, dict[str, float]]:
    """Candidates of a labelled set, and seconds; linked twice, so that compiling does not count."""
    plan = load_plan(chosen.plan_file)
    start = 0.0
    for _ in range(2):
        shutil.rmtree(work / "ours", ignore_errors=True)
        start = time.perf_counter()
        link_files([files.left], [files.right], plan, work / "ours")
    return pq.read_table(work / "ours" / "candidates.parquet"), {"link": time.perf_counter() - start}


def link_doses(
    files: SimulatedFiles, work: Path, model_file: Path | None = None, accept: str | None = None
) -> tuple[pa.Table, dict[str, float], RunSummary]:
    """Pairs of dose and person, seconds by stage, and the run; its index is ``work / "index"``.

    Raises
    ------
    QualityGateError
        The run was refused, and ``accept`` is None.
    """
    warm_up(work / "warm_up")
    start = time.perf_counter()
    build_from_files([files.registry], work / "index", units=files.units)
    built = time.perf_counter()
    summary = run([files.doses], work / "index", work / "runs", model_file=model_file, accept=accept)
    seconds = {"index": built - start, **summary.seconds}
    with duckdb.connect() as connection:
        connection.register("decisions", pq.read_table(summary.run_dir / "decisions.parquet"))
        connection.register("candidates", pq.read_table(summary.run_dir / "queues" / "review.parquet"))
        pairs = connection.sql(_DOSE_PAIRS).to_arrow_table()
    return pairs, seconds, summary


def shock_figures(files: SimulatedFiles, work: Path, summary: RunSummary) -> dict[str, Any]:
    """What `decided` says, calibration by group, and the run's estimates beside the truth."""
    found = decided(summary.run_dir, files.truth)
    recall = true_blocking_recall(files.doses, files.truth, work / "index", summary.run_dir)
    manifest = read_manifest(summary.run_dir)
    missed = _estimate(manifest, "missed_by_all_passes_rate")
    estimated_recall = missed and {"rate": 1 - missed["rate"], "low": 1 - missed["high"], "high": 1 - missed["low"]}
    return found | {
        "calibration": calibration(summary.run_dir, files.doses, files.truth, files.units),
        "true_blocking_recall": recall,
        "estimates": {
            "false_matches": _beside_truth(found["estimated_false_match_rate"], found["true_false_match_rate"]),
            "blocking_recall": _beside_truth(estimated_recall, recall["share"]),
        },
        "notes": list(summary.notes),
    }


def _beside_truth(estimate: dict[str, float] | None, true: float | None) -> dict[str, Any] | None:
    """An estimate, and whether its interval covers the truth; None without either."""
    if estimate is None or true is None:
        return None
    return {**estimate, "covers": estimate["low"] <= true <= estimate["high"]}


def warm_up(work: Path) -> None:
    """Link a tiny simulation, so that the clock does not measure the compiler."""
    files = make(_WARM_UP, work)
    build_from_files([files.registry], work / "index", units=files.units)
    run([files.doses], work / "index", work / "runs")


def decided(run_dir: Path, truth: Path) -> dict[str, Any]:
    """Figures of a run's decisions, each a share with its interval, beside what the run itself expected."""
    evaluation = evaluate(run_dir, truth)
    manifest = read_manifest(run_dir)
    automatic = evaluation.precision["automatic"]
    return {
        "automatic_precision": _share(automatic),
        "automatic_share_of_linkable": _share(evaluation.recall),
        "decided_or_candidate": _share(evaluation.reachable),
        "review_share": _share(evaluation.review),
        "outside_registry_decided": _share(evaluation.outside_registry),
        "calibration_error": evaluation.calibration_error,
        "true_false_match_rate": evaluation.false_match_doses / automatic.of if automatic.of else None,
        "false_match_doses": evaluation.false_match_doses,
        "false_match_subjects": evaluation.false_match_subjects,
        "expected_false_match_rate": manifest["matched_claims_false_match_rate"],
        "estimated_false_match_rate": estimated_false_match_rate(manifest),
    }


def estimated_false_match_rate(manifest: dict[str, Any]) -> dict[str, float] | None:
    """Rate, low and high of the run's own estimate; None of a run that made none."""
    return _estimate(manifest, "estimated_false_match_rate")


def _estimate(manifest: dict[str, Any], name: str) -> dict[str, float] | None:
    estimates = {estimate["name"]: estimate for estimate in manifest.get("error_estimates", [])}
    found = estimates.get(name)
    return None if found is None else {key: found[key] for key in ("rate", "low", "high")}


def _share(proportion: Proportion) -> dict[str, float | None]:
    return {"share": proportion.share, "low": proportion.low, "high": proportion.high}
