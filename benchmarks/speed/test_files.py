"""From files to columns, the index, a model and a whole run."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.national.tasks import changes, csv
from benchmarks.speed.conftest import SIZES
from benchmarks.speed.measuring import measure, told_beside
from linkage.encode.columns import encode
from linkage.ingest import ingest
from linkage.night.run import RunSummary, run
from linkage.registry.from_files import apply_changes, build_from_files
from linkage.registry.index import open_index
from linkage.schema import DOSES as DOSE_TABLE

READING, INDEX, WHOLE = "Reading and encoding", "Index", "Whole runs"
N_CHANGES = 1000
N_TAKEN = 100_000


@pytest.fixture(scope="session")
def dose_files(simulated: dict[str, Path], work: Path) -> dict[str, Path]:
    """The same doses in both formats."""
    source = simulated["large"] / "doses.parquet"
    csv(source, work / "doses.csv")
    return {"parquet": source, "csv": work / "doses.csv"}


def n_rows(path: Path) -> int:
    return int(pq.read_metadata(path).num_rows)


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_ingest(benchmark: BenchmarkFixture, dose_files: dict[str, Path], work: Path, kind: str) -> None:
    read = lambda: ingest([dose_files[kind]], DOSE_TABLE, scratch=work)  # noqa: E731
    measure(benchmark, READING, n_rows(dose_files["parquet"]), "doses", read, rounds=3)


def test_encode(benchmark: BenchmarkFixture, simulated: dict[str, Path], indexes: dict[str, Path]) -> None:
    """Standardising and encoding what was read, into a copy of the index's dictionaries; one core."""
    index = open_index(indexes["large"])
    doses = pq.read_table(simulated["large"] / "doses.parquet")
    read = lambda: encode(doses, index.plan, "left", index.dictionaries.copy())  # noqa: E731
    measure(benchmark, READING, doses.num_rows, "doses", read, rounds=3)


@pytest.mark.parametrize("size", SIZES)
def test_build(benchmark: BenchmarkFixture, simulated: dict[str, Path], indexes: dict[str, Path], size: str) -> None:
    """Registry files to an index in force; it was built before, so that nothing is compiled."""
    folder, out = simulated[size], indexes[size].with_name("built again")
    build = lambda: build_from_files([folder / "registry.parquet"], out, units=folder / "units")  # noqa: E731
    people = n_rows(folder / "registry.parquet")
    measure(benchmark, INDEX, people, "people", build, rounds=1, is_compiled=True, threads=2)
    shutil.rmtree(out)


@pytest.mark.parametrize("size", SIZES)
def test_open(benchmark: BenchmarkFixture, indexes: dict[str, Path], size: str) -> None:
    people = open_index(indexes[size]).n_persons
    measure(benchmark, INDEX, people, "people", lambda: open_index(indexes[size]))


@pytest.mark.parametrize("size", SIZES)
def test_apply(benchmark: BenchmarkFixture, simulated: dict[str, Path], indexes: dict[str, Path], size: str) -> None:
    """A thousand changes, to a copy of the index."""
    path, copied = simulated[size] / "changes.parquet", indexes[size].with_name("changed")
    changes(simulated[size] / "registry.parquet", path, str(N_CHANGES))
    shutil.copytree(indexes[size], copied)
    people = open_index(copied).n_persons
    work_off = lambda: apply_changes(path, copied)  # noqa: E731
    measure(benchmark, INDEX, N_CHANGES, "changes", work_off, rounds=1, is_compiled=True, people=people)
    shutil.rmtree(copied)


@pytest.mark.parametrize("size", SIZES)
def test_take(benchmark: BenchmarkFixture, indexes: dict[str, Path], size: str) -> None:
    """Names and numbers of people by row, in random order."""
    index = open_index(indexes[size])
    rows = np.random.default_rng(1).integers(0, index.n_persons, N_TAKEN)
    take = lambda: index.take(rows, ["person_id", "full_name", "id_number"])  # noqa: E731
    measure(benchmark, INDEX, N_TAKEN, "rows", take, rounds=3, people=index.n_persons)


@pytest.mark.parametrize("size", SIZES)
def test_run(
    benchmark: BenchmarkFixture,
    simulated: dict[str, Path],
    indexes: dict[str, Path],
    trained: dict[str, RunSummary],
    size: str,
) -> None:
    """Doses to published queues with the model of a run before, whose training is told beside."""
    doses, model = simulated[size] / "doses.parquet", trained[size].run_dir / "model.json"
    out = indexes[size].with_name("runs with a model")
    benchmark.group = WHOLE
    summary = benchmark.pedantic(lambda: run([doses], indexes[size], out, model_file=model), rounds=1, iterations=1)
    told = {"people": open_index(indexes[size]).n_persons, "train": trained[size].seconds["train"], "threads": 2}
    told_beside(benchmark, n_rows(doses), "doses", stages=summary.seconds, **told)
