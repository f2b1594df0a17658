"""The accuracy benchmark: its figures on cases small enough to count by hand, and the whole way on a simulation."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.accuracy import simulations
from benchmarks.accuracy.__main__ import arguments, chosen_sets, tools_for
from benchmarks.accuracy.labelled import SETS, LabelledSet, Prepared, judge, prepare
from benchmarks.accuracy.metrics import (
    AtPrecision,
    AtThreshold,
    ScoredPairs,
    at_precision,
    at_threshold,
    best_only,
    calibration_error,
    measure,
    review_share,
)
from benchmarks.accuracy.table import Row, markdown, merged, write
from linkage.plan.reading import load_plan

ROOT = Path(__file__).parents[1]


def pairs(
    *rows: tuple[float, bool], weights: list[float] | None = None, left: list[int] | None = None, n_true: int = 4
) -> ScoredPairs:
    """Pairs from (probability, is_true); each of a left record of its own unless told."""
    probability = np.array([row[0] for row in rows], np.float64)
    return ScoredPairs(
        probability=probability,
        weight=probability.copy() if weights is None else np.array(weights),
        is_true=np.array([row[1] for row in rows], np.bool_),
        left=np.arange(len(rows)) if left is None else np.array(left),
        n_true=n_true,
        n_left=10,
    )


FIVE = ((0.9995, True), (0.995, True), (0.95, False), (0.7, True), (0.3, False))


@pytest.mark.parametrize(
    ("threshold", "n", "precision", "recall"),
    [(0.5, 4, 3 / 4, 3 / 4), (0.7, 4, 3 / 4, 3 / 4), (0.9, 3, 2 / 3, 2 / 4), (0.99, 2, 1.0, 2 / 4)],
)
def test_precision_and_recall_at_a_threshold(threshold: float, n: int, precision: float, recall: float) -> None:
    f1 = 2 * precision * recall / (precision + recall)
    found = at_threshold(pairs(*FIVE), threshold)
    assert (found.n_pairs, found.precision, found.recall) == (n, precision, recall)
    assert found.f1 == pytest.approx(f1)


def test_a_threshold_over_all_pairs_has_no_precision() -> None:
    assert at_threshold(pairs(*FIVE), 0.9999) == AtThreshold(0.9999, 0, None, 0.0, None)


def test_automatic_recall_is_the_largest_over_thresholds_of_that_precision() -> None:
    # Precision by threshold: 1, 1, 2/3, 3/4, 3/5. A precision of 0.7 is reached twice; the lower threshold counts.
    assert at_precision(pairs(*FIVE), 1.0) == AtPrecision(1.0, 1.0, 2 / 4)
    assert at_precision(pairs(*FIVE), 0.7) == AtPrecision(0.7, 0.7, 3 / 4)


def test_automatic_recall_under_a_wrong_pair_on_top_says_what_was_reached() -> None:
    assert at_precision(pairs((0.99, False), (0.9, True), (0.8, True)), 0.999) == AtPrecision(0.999, 2 / 3, 2 / 4)


def test_pairs_of_equal_score_stand_or_fall_together() -> None:
    tied = ((1.0, True), (1.0, False), (0.9, True))
    assert at_precision(pairs(*tied), 0.999) == AtPrecision(0.999, 2 / 3, 2 / 4)
    # The weight tells apart what rounds to a probability of 1.
    assert at_precision(pairs(*tied, weights=[60.0, 55.0, 3.0]), 0.999) == AtPrecision(0.999, 0.999, 1 / 4)


def test_without_pairs_or_truth_there_is_no_automatic_recall() -> None:
    assert at_precision(pairs(), 0.999) == AtPrecision(0.999, None, None)
    assert at_precision(pairs(*FIVE, n_true=0), 0.999) == AtPrecision(0.999, None, None)
    assert measure(pairs(n_true=0)).calibration_error is None


def test_review_share_counts_records_by_their_best_pair() -> None:
    several = pairs((0.995, True), (0.5, False), (0.5, True), (0.4, False), (0.01, False), left=[0, 0, 1, 1, 2])
    assert review_share(several) == 1 / 10


def test_calibration_error_by_hand() -> None:
    # Bin 0.5 to 0.6: promised 1.1, came 1; bin 0.9 to 0.95: promised 0.9, came 0; the pair at 0.01 is never seen.
    found = calibration_error(pairs((0.5, True), (0.6 - 1e-9, False), (0.9, False), (0.01, True)))
    assert found == pytest.approx((0.1 + 0.9) / 3)
    assert calibration_error(pairs((1.0, True), (1.0, True))) == 0.0


def test_best_only_keeps_one_pair_of_each_record() -> None:
    found = best_only(pairs((0.6, True), (0.9, False), (0.7, True), left=[1, 1, 0]))
    assert found.probability.tolist() == [0.7, 0.9]
    assert found.is_true.tolist() == [True, False]
    assert (found.n_true, found.n_left) == (4, 10)


def test_judging_counts_true_pairs_that_nobody_found(tmp_path: Path) -> None:
    """Entity a stands twice on the left and once on the right, b once and once, c on one side only."""
    paths = [tmp_path / name for name in ("left", "right", "truth_left", "truth_right")]
    pq.write_table(pa.table({"id": ["1", "2", "3", "4"], "entity": ["a", "a", "b", None]}), paths[2])
    pq.write_table(pa.table({"id": ["7", "8", "9"], "entity": ["a", "b", None]}), paths[3])
    found = pa.table(
        {
            "left_id": ["1", "3", "4"],
            "right_id": ["7", "7", "9"],
            "match_probability": [0.9, 0.8, 0.7],
            "match_weight": [3.0, 2.0, 1.0],
        }
    )
    judged = judge(found, Prepared(*paths))
    assert sorted(zip(judged.probability.tolist(), judged.is_true.tolist(), strict=True)) == [
        (0.7, False),
        (0.8, False),
        (0.9, True),
    ]
    assert (judged.n_true, judged.n_left) == (3, 4)


def test_a_file_with_itself_counts_each_pair_once(tmp_path: Path) -> None:
    source = tmp_path / "labelled" / "some.csv"
    source.parent.mkdir()
    source.write_text(" key, name,group\nr1, An ,1\nr2,An,1\nr3,,1\nr4,Binh,2\n", encoding="utf-8")
    query = "SELECT * RENAME (\"group\" AS entity) FROM read_csv('{folder}/some.csv', all_varchar = true)"
    files = prepare(LabelledSet("some", "fake_1000.toml", "key", query), tmp_path, tmp_path / "work")
    assert files.is_self
    records = pq.read_table(files.left)
    assert records.column_names == ["key", "name"]
    assert records.column("name").to_pylist() == ["An", "An", None, "Binh"]
    found = {"left_id": ["r1"], "right_id": ["r2"], "match_probability": [0.9], "match_weight": [3.0]}
    assert judge(pa.table(found), files).n_true == 3


@pytest.mark.parametrize("chosen", SETS, ids=lambda chosen: chosen.name)
def test_every_set_has_a_plan_that_reads(chosen: LabelledSet) -> None:
    plan = load_plan(chosen.plan_file)
    assert plan.left_id == (chosen.id or "position")
    assert (plan.decision.matches_per_record == "any") or chosen.right is not None


def test_rows_measured_anew_take_the_place_of_old_ones() -> None:
    before: list[Row] = [
        {"set": "a", "tool": "ours", "x": 1},
        {"set": "a", "tool": "splink", "x": 1},
        {"set": "b", "tool": "ours"},
    ]
    rows = merged(before, [{"set": "a", "tool": "ours", "x": 2}, {"set": "c", "tool": "splink", "x": 3}])
    assert [(row["set"], row["tool"], row.get("x")) for row in rows] == [
        ("a", "ours", 2),
        ("a", "splink", 1),
        ("b", "ours", None),
        ("c", "splink", 3),
    ]


def test_without_data_only_simulations_are_measured() -> None:
    assert chosen_sets(arguments([])) == list(simulations.EVALUATION)
    assert chosen_sets(arguments(["--quick"])) == list(simulations.QUICK)
    everything = chosen_sets(arguments(["--data", "anywhere"]))
    assert [chosen.name for chosen in everything[: len(SETS)]] == [chosen.name for chosen in SETS]
    assert [chosen.name for chosen in chosen_sets(arguments(["--only", "febrl4"]))] == ["febrl4"]


def test_recordlinkage_is_asked_only_about_febrl() -> None:
    assert tools_for("ons_pes", ["ours", "recordlinkage"]) == ["ours"]


def test_evaluation_seeds_are_not_those_of_development() -> None:
    assert {chosen.seed for chosen in simulations.EVALUATION} == {9001, 9002, 9003}
    assert all(chosen.seed < 9000 for chosen in simulations.QUICK)


def test_a_failure_is_told_and_no_figure(tmp_path: Path) -> None:
    write([{"set": "a", "tool": "splink", "failure": "took longer than 20 minutes"}], {"commit": "x"}, tmp_path)
    text = (tmp_path / "accuracy.md").read_text(encoding="utf-8")
    assert "- a, splink: took longer than 20 minutes" in text
    assert "| a |" not in text


def test_every_row_says_from_which_code_it_comes() -> None:
    rows: list[Row] = [{"set": "a", "tool": "splink", "failure": "x", "date": "2021-07-08", "commit": "abc"}]
    assert "- a, splink: 2021-07-08, abc" in markdown(rows, {}).splitlines()


@pytest.mark.slow
def test_the_whole_way_on_a_small_simulation(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks.accuracy", "--quick", "--tools", "ours", "--out", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    content = json.loads((tmp_path / "accuracy.json").read_text(encoding="utf-8"))
    (row,) = content["rows"]
    assert "failure" not in row
    assert row["figures"]["thresholds"][0]["precision"] > 0.99
    assert row["decided"]["automatic_precision"]["share"] > 0.99
    assert row["decided"]["decided_or_candidate"]["share"] > 0.98
    heading = {name: content[name] for name in ("date", "commit", "machine", "last command")}
    assert (tmp_path / "accuracy.md").read_text(encoding="utf-8") == markdown(content["rows"], heading)


def test_a_folder_without_labelled_sets_is_refused(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks.accuracy", "--data", str(tmp_path), "--out", str(tmp_path / "out")]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert ended.stderr == f"{tmp_path}: no folder labelled/ in it: name the folder that holds it with --data\n"
    assert not (tmp_path / "out").exists()
