"""The same inputs give the same bytes, and a run that is disturbed publishes nothing."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from linkage.ingest.records import RecordsWriter
from linkage.night.run import run
from linkage.night.train import train_model
from linkage.published.folders import staged
from linkage.published.reader import published_records, published_runs
from linkage.registry.from_files import build_from_files
from linkage.storage.locks import locked
from tests.district import LIST_DATE, District, call, hashes, make_district, manifest, write

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def district(tmp_path_factory: pytest.TempPathFactory) -> District:
    return make_district(tmp_path_factory.mktemp("district"))


def run_command(district: District, runs: Path, *options: object) -> list[object]:
    inputs = ["--doses", district.path("doses"), "--index", district.index, "--list-date", LIST_DATE]
    return ["run", *inputs, "--out", runs, *options]


def but_doses(run_dir: Path) -> dict[str, str]:
    """The hashes of all tables but that of the accepted doses, which stand in it as they were read, chunk by chunk."""
    return hashes(run_dir, without=("manifest.json", "doses.arrow", "sums"))


@pytest.mark.parametrize("n_threads", [1, 3])
def test_the_number_of_threads_does_not_show(district: District, tmp_path: Path, n_threads: int) -> None:
    again = district.link([district.path("doses")], tmp_path / "runs", n_threads=n_threads)
    assert again.name == district.run_dir.name
    assert hashes(again) == hashes(district.run_dir)


def test_the_order_of_the_rows_does_not_show(district: District, tmp_path: Path) -> None:
    shuffled = {}
    for seed, name in enumerate(("doses", "registry")):
        rows = district.rows(name)
        random.Random(seed).shuffle(rows)
        shuffled[name] = write(tmp_path / f"{name}.parquet", rows, district.path(name))
    index = build_from_files([shuffled["registry"]], tmp_path / "index", units=district.units)
    assert index.manifest["content"] == manifest(district.run_dir)["index"]["content"]
    summary = run([shuffled["doses"]], tmp_path / "index", tmp_path / "runs", list_date=LIST_DATE)
    assert but_doses(summary.run_dir) == but_doses(district.run_dir)
    of_shuffled, of_district = (
        published_records(run_dir, "doses").read().sort_by("dose_id") for run_dir in (summary.run_dir, district.run_dir)
    )
    assert of_shuffled.equals(of_district)


@pytest.mark.parametrize("size", [97, 1000])
def test_the_sizes_of_parts_do_not_show(
    district: District, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr("linkage.ingest.batch.RecordsWriter", partial(RecordsWriter, chunk_rows=size))
    monkeypatch.setattr("linkage.machine.parts.PART_ROWS", size)
    again = district.link([district.path("doses")], tmp_path / "runs")
    assert but_doses(again) == but_doses(district.run_dir)
    assert published_records(again, "doses").read().equals(published_records(district.run_dir, "doses").read())


def test_a_model_trained_before_decides_as_one_trained_on_the_batch(district: District, tmp_path: Path) -> None:
    train_model([district.path("doses")], district.index).save(tmp_path / "model.json")
    again = district.link([district.path("doses")], tmp_path / "runs", model_file=tmp_path / "model.json")
    assert again.name != district.run_dir.name
    assert hashes(again) == hashes(district.run_dir)


def test_the_same_inputs_again_are_already_published(district: District) -> None:
    before = hashes(district.run_dir, without=())
    again = call(*run_command(district, district.run_dir.parent, "--json"))
    assert again.code == 0
    assert again.json["run_id"] == district.run_dir.name
    assert any(line.startswith("already published: ") for line in again.err.splitlines())
    assert hashes(district.run_dir, without=()) == before
    assert published_runs(district.run_dir.parent) == [district.run_dir]


def test_a_second_start_says_what_the_first_one_said(district: District, tmp_path: Path) -> None:
    rows = [row | {"facility_code": "25054"} for row in district.rows("doses")[:400]]  # too few to train on: a note
    doses = write(tmp_path / "few.parquet", [*rows, rows[0]], district.path("doses"))
    command = ["run", "--doses", doses, "--index", district.index, "--out", tmp_path / "runs"]
    first, again = call(*command, "--json"), call(*command, "--json")
    assert (first.code, again.code) == (0, 0)
    assert again.out == first.out
    notes = [[line for line in ended.err.splitlines() if line.startswith("note: ")] for ended in (first, again)]
    assert notes[0]
    assert notes[0] == notes[1]


def test_what_decides_the_outcome_makes_another_run(district: District, tmp_path: Path) -> None:
    ids = {district.run_dir.name.split("-")[1]}
    doses = [district.path("doses")]
    ids.add(district.link(doses, tmp_path, list_date=LIST_DATE.replace(day=1)).name.split("-")[1])
    ids.add(district.link(doses, tmp_path, columns={"phone": "lot", "lot": "phone"}).name.split("-")[1])
    ids.add(district.link([write(tmp_path / "a.parquet", district.rows("doses")[1:], doses[0])], tmp_path).name)
    assert len(ids) == 4


def test_a_second_start_is_told_to_try_later(district: District, tmp_path: Path) -> None:
    with staged(tmp_path, "another"):
        ended = call(*run_command(district, tmp_path))
    assert ended.code == 75
    assert ended.out == ""
    assert ended.err.count("\n") == 1
    assert "another run" in ended.err
    assert call(*run_command(district, tmp_path)).code == 0


def test_the_lock_comes_before_the_inputs(district: District, tmp_path: Path) -> None:
    broken = tmp_path / "broken.csv"
    broken.write_text("")
    command = ["run", "--doses", broken, "--index", district.index, "--out", tmp_path / "runs"]
    assert call(*command).code == 2
    assert not (tmp_path / "runs").exists()  # where nothing was read nothing is left
    (tmp_path / "runs").mkdir()
    with locked(tmp_path / "runs"):
        assert call(*command).code == 75


# The run kills itself where the name says: when the tables are written, and just before the rename.
DEATHS = {
    "writing": "publish.Stage.write_json = die",
    "committing": "publish.Stage.commit = die",
}


@pytest.mark.slow
@pytest.mark.parametrize("when", DEATHS)
def test_a_killed_run_leaves_nothing_and_the_next_one_works(district: District, tmp_path: Path, when: str) -> None:
    code = f"""
import os, signal
from linkage.published import folders as publish
from linkage.cli import main

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

{DEATHS[when]}
main()
"""
    arguments = [sys.executable, "-c", code, *map(str, run_command(district, tmp_path))]
    killed = subprocess.run(arguments, env=os.environ | {"PYTHONPATH": str(ROOT)}, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert published_runs(tmp_path) == []
    assert [path for path in tmp_path.iterdir() if not path.name.startswith(".")] == []
    again = call(*run_command(district, tmp_path, "--json"))
    assert again.code == 0
    assert [path.name for path in tmp_path.iterdir()] == [again.json["run_id"]]
    assert hashes(tmp_path / again.json["run_id"]) == hashes(district.run_dir)


def test_the_same_file_in_another_partition_is_another_run(district: District, tmp_path: Path) -> None:
    rows = pa.Table.from_pylist(district.rows("doses")[:30]).drop_columns(["dose_date"])
    names = set()
    for day in ("2022-08-28", "2022-08-29"):
        folder = tmp_path / f"dose_date={day}"
        folder.mkdir()
        pq.write_table(rows, folder / "part-0.parquet")
        names.add(district.link([folder / "part-0.parquet"], tmp_path / "runs").name)
    assert len(names) == 2
