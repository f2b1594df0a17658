"""The benchmark of shocks: calibration and blocking recall counted by hand, its report, and the whole way."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow.parquet as pq
import pytest

from benchmarks.accuracy import calibration as calibrating
from benchmarks.accuracy import shocks
from benchmarks.accuracy.__main__ import arguments, chosen_shocks
from benchmarks.accuracy.calibration import Bin
from benchmarks.accuracy.recall import true_blocking_recall
from benchmarks.accuracy.shock_table import markdown
from benchmarks.accuracy.table import write
from linkage.night.run import run
from linkage.registry.from_files import build_from_files
from linkage.simulate import simulate
from linkage.simulate.shocks import SHOCKS

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def linked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A small simulation with its index, and a run of it."""
    folder = tmp_path_factory.mktemp("linked")
    simulate(2000, 4000, 93, folder, shocks=["unregistered"])
    doses = pq.read_table(folder / "doses.parquet")
    order = np.random.default_rng(1).permutation(doses.num_rows)  # of the file, not of dose_id
    pq.write_table(doses.take(order), folder / "doses.parquet")
    build_from_files([folder / "registry.parquet"], folder / "index", units=folder / "units")
    return folder, run([folder / "doses.parquet"], folder / "index", folder / "runs").run_dir


def test_every_shock_has_three_unseen_seeds() -> None:
    assert {*shocks.NAMES} == {*SHOCKS, "codes_2025"}
    for name in shocks.NAMES:
        assert [one.seed for one in shocks.EVALUATION if one.shock == name] == [9101, 9102, 9103]
    assert {one.persons for one in shocks.EVALUATION} == {100_000}
    assert all(one.seed < 9000 for one in (*shocks.QUICK, shocks.QUICK_OTHER))
    assert shocks.OTHER.seed not in {one.seed for one in shocks.EVALUATION}


def test_shocks_are_chosen_by_name() -> None:
    assert chosen_shocks(arguments(["--shocks"])) == shocks.EVALUATION
    assert chosen_shocks(arguments(["--shocks", "--quick"])) == shocks.QUICK
    (chosen,) = chosen_shocks(arguments(["--shocks", "--only", "stations_9102"]))
    assert (chosen.shock, chosen.options) == ("stations", {"shocks": ["stations"]})
    (codes,) = chosen_shocks(arguments(["--shocks", "--only", "codes_2025_9101"]))
    assert codes.options == {"registry_date": "2025"}


# ---------------------------------------------------------------------------------------------- figures by hand


