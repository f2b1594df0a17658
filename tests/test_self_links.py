"""A list of people linked with itself: relatives stay two people, and people typed hundreds of times, each time with
slips of their own, one."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from benchmarks.accuracy import people_lists, self_links
from benchmarks.accuracy.people_lists import PeopleList, Wanted, make_list
from benchmarks.accuracy.self_links import EVALUATION, QUICK, Case, joined_records, judged, markdown
from linkage.plan.reading import load_plan
from linkage.plan.sections import Plan
from linkage.two_files.link import LinkSummary, link_files

ROOT = Path(__file__).parents[1]


def link(folder: Path, made: PeopleList, plan: Plan) -> LinkSummary:
    path = folder / "people.parquet"
    pq.write_table(made.records, path)
    return link_files([path], [path], plan, folder / "linked")


def test_relatives_who_share_a_name_by_chance_teach_nothing_of_matches(tmp_path: Path) -> None:
    """Of thousands in one home a few have one name or one birthday; taken for matches, they teach that matches differ
    in all else."""
    made = make_list(Wanted(500, 40, [2] * 250, with_slips=True), seed=5)
    summary = link(tmp_path, made, load_plan(self_links.PLAN))
    found = judged(made, summary)
    assert found["false_links"] == 0
    assert found["joined"] >= 0.98 * found["again"]


@pytest.mark.parametrize("few_fields", [False, True])
def test_one_person_typed_a_thousand_times_with_slips_is_one(few_fields: bool, tmp_path: Path) -> None:
    """Half a million pairs of one person neither teach what matches are nor stop the others from being linked."""
    case = Case(few_fields, with_slips=True, size=1000, seed=1, households=10)
    made = make_list(Wanted(700, 10, [1000, *[2] * 100], with_slips=True), case.seed)
    summary = link(tmp_path, made, case.plan())
    found = judged(made, summary)
    assert summary.refusal is None
    assert found["false_links"] <= 1
    assert found["joined"] >= 0.97 * found["again"]
    manifest = json.loads((summary.folder / "manifest.json").read_text("utf-8"))
    assert manifest["training"]["subjects"] < made.records.num_rows - 900
    assert manifest["candidates"] < 10 * made.records.num_rows
    assert manifest["crowds_match_threshold"] < 1.0


def test_links_that_hold_few_of_the_matches_say_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three fields with many slips leave a tenth of the matches less sure than the plan promises links to be."""
    monkeypatch.setattr(people_lists, "SLIPS", {slip: 2.5 * share for slip, share in people_lists.SLIPS.items()})
    case = Case(few_fields=True, with_slips=True, size=2, seed=12)
    made = case.made()
    summary = link(tmp_path, made, case.plan())
    told = [note for note in summary.notes if "are expected to hold 9" in note]
    assert [note.startswith("at highest_false_match_rate = 0.001 the links") for note in told] == [True]
    found = judged(made, summary)
    expected = json.loads((summary.folder / "manifest.json").read_text("utf-8"))["share_found"]
    assert expected["low"] <= found["joined"] / found["again"] <= expected["high"]


def test_a_list_says_who_is_who() -> None:
    made = make_list(Wanted(50, 2, [5, 3], with_slips=True), seed=1)
    assert made.records.num_rows == len(made.entities) == 50 + 2 * sum(range(2, 13)) + 4 + 2
    _, sizes = np.unique(made.entities, return_counts=True)
    assert sorted(sizes)[-3:] == [1, 3, 5]
    again = make_list(Wanted(50, 2, [5, 3], with_slips=True), seed=1)
    assert again.records.equals(made.records)


def test_what_is_joined_is_counted_by_record() -> None:
    true = np.array([0, 0, 0, 0, 1, 1, 2])
    assert joined_records(true, np.array([5, 5, 5, 6, 7, 7, 8])) == (4, 3)
    assert joined_records(true, np.array([1, 2, 3, 4, 5, 6, 7])) == (4, 0)
    assert joined_records(true, np.zeros(7, np.int64)) == (4, 4)


@pytest.mark.parametrize("case", [EVALUATION[0], EVALUATION[-1], QUICK[0]])
def test_cases_are_known_by_their_names(case: Case) -> None:
    assert Case.named(case.name) == case
    names = {comparison.name for comparison in case.plan().comparisons}
    assert names == ({"name", "born", "phone"} if case.few_fields else {"name", "sex", "born", "phone", "address"})


def test_the_report_says_the_worst_of_the_seeds() -> None:
    row: dict[str, Any] = {"tool": "ours", "again": 100, "joined": 99, "links": 100, "false_links": 1, "records": 700}
    row |= {"clusters": 1, "expected_false_match_rate": 1e-4, "refused": None, "seconds": {"link": 1.0}}
    rows = [row | {"set": f"five_slips_2_40_{seed}", "peak_rss_bytes": 10**9} for seed in (11, 12)]
    rows[1] |= {"joined": 50, "refused": "why"}
    rows.append({"set": "five_slips_5_40_11", "tool": "ours", "failure": "took too long"})
    lines = markdown(rows, {}).splitlines()
    assert (
        "| five | slips | 2 | 1 | 700 | 0.7450 (0.5000) | 200 | 2 | 0.01000 | 0.00010 | 1 of 2 | 1.0 | 1.00 |" in lines
    )
    assert "- five_slips_5_40_11, ours: took too long" in lines


@pytest.mark.slow
def test_the_whole_way_on_one_small_list(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks.accuracy", "--self-links", "--only", QUICK[1].name, "--out", tmp_path]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    (row,) = json.loads((tmp_path / "self_links.json").read_text(encoding="utf-8"))["rows"]
    assert row["joined"] >= 0.9 * row["again"] > 0
    assert (tmp_path / "self_links.md").is_file()
