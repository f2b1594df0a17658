"""The national benchmark: what is measured of a command, what results say, and the whole way on a small country."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from benchmarks.national import __main__ as driver
from benchmarks.national import night_files, tasks
from benchmarks.national.findings import COUNTRY, NIGHT, growth, judge, stage_seconds
from benchmarks.national.night_findings import history_growth, judge_nights, night_lines
from benchmarks.national.report import markdown, write_report
from benchmarks.national.steps import Sizes, Step, steps
from benchmarks.national.watching import watch
from linkage.nights.configuration import read_configuration
from linkage.schema import REGISTRY

ROOT = Path(__file__).parents[1]
SIZES = Sizes(
    persons=20_000,
    night=2_000,
    backlog=3_000,
    smaller=(5_000,),
    batches=(200, 9_000),
    changes=100,
    seed=7,
    history=(1_000, 4_000, 10_000),
    quiet=100,
)


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
    # A night ends at each size of the history, and no history has more claims than the registry people.
    nights = [(step.facts["history"], step.facts["doses"]) for step in every if step.name.startswith("5000.history.")]
    assert nights == [(0, 1_250), (1_250, 2_000), (3_250, 1_750)]
    measured = [step for step in every if step.kind in ("quiet", "full")]
    assert [step.name for step in measured if step.facts["persons"] == 5_000] == [
        "5000.quiet.1250",
        "5000.full.1250",
        "5000.quiet.5000",
        "5000.full.5000",
    ]
    assert measured[0].before[-1] == "1"
    assert measured[-1].facts["history"] == 12_500


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
    sizes = (*sizes, "--quiet=100", "--history", "500", "1000")
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
    nights = [one for one in found if one["kind"] in ("quiet", "full")]
    assert [one["output"]["changes"]["new"] for one in nights] == [100, 2000] * 2
    known = [one["output"] for one in found if one["kind"] == "known"]
    assert [one["doses"] for one in known] == [625, 1250]
    assert all(0.7 < one["claims"] / one["doses"] <= 1 for one in known)
    verdicts = [one["output"]["verdicts"] for one in found if one["kind"] == "verdicts"]
    assert all(0 < n <= 10 for n in verdicts)  # of claims under review, of which so few people have few


# --------------------------------------------------------------------------------------------------------------- nights


def night(kind: str, persons: int, history: int, seconds: float, **more: Any) -> dict[str, Any]:
    """A measured night; the state before it holds four fifths as many claims as doses, see `known`."""
    sizes = {"quiet": (10_000, 10_000, 1_000), "full": (NIGHT, 100_000, 0)}[kind]
    given = dict(zip(("doses", "changes", "verdicts"), sizes, strict=True))
    return result(kind, persons, seconds, step=f"{persons}.{kind}.{history}", history=history, **given | more)


def known(persons: int, history: int) -> dict[str, Any]:
    holds = {"claims": history * 4 // 5, "doses": history, "parts": 2, "bytes": {"doses": history * 80}}
    return result("known", persons, 1.0, history=history, output=holds)


HISTORIES = (1_250_000, 12_500_000, 62_500_000)


def test_the_exponent_of_nights_is_that_of_the_claims_before() -> None:
    states = [known(COUNTRY, doses) for doses in HISTORIES]
    nights = [night("quiet", COUNTRY, doses, 0.4 * doses**0.15, cpu_seconds=doses**0.5) for doses in HISTORIES]
    (found,) = history_growth([*states, *nights])
    assert (found.kind, found.claims) == ("quiet", (1_000_000, 10_000_000, 50_000_000))
    assert found.exponent == pytest.approx(0.15)
    assert found.cpu_exponent == pytest.approx(0.5)
    text = "\n".join(night_lines([*states, *nights]))
    assert "| 100,000,000 | quiet | 1,000,000, 10,000,000, 50,000,000 | 0.150 | 0.500 | reached |" in text
    assert "| 100,000,000 | 50,000,000 | 62,500,000 | 2 | 4.66 | 100.0 |" in text
    steep = [night("quiet", COUNTRY, doses, doses**0.21) for doses in HISTORIES]
    assert "| 0.210 |" in "\n".join(night_lines([*states, *steep]))
    assert "**missed**" in "\n".join(night_lines([*states, *steep]))


def test_targets_of_nights_are_for_the_whole_country_and_its_history() -> None:
    def reached(*results: dict[str, Any]) -> list[bool | None]:
        return [one.is_reached for one in judge_nights(results)]

    states = [known(persons, doses) for persons in (COUNTRY, COUNTRY // 10) for doses in HISTORIES]
    assert reached(*states) == [None, None]
    assert reached(*states, night("quiet", COUNTRY, HISTORIES[1], 1.0)) == [None, None]
    assert reached(*states, night("quiet", COUNTRY // 10, HISTORIES[2], 1.0)) == [None, None]
    assert reached(*states, night("quiet", COUNTRY, HISTORIES[2], 15.0)) == [True, None]
    assert reached(*states, night("quiet", COUNTRY, HISTORIES[2], 15.1)) == [False, None]
    assert reached(*states, night("full", COUNTRY, HISTORIES[2], 150.0)) == [None, True]
    assert reached(*states, night("full", COUNTRY, HISTORIES[2], 150.0, peak_anon_bytes=(8 << 30) + 1)) == [None, False]
    assert reached(*states, night("full", COUNTRY, HISTORIES[2], 150.0, changes=99)) == [None, None]
    # What failed, and a night of whose state nothing is known, is not measured.
    assert reached(*states, night("full", COUNTRY, HISTORIES[2], 150.0, failure="x")) == [None, None]
    assert reached(night("full", COUNTRY, HISTORIES[2], 150.0)) == [None, None]


def test_nights_are_cut_from_one_file_which_goes(tmp_path: Path) -> None:
    doses = tmp_path / "doses.parquet"
    pq.write_table(pa.table({"dose_id": [f"D{n:04}" for n in range(1000)]}), doses, row_group_size=70)
    night_files.cut(doses, tmp_path / "nights", "2024-01-01:0:400", "2024-01-02:400:990", "2024-08-01:900:1000")

    def ids(date: str) -> list[str]:
        found = pq.read_table(tmp_path / "nights" / "in" / date / "doses.parquet")
        return list(found["dose_id"].to_pylist())

    assert ids("2024-01-01") == [f"D{n:04}" for n in range(400)]
    assert ids("2024-01-02") == [f"D{n:04}" for n in range(400, 990)]
    assert ids("2024-08-01") == [f"D{n:04}" for n in range(900, 1000)]
    assert not doses.exists()
    assert read_configuration(tmp_path / "nights" / "night.toml").state == tmp_path / "nights" / "state"


def test_verdicts_speak_of_claims_under_review(tmp_path: Path) -> None:
    for number in (1, 2):
        folder = tmp_path / f"night{number}" / "queues"
        folder.mkdir(parents=True)
        claims = [f"c{number}-{n // 2:02}" for n in range(40)]
        persons = [f"P{number}{n:02}" for n in range(40)]
        rows = {"claim_id": claims, "person_id": persons, "rank": [1 + n % 2 for n in range(40)]}
        pq.write_table(pa.table(rows | {"rank": pa.array(rows["rank"], pa.int32())}), folder / "review.parquet")
    assert night_files.verdicts(tmp_path, tmp_path / "verdicts.csv", "30") == {"verdicts": 30, "of": 2}
    found = pa.csv.read_csv(tmp_path / "verdicts.csv").to_pylist()
    assert len({row["claim_id"] for row in found}) == 30
    assert [row["verdict"] for row in found].count("nobody") == 6
    for row in found:
        # The first candidate of each: the even ones.
        wanted = f"P{row['claim_id'][1]}{2 * int(row['claim_id'][3:]):02}"
        assert row["person_id"] == ("" if row["verdict"] == "nobody" else wanted)


def test_nights_are_taken_back_before_each_try(tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    before = tuple(python(f"open({str(seen)!r}, 'a').write('b')"))
    command = tuple(python(f"open({str(seen)!r}, 'a').write('n'); print('{{}}')"))
    step = Step("1.quiet.1", "quiet", command, {"persons": 1}, before=before, repeats=2)
    assert driver.measure(step, tmp_path, 1 << 30)["failure"] is None
    assert seen.read_text(encoding="utf-8") == "bnbn"
    refusing = replace(step, before=tuple(python("import sys; sys.exit('no way back')")))
    assert driver.measure(refusing, tmp_path, 1 << 30)["failure"] == "exit code 1: no way back"
    assert seen.read_text(encoding="utf-8") == "bnbn"
