"""The limits of the machine: how fast memory is read, and how fast the pairs' values are with nothing compared."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from numba import njit
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.speed.engine import Prepared
from benchmarks.speed.measuring import measure
from linkage.scoring.batch import Pairs

SECTION = "Limits"
N_BYTES = 1 << 29


@njit(nogil=True, error_model="numpy")
def add_up(values: Any) -> Any:
    total = np.uint64(0)
    for value in values:
        total += value
    return total


@njit(nogil=True, error_model="numpy")
def copy(values: Any, out: Any) -> None:
    for i in range(values.shape[0]):
        out[i] = values[i]


@njit(nogil=True, error_model="numpy")
def add_up_runs(values: Any, first: Any, sizes: Any, sums: Any) -> None:
    """The values of every subject's run of registry rows, added up: what a comparison loads, and no comparison."""
    for s in range(first.shape[0]):
        total = np.uint64(0)
        for value in values[first[s] : first[s] + sizes[s]]:
            total += np.uint64(value)
        sums[s] += total


def in_threads(n_threads: int, work: Callable[[int], object]) -> None:
    """work(0) ... work(n_threads - 1) at once."""
    with ThreadPoolExecutor(n_threads) as threads:
        list(threads.map(work, range(n_threads)))


@pytest.mark.parametrize("n_threads", [1, 2])
def test_reading_memory(benchmark: BenchmarkFixture, n_threads: int) -> None:
    parts = np.array_split(np.ones(N_BYTES // 8, np.uint64), n_threads)
    measure(
        benchmark,
        SECTION,
        N_BYTES,
        "bytes",
        lambda: in_threads(n_threads, lambda t: add_up(parts[t])),
        threads=n_threads,
    )


@pytest.mark.parametrize("n_threads", [1, 2])
def test_copying_memory(benchmark: BenchmarkFixture, n_threads: int) -> None:
    """Bytes are counted once, though each is read and written."""
    parts = np.array_split(np.ones(N_BYTES // 8, np.uint64), n_threads)
    out = [np.empty_like(part) for part in parts]
    measure(
        benchmark,
        SECTION,
        N_BYTES,
        "bytes",
        lambda: in_threads(n_threads, lambda t: copy(parts[t], out[t])),
        threads=n_threads,
    )


# The encoded columns of the registry that the comparisons before the name read.
COLUMNS = ("sex", "birth_date", "id_number", "old_id_number", "phone", "insurance_number", "commune", "residence")


@pytest.mark.parametrize("n_threads", [1, 2])
def test_bare_loop(benchmark: BenchmarkFixture, country: Prepared, country_runs: Pairs, n_threads: int) -> None:
    """The columns of the comparisons before the name over the runs of all subjects of the batch, added up."""
    columns = [country.index.columns[name].large for name in (*COLUMNS, "ethnicity")]
    first, sizes = country_runs.first, np.diff(country_runs.offsets)
    sums = np.zeros(first.size, np.uint64)
    parts = np.array_split(np.arange(first.size), n_threads)

    def work(thread: int) -> None:
        part = slice(parts[thread][0], parts[thread][-1] + 1)
        for column in columns:
            add_up_runs(column, first[part], sizes[part], sums[part])

    told = {"threads": n_threads, "bytes_per_pair": sum(column.dtype.itemsize for column in columns)}
    measure(benchmark, SECTION, int(sizes.sum()), "pairs", lambda: in_threads(n_threads, work), **told)
