"""Splink beside ours on the same pairs, see `benchmarks.speed.splink_pairs`."""

from __future__ import annotations

import shutil
from dataclasses import asdict
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.accuracy.simulations import made
from benchmarks.accuracy.standardised import StandardisedDoses, standardise
from benchmarks.speed.measuring import told_beside
from benchmarks.speed.splink_models import COMMON_MODELS
from benchmarks.speed.splink_pairs import compare, make_common
from linkage.registry.index import open_index

SECTION = "Beside Splink"
N_THREADS = 2
# What the last bit of sums taken in another order can differ by.
EQUAL_WITHIN = 1e-9


@pytest.fixture(scope="session")
def standardised(simulated: dict[str, Path], indexes: dict[str, Path]) -> StandardisedDoses:
    return standardise(made(simulated["large"]), open_index(indexes["large"]))


@pytest.mark.parametrize("model", COMMON_MODELS)
def test_splink(
    benchmark: BenchmarkFixture, standardised: StandardisedDoses, work: Path, model: str, n_splink_doses: int
) -> None:
    """The time told is that of the whole comparison; what each took stands beside it."""
    folder = work / "common"
    common = make_common(claims_of(standardised, n_splink_doses), standardised.persons, COMMON_MODELS[model], folder)
    benchmark.group = SECTION
    compared = benchmark.pedantic(lambda: compare(common, N_THREADS), rounds=1, iterations=1)
    told = {"model": model, "doses": n_splink_doses, "threads": N_THREADS, **asdict(compared)}
    told_beside(benchmark, compared.n_pairs, "pairs", **told)
    shutil.rmtree(folder)
    assert compared.worst < EQUAL_WITHIN


def claims_of(standardised: StandardisedDoses, n_doses: int) -> pa.Table:
    """The distinct claims of the first doses."""
    if n_doses > standardised.doses.num_rows:
        raise pytest.UsageError(f"--splink-doses: there are {standardised.doses.num_rows} doses; ask for fewer")
    with duckdb.connect() as connection:
        connection.register("claims", standardised.claims)
        connection.register("doses", standardised.doses.slice(0, n_doses))
        wanted = "SELECT * FROM claims WHERE unique_id IN (SELECT unique_id FROM doses) ORDER BY unique_id"
        return connection.sql(wanted).to_arrow_table()
