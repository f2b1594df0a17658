"""The fuzz of inputs: mutations mutate, forks are judged as processes are, and a lost record is found."""

from __future__ import annotations

import io
import json
import random
import tomllib
import zipfile
from dataclasses import replace
from importlib import resources
from pathlib import Path

import pyarrow as pa
import pytest

from benchmarks.faults import fuzz_nights
from benchmarks.faults.commands import make_work
from benchmarks.faults.forked import preload, start_forked
from benchmarks.faults.fuzz import _lost, _trial
from benchmarks.faults.fuzz_reading import lost, read_once
from benchmarks.faults.fuzz_sorts import GIVEN, Sort, _as_toml, _as_workbook, _of_bytes, of_plan
from benchmarks.faults.hostile_tables import mutated_table
from benchmarks.faults.mutations import mutated_bytes, mutated_workbook
from benchmarks.faults.town import Town
from benchmarks.faults.trials import RIGHT, TOLD, WRONG
from linkage.ingest import ingest
from linkage.plan.reading import load_plan
from linkage.schema import DOSES

PLAN = resources.files("linkage.plan").joinpath("vaccination.toml").read_bytes()


def test_mutations_change_a_file_and_are_the_same_for_a_seed() -> None:
    content = b"dose_id,full_name\n" + b"".join(b"D%d,An\n" % n for n in range(50))
    found = [mutated_bytes(content, random.Random(seed), b"other") for seed in range(200)]
    assert found == [mutated_bytes(content, random.Random(seed), b"other") for seed in range(200)]
    assert sum(changed != content for _, changed in found) > 180
    assert len({what.split(" at ")[0] for what, _ in found}) > 20


def test_mutated_tables_have_other_cells_types_and_columns() -> None:
    table = pa.table({"dose_id": [f"D{n}" for n in range(9)], "full_name": ["Lê Lan"] * 9})
    found = [mutated_table(table, random.Random(seed), has_types=seed % 2 == 0) for seed in range(200)]
    assert found == [mutated_table(table, random.Random(seed), has_types=seed % 2 == 0) for seed in range(200)]
    assert sum(changed != table for _, changed in found) > 180
    assert len({str(kind) for _, changed in found[::2] for kind in changed.schema.types}) > 10
    assert {str(kind) for _, changed in found[1::2] for kind in changed.schema.types} == {"string"}


def test_an_input_that_ends_or_holds_up_its_process_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Of a town that is not there the process ends at once."""
    trials = list(fuzz_nights.numbered(Town(tmp_path / "nowhere"), 1, range(2)))
    assert [(trial.outcome, trial.detail) for trial in trials] == [(WRONG, "ends the process with 1")] * 2
    monkeypatch.setattr("benchmarks.faults.fuzz_nights.SECONDS", 0)
    (trial,) = fuzz_nights.numbered(Town(tmp_path / "nowhere"), 1, range(1))
    assert (trial.outcome, trial.detail) == (WRONG, "hangs, or takes more than 0 s")


def test_a_mutated_workbook_is_a_workbook_still() -> None:
    content = _as_workbook(pa.table({"dose_id": ["D1"], "full_name": ["Lê Lan"]}))
    for seed in range(30):
        what, changed = mutated_workbook(content, random.Random(seed))
        assert zipfile.is_zipfile(io.BytesIO(changed)), what


def test_a_plan_that_was_not_mutated_is_the_plan(tmp_path: Path) -> None:
    (tmp_path / "plan.toml").write_text(_as_toml(tomllib.loads(PLAN.decode())), "utf-8")
    assert load_plan(tmp_path / "plan.toml") == load_plan()


def test_mutated_plans_are_read_or_refused(tmp_path: Path) -> None:
    sort = Sort("plan", "plan.toml", PLAN, of_plan(PLAN), {"plan check": ("plan", "check", GIVEN)})
    rng = random.Random(5)
    trials = [_trial(sort, make_work(tmp_path / str(number)), rng) for number in range(3)]
    assert {trial.outcome for trial in trials} <= {RIGHT, TOLD}, trials
    assert TOLD in {trial.outcome for trial in trials}


def test_a_fork_ends_as_a_process_does(tmp_path: Path) -> None:
    preload()
    work = make_work(tmp_path / "work")
    ended = start_forked(["model", "show", str(tmp_path / "absent.json")], work, 60)
    assert ended.code == 2
    assert "absent.json" in ended.err
    assert start_forked(["version"], work, 0.0).code is None


@pytest.mark.parametrize(("decided", "rejected", "is_lost"), [(3, 1, False), (2, 1, True), (3, 2, True)])
def test_a_lost_record_is_found(tmp_path: Path, decided: int, rejected: int, is_lost: bool) -> None:
    outputs = {"decisions.parquet": {"rows": 3}, "queues/rejected.parquet": {"rows": 1}}
    inputs = [{"physical_records": 4, "decided": decided, "rejected": rejected}]
    (tmp_path / "manifest.json").write_text(json.dumps({"counts": {}, "inputs": inputs, "outputs": outputs}))
    assert (_lost(tmp_path) is not None) == is_lost


def test_mutated_doses_are_read_or_refused_and_none_is_lost(tmp_path: Path) -> None:
    content = b"dose_id,full_name,date_of_birth\n" + b"".join(b"D%d,An,1981-04-03\n" % n for n in range(30))
    sort = Sort("doses.csv", "doses.csv", content, _of_bytes(content), {})
    rng = random.Random(1)
    trials = [read_once(sort, tmp_path, rng) for _ in range(60)]
    assert {trial.outcome for trial in trials} <= {RIGHT, TOLD}, [t for t in trials if t.outcome == "wrong"]
    (tmp_path / "doses.csv").write_bytes(content)
    read = ingest([tmp_path / "doses.csv"], DOSES)
    assert lost(read) is None
    fewer = replace(read.files[0], physical_records=31)
    assert lost(replace(read, files=(fewer,))) == "31 records, 30 accepted and 0 rejected"
