"""The national benchmark: what is measured of a command, what results say, and the whole way on a small country."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.national import __main__ as driver
from benchmarks.national import tasks
from benchmarks.national.findings import COUNTRY, NIGHT, growth, judge, stage_seconds
from benchmarks.national.report import markdown, write_report
from benchmarks.national.steps import Sizes, Step, steps
from benchmarks.national.watching import watch
from linkage.schema import REGISTRY

ROOT = Path(__file__).parents[1]
SIZES = Sizes(persons=20_000, night=2_000, backlog=3_000, smaller=(5_000,), batches=(200, 9_000), changes=100, seed=7)


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_a_watched_command_tells_its_output_and_the_memory_of_its_children(tmp_path: Path) -> None:
    child = "import time; held = bytearray(b'x') * (1 << 28); time.sleep(0.7)"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}]); print('{{\"n\": 3}}')"
    found = watch(python(code), tmp_path, tmp_path, tmp_path / "log", 1 << 40)
    assert (found.failure, found.output) == (None, {"n": 3})
    assert 1 << 28 < found.peak_anon_bytes < 1 << 29
    assert found.wall_seconds > 0.7
    assert found.peak_file_bytes > 0


def test_a_watched_command_tells_why_it_failed(tmp_path: Path) -> None:
    found = watch(python("import sys; sys.exit('no room')"), tmp_path, tmp_path, tmp_path / "log", 1 << 40)
    assert (found.failure, found.output) == ("exit code 1: no room", None)


def test_a_command_over_the_limit_of_memory_is_killed(tmp_path: Path) -> None:
    code = "import time; held = bytearray(b'x') * (1 << 27); time.sleep(60)"
    found = watch(python(code), tmp_path, tmp_path, tmp_path / "log", 1 << 26)
    assert found.failure == "killed: more than 0 GiB of anonymous memory"
    assert found.wall_seconds < 30


# ---------------------------------------------------------------------------------------------------- samples, changes


def test_samples_keep_the_order_of_the_file(tmp_path: Path) -> None:
    doses = tmp_path / "doses.parquet"
    pq.write_table(pa.table({"dose_id": [f"D{n:04}" for n in range(1000)]}), doses, row_group_size=70)
    assert tasks.samples(doses, tmp_path / "out", "10", "400") == {"rows": 1000, "samples": [10, 400]}
    for size in (10, 400):
        ids = pq.read_table(tmp_path / "out" / f"{size}.parquet").column("dose_id").to_pylist()
        assert ids == sorted(set(ids))
        assert len(ids) == size


def test_changes_are_rows_of_the_registry_in_all_kinds(tmp_path: Path) -> None:
    empty = dict.fromkeys(REGISTRY.arrow().names, [None] * 300)
    ids = [f"P{n:03}" for n in range(300)]
    table = pa.table(empty | {"person_id": ids, "commune_code": ids, "status": ["alive"] * 300}, REGISTRY.arrow())
    pq.write_table(table, tmp_path / "registry.parquet", row_group_size=50)
    counts = tasks.changes(tmp_path / "registry.parquet", tmp_path / "changes.parquet", "100")
    assert counts == {"moved": 40, "corrected": 25, "born": 15, "died": 15, "removed": 5}
    rows = pq.read_table(tmp_path / "changes.parquet")
    assert rows.schema == REGISTRY.arrow()
    found = rows.to_pylist()
    assert len({row["person_id"] for row in found}) == 100
    assert [row["status"] for row in found].count("removed") == 5
    assert sum(row["person_id"].startswith("NEW") for row in found) == 15
    assert all(row["commune_code"] != row["person_id"] for row in found[:40])


# ------------------------------------------------------------------------------------------------------------- findings


def result(kind: str, persons: int, seconds: float, doses: int | None = None, **more: Any) -> dict[str, Any]:
    """A result of a step as `measure` writes it."""
    facts = {"persons": persons} | ({} if doses is None else {"doses": doses})
    memory = dict.fromkeys(("peak_anon_bytes", "peak_file_bytes", "peak_disk_bytes", "read_bytes"), 1 << 30)
    base = {
        "step": f"{persons}.{kind}.{doses}",
        "kind": kind,
        "command": "c",
        "failure": None,
        "wall_seconds": seconds,
        "cpu_seconds": seconds,
        "wall_seconds_of_all": [seconds],
        "output": {"seconds": {"ingest": seconds / 4, "encode": seconds / 4}},
        "subjects": doses,
        "candidate_pairs": 240 * (doses or 0),
        "heading": {"date": "2026-11-22", "commit": "abc", "machine": "m", "command": "./run bench --national"},
    }
    return base | facts | memory | more


def power(exponent: float, persons: int = 1000) -> list[dict[str, Any]]:
    """Runs whose seconds are that power of their doses, and one below the fitted range that is not."""
    runs = [result("run", persons, 3e-5 * n**exponent, n) for n in (100_000, 1_000_000, 5_000_000)]
    return [*runs, result("run", persons, 7.0, 1_000)]


@pytest.mark.parametrize("exponent", [0.8, 1.0, 1.1])
def test_the_fitted_exponent_is_that_of_the_power(exponent: float) -> None:
    (found,) = growth(power(exponent))
    assert found.exponent == pytest.approx(exponent)
    assert found.steepest == pytest.approx(exponent)
    assert found.seconds(10**7) == pytest.approx(3e-5 * 10 ** (7 * exponent))


def test_one_size_has_no_exponent() -> None:
    (found,) = growth([result("run", 1000, 5.0, 100_000)])
    assert (found.exponent, found.steepest, found.seconds(10)) == (None, None, None)


def test_a_target_is_reached_missed_or_not_measured() -> None:
    def reached(*results: dict[str, Any]) -> list[bool | None]:
        return [one.is_reached for one in judge(list(results)) if "published" in one.name]

    assert reached() == [None]
    assert reached(result("run", COUNTRY // 10, 100.0, NIGHT)) == [None]
    assert reached(result("run", COUNTRY, 100.0, NIGHT, failure="x")) == [None]
    assert reached(result("run", COUNTRY, 180.0, NIGHT)) == [True]
    assert reached(result("run", COUNTRY, 180.1, NIGHT)) == [False]
    assert reached(result("run", COUNTRY, 180.0, NIGHT, peak_anon_bytes=(8 << 30) + 1)) == [False]


def test_what_no_stage_counts_is_named() -> None:
    assert stage_seconds(result("run", 10, 8.0, 5)) == {"ingest": 2.0, "encode": 2.0, "start and rest": 4.0}


# --------------------------------------------------------------------------------------------------------------- report


def test_the_report_tells_figures_failures_and_pictures(tmp_path: Path) -> None:
    failed = result("run-backlog", 1000, 0.0, 60, failure="killed: more than 20 GiB of anonymous memory")
    write_report([*power(1.0), result("build", 1000, 61.25), failed], tmp_path)
    text = (tmp_path / "national.md").read_text(encoding="utf-8")
    assert "| 1,000 | 1,000,000 | 30.0 |  | 30.0 | 33,333 | 1,000,000 | 240 | 1.00 | 1.00 | 1.00 | 1.00 |" in text
    assert "| 1,000 | 1.000 | 1.000 |" in text
    assert "- 1000.run-backlog.60: killed: more than 20 GiB of anonymous memory" in text
    assert "| 1,000 | build.None | 61.2 | 61.2 | 1.00 |" in text
    for name in ("national-cost", "national-stages"):
        assert f"![{name}]({name}.svg)" in text
        assert (tmp_path / f"{name}.svg").read_text(encoding="utf-8").startswith("<svg")
    assert len(json.loads((tmp_path / "national.json").read_text(encoding="utf-8"))["steps"]) == 6


def test_results_of_two_codes_say_which_is_which() -> None:
    other = {"date": "2026-11-23", "commit": "def", "machine": "m", "command": "c"}
    text = markdown([result("build", 10, 1.0), result("run", 10, 1.0, 5, heading=other)])
    assert "- 2026-11-22, commit abc, m: `./run bench --national` (10.build.None)" in text
    assert "- 2026-11-23, commit def, m: `c` (10.run.5)" in text


# --------------------------------------------------------------------------------------------------------------- driver


def test_the_steps_come_in_an_order_in_which_they_can_run(tmp_path: Path) -> None:
    every = steps(SIZES, tmp_path)
    assert len({step.name for step in every}) == len(every)
    made: set[Path] = set()
    for step in every:
        for need in step.needs:
            assert any(need == path or path in need.parents for path in made), (step.name, need)
        made |= set() if step.makes is None else {step.makes}
    # A registry of 5,000 people has no backlog, and a batch larger than the night is none.
    assert [step.name for step in every if step.kind == "run"] == [
        "5000.run.200",
        "5000.run.2000",
        "20000.run.200",
        "20000.run.2000",
    ]


def test_only_steps_asked_for_are_taken(tmp_path: Path) -> None:
    asked = driver.arguments(["--work", str(tmp_path), "--steps", "1000000.run.*", "*.build"])
    assert [step.name for step in driver.chosen(asked)] == [
        "1000000.build",
        *(f"1000000.run.{n}" for n in (1_000, 10_000, 100_000, 1_000_000)),
        "10000000.build",
        "100000000.build",
    ]


def test_a_step_without_what_it_needs_is_told_and_not_done(tmp_path: Path) -> None:
    step = Step("1.run", "run", ("nothing",), {"persons": 1}, needs=(tmp_path / "absent",))
    assert driver.measure(step, tmp_path, 1 << 30)["failure"] == "DIR/absent is not there"
    assert not driver.is_done(step, tmp_path)


def test_the_median_of_several_tries_is_told(tmp_path: Path) -> None:
    step = Step("1.run", "run", tuple(python("print('{}')")), {"persons": 1}, repeats=3)
    found = driver.measure(step, tmp_path, 1 << 30)
    assert len(found["wall_seconds_of_all"]) == 3
    assert round(found["wall_seconds"], 3) == float(np.median(found["wall_seconds_of_all"]))


@pytest.mark.slow
def test_the_whole_way_on_a_small_country(tmp_path: Path) -> None:
    """Every step once; a second start measures nothing."""
    sizes = ("--persons=20000", "--doses=2000", "--backlog=3000", "--batches=200", "--changes=100", "--repeats=1")
    places = ("--work", tmp_path / "work", "--out", tmp_path / "out", "--registries")
    command = [sys.executable, "-m", "benchmarks.national", *map(str, (*sizes, *places))]
    first, second = (
        subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300) for _ in range(2)
    )
    assert first.returncode == 0, first.stdout + first.stderr
    assert second.stdout == f"results: {tmp_path / 'out' / 'national.md'}\n"
    found = json.loads((tmp_path / "out" / "national.json").read_text(encoding="utf-8"))["steps"]
    assert [one["failure"] for one in found] == [None] * len(found)
    (night,) = (one for one in found if one["step"] == "20000.run.2000")
    assert night["candidate_pairs"] > night["subjects"] > 1000
    (right,) = (one["output"] for one in found if one["kind"] == "evaluate")
    assert right["precision"]["share"] > 0.99
    (applied,) = (one["output"] for one in found if one["kind"] == "apply")
    # Of the 80 rows that are to change some say what the index has already.
    assert (applied["new"], applied["changed"], applied["removed"]) == (15, 56, 5)
    assert not (tmp_path / "work" / "20000" / "backlog" / "registry.parquet").exists()
