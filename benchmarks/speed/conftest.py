"""What the benchmarks of speed measure on: simulated registries of two sizes, their doses, indexes and a model."""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np
import pyarrow.parquet as pq
import pytest

from benchmarks.speed.engine import Prepared, not_verified, runs
from linkage.night.run import RunSummary, run
from linkage.registry.from_files import build_from_files
from linkage.registry.index import open_index
from linkage.scoring.batch import Pairs
from linkage.simulate import simulate
from linkage.training.model_file import Model

SEED = 4
PERSONS_PER_DOSE = 5
SIZES = ("small", "large")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--splink-doses",
        type=int,
        nargs="+",
        default=[10_000],
        help="doses that Splink scores too",
    )
    parser.addoption("--persons", type=int, default=1_000_000, help="people of the large registry, ten times the small")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "n_splink_doses" in metafunc.fixturenames:
        metafunc.parametrize("n_splink_doses", metafunc.config.getoption("--splink-doses"))


@pytest.fixture(scope="session")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("speed")


@pytest.fixture(scope="session")
def persons(request: pytest.FixtureRequest) -> dict[str, int]:
    """How many people the registries hold."""
    large = int(request.config.getoption("--persons"))
    return {"small": large // 10, "large": large}


@pytest.fixture(scope="session")
def simulated(work: Path, persons: dict[str, int]) -> dict[str, Path]:
    """The folders of the simulations."""
    for size, n in persons.items():
        simulate(n, n // PERSONS_PER_DOSE, SEED, work / size)
    return {size: work / size for size in SIZES}


@pytest.fixture(scope="session")
def indexes(simulated: dict[str, Path]) -> dict[str, Path]:
    """The indexes of the simulations."""
    for folder in simulated.values():
        build_from_files([folder / "registry.parquet"], folder / "index", units=folder / "units")
    return {size: folder / "index" for size, folder in simulated.items()}


@pytest.fixture(scope="session")
def trained(simulated: dict[str, Path], indexes: dict[str, Path]) -> dict[str, RunSummary]:
    """Runs of all doses that trained a model."""
    return {size: run([folder / "doses.parquet"], indexes[size], folder / "runs") for size, folder in simulated.items()}


@pytest.fixture(scope="session")
def country(simulated: dict[str, Path], indexes: dict[str, Path], trained: dict[str, RunSummary]) -> Prepared:
    """The doses that are not verified at once, against the large registry."""
    return _prepared(simulated["large"], indexes["large"], trained["large"])


@pytest.fixture(scope="session")
def country_2025(work: Path, persons: dict[str, int]) -> Prepared:
    """The same against a registry in communes of 2025, three times as large: so are its blocks."""
    folder, n = work / "2025", persons["large"]
    simulate(n, n // PERSONS_PER_DOSE, SEED, folder, registry_date="2025")
    build_from_files([folder / "registry.parquet"], folder / "index", units=folder / "units")
    return _prepared(folder, folder / "index", run([folder / "doses.parquet"], folder / "index", folder / "runs"))


def _prepared(folder: Path, index_folder: Path, trained: RunSummary) -> Prepared:
    index = open_index(index_folder)
    model = Model.load(trained.run_dir / "model.json", index.plan)
    return not_verified(pq.read_table(folder / "doses.parquet"), index, model.parameters)


@pytest.fixture(scope="session")
def country_runs(country: Prepared) -> Pairs:
    return runs(country)


@pytest.fixture(scope="session")
def plain_names(simulated: dict[str, Path]) -> list[str]:
    """Distinct names without diacritics, in random order."""
    path = simulated["small"] / "registry.parquet"
    with duckdb.connect() as connection:
        found = connection.sql(
            f"SELECT DISTINCT replace(strip_accents(lower(full_name)), 'đ', 'd') FROM '{path}' ORDER BY 1"
        ).fetchall()
    words = [name for (name,) in found if name.isascii()]
    return [words[i] for i in np.random.default_rng(SEED).permutation(len(words))]