def test_calibration_errors_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Women: 0.45 and 0.45 promised, one came; 0.995 and came. Men: 0.95 promised, did not come."""
    monkeypatch.setattr(calibrating, "LEAST_CLAIMS", 1)
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE seen (claim VARCHAR, promised DOUBLE, came DOUBLE, bin INTEGER, sex VARCHAR)")
        connection.execute(
            "INSERT INTO seen VALUES ('a', 0.45, 1, 4, 'Nữ'), ('a', 0.45, 0, 4, 'Nữ'), ('b', 0.995, 1, 11, 'Nữ'), "
            "('c', 0.95, 0, 10, 'Nam')"
        )
        found = calibrating.errors(connection, "sex")
    (women, (middle,)), (men, none) = found["Nữ"], found["Nam"]
    assert women["claims"] == 2
    assert women["claims_middle"] == 1
    assert women["error"] == pytest.approx((0.1 + 0.005) / 3)
    assert women["error_middle"] == pytest.approx(0.1 / 2)
    # One claim of two doses: variance 2² · 0.45 · 0.55, the mean size of a normal gap is √(2/π) deviations.
    assert women["chance_middle"] == pytest.approx((2 / math.pi * 4 * 0.45 * 0.55) ** 0.5 / 2)
    assert (middle.doses, middle.gap) == (2, pytest.approx(-0.1))
    assert middle.variance == pytest.approx(4 * 0.45 * 0.55)
    assert men["error"] == pytest.approx(0.95)
    assert men["error_middle"] is None
    assert men["chance_middle"] is None
    assert none == []


def test_what_is_left_of_the_gaps_beyond_chance_by_hand() -> None:
    """Two runs: one bin promises ten too many in both, the other two too many and two too few."""
    ten, two = Bin(True, 4, 50, 10.0, 12.0), Bin(True, 5, 30, 2.0, 6.0)
    found = calibrating.bias_of([ten, two, ten, replace(two, gap=-2.0)])
    assert found is not None
    assert found.bias == pytest.approx(20 / 160)
    assert found.standard_error == pytest.approx(math.sqrt(36) / 160)
    assert found.beyond_chance == pytest.approx(math.sqrt(((400 - 24) / 100 + (0 - 12) / 60) / 160))
    assert calibrating.beyond_chance([two]) == 0.0, "less than chance makes"
    assert calibrating.bias_of([]) is None


def test_pooling_true_promises_leaves_no_gap_beyond_chance() -> None:
    """A hundred claims a run promised 0.6: the mean gap stays at what chance makes of one run, what is beyond goes."""
    rng = np.random.default_rng(5)
    for rate, expected in ((0.6, 0.0), (0.45, 0.15)):
        came = rng.binomial(100, rate, 200)
        bins = [Bin(True, 6, 100, 60.0 - n, 24.0) for n in came.tolist()]
        found = calibrating.bias_of(bins)
        assert found is not None
        assert found.bias == pytest.approx(expected, abs=4 * found.standard_error)
        assert found.beyond_chance == pytest.approx(expected, abs=0.015)
        assert sum(abs(bin_.gap) for bin_ in bins) / 200 / 100 > 0.03


def test_calibration_of_a_run_agrees_with_evaluate(linked: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    from linkage.insight.evaluate import evaluate

    monkeypatch.setattr(calibrating, "LEAST_CLAIMS", 300)
    folder, run_dir = linked
    found = calibrating.calibration(run_dir, folder / "doses.parquet", folder / "truth.parquet", folder / "units")
    assert found["overall"] == pytest.approx(evaluate(run_dir, folder / "truth.parquet").calibration_error)
    assert found["worst_group"]["claims"] >= 300
    assert found["worst_group"]["error"] >= found["overall"]
    with duckdb.connect() as connection:
        total = connection.sql(f"SELECT count(DISTINCT claim_id) FROM '{run_dir}/decisions.parquet'").fetchall()
    assert found["worst_group"]["claims"] < total[0][0]


def test_true_blocking_recall_is_what_the_passes_find(linked: tuple[Path, Path], tmp_path: Path) -> None:
    """With persons of the truth exchanged no pass finds them, but for a few who are alike."""
    folder, run_dir = linked
    paths = folder / "doses.parquet", folder / "truth.parquet", folder / "index", run_dir
    found = true_blocking_recall(*paths)
    decisions = pq.read_table(run_dir / "decisions.parquet", columns=["claim_id", "status"])
    assert 0.98 < found["share"] <= 1
    assert found["low"] < found["share"] <= found["high"]
    assert 100 < found["of"] < len(set(decisions["claim_id"].to_pylist()))
    with duckdb.connect() as connection:
        connection.execute(
            f"COPY (SELECT dose_id, lag(person_id, 500) OVER (ORDER BY dose_id) AS person_id FROM '{paths[1]}') "
            f"TO '{tmp_path / 'exchanged.parquet'}'"
        )
    assert true_blocking_recall(paths[0], tmp_path / "exchanged.parquet", *paths[2:])["share"] < 0.2


# ------------------------------------------------------------------------------------------------------ the report


def _row(seed: int, tool: str, precision: float, *, covers: bool, refused: str | None = None) -> dict[str, Any]:
    share = {"share": precision, "low": 0.9, "high": 1.0}
    estimate = {"rate": 1e-5, "low": 0.0, "high": 2e-5, "covers": covers}
    group = {"attribute": "age", "value": "65-", "claims": 2000, "claims_middle": 150, "error": 0.25}
    decided = {
        "automatic_precision": share,
        "automatic_share_of_linkable": share,
        "review_share": {"share": 0.0125},
        "true_false_match_rate": 1 - precision,
        "false_match_doses": 7,
        "calibration": {
            "overall": 0.002,
            "middle": 0.03,
            "chance_middle": 0.02,
            "n_middle": 321,
            "bins_middle": [{"is_middle": True, "number": 4, "doses": 100, "gap": 10.0, "variance": 25.0}],
            "worst_group": group,
            "worst_group_middle": None,
        },
        "true_blocking_recall": share,
        "estimates": {"false_matches": estimate, "blocking_recall": None},
        "refused": refused,
        "notes": ["a note of the run", "another", "a third", "a fourth", "a fifth"],
    }
    step = {"precision": 1.0, "recall": 0.9, "f1": 0.95}
    figures = {
        "thresholds": [step] * 4,
        "automatic": [{"reached": 0.999, "wanted": 0.999, "recall": 0.8}] * 2,
        "review_share": 0.01,
        "calibration_error": 0.001,
    }
    row = {"set": f"stations_{seed}", "tool": tool, "decided": decided, "figures": figures, "figures_best_only": None}
    return row | {"seconds": {"run": 1.0}, "peak_rss_bytes": 10**9}


def test_the_report_has_the_worst_of_the_seeds_and_every_row() -> None:
    rows = [
        _row(9101, "other_model", 0.9, covers=True, refused="unlike the training"),
        _row(9101, "ours", 0.99, covers=True),
        _row(9102, "ours", 0.95, covers=False),
    ]
    text = markdown(rows, {"commit": "x"})
    lines = text.splitlines()
    summary = next(line for line in lines if line.startswith("| stations | its own |"))
    assert "| 0.950000 |" in summary
    assert "| 0 of 2 | 0.950000 |" in summary
    assert "| 1 of 2 |" in summary
    assert any(line.startswith("| stations | of a plain batch | 1 of 1 |") for line in lines)
    assert "- stations_9101, other_model: refused: unlike the training" in lines
    (worst,) = [line for line in lines if line.startswith("| stations_9102 | its own |")]
    assert "(7 doses)" in worst
    assert "| **no** |" in worst
    assert "| 0.0300 (0.0200; 321) | +0.1000 (0.0500) |" in worst
    # Of the two together: 20 of 200 doses, a variance of 50, and beyond chance the root of (400 - 50) / 200 / 200.
    assert "| 0.0935 | +0.1000 (0.0354) |" in summary
    assert "| age 65-: 0.2500 |" in worst
    assert lines.index(next(line for line in lines if line.startswith("| stations_9101 | its own |"))) < lines.index(
        next(line for line in lines if line.startswith("| stations_9101 | of a plain batch, refused |"))
    )
    assert "- stations_9102, ours: a note of the run" in lines
    assert "- stations_9102, ours: 2 more, in shocks.json" in lines
    assert "- stations_9102, ours: a fourth" not in lines
    # Pairs are compared with Splink's for the own model only.
    assert sum(line.startswith("| stations_9101 | ours |") for line in lines) == 1
    assert not any(line.startswith("| stations_9101 | other_model |") for line in lines)


def test_rows_measured_anew_replace_old_ones_in_the_report(tmp_path: Path) -> None:
    for precision in (0.9, 0.8):
        write([_row(9101, "ours", precision, covers=True)], {"commit": "x"}, tmp_path, "shocks", markdown)
    content = json.loads((tmp_path / "shocks.json").read_text(encoding="utf-8"))
    assert [row["decided"]["automatic_precision"]["share"] for row in content["rows"]] == [0.8]
    assert "0.900000" not in (tmp_path / "shocks.md").read_text(encoding="utf-8")


def test_what_cannot_be_measured_is_told(tmp_path: Path) -> None:
    failed = {"set": "stations_9101", "tool": "splink", "failure": "took longer than 20 minutes"}
    write([failed], {"commit": "x"}, tmp_path, "shocks", markdown)
    assert "- stations_9101, splink: took longer" in (tmp_path / "shocks.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_whole_way_on_one_small_shock(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "benchmarks.accuracy",
        "--shocks",
        "--only",
        "minorities_91",
        "--out",
        str(tmp_path),
    ]
    done = subprocess.run(
        [*command, "--tools", "ours", "other_model"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr
    content = json.loads((tmp_path / "shocks.json").read_text(encoding="utf-8"))
    assert {row["tool"] for row in content["rows"]} == {"ours", "other_model"}
    for row in content["rows"]:
        assert row["decided"]["automatic_precision"]["share"] > 0.98
        assert row["decided"]["true_blocking_recall"]["share"] > 0.98
        assert row["decided"]["calibration"]["worst_group"]
    heading = {name: content[name] for name in ("date", "commit", "machine", "last command")}
    assert (tmp_path / "shocks.md").read_text(encoding="utf-8") == markdown(content["rows"], heading)
