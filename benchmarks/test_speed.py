"""``./run bench``: pairs a second of the comparison kernels, of candidates, of scoring and of a whole run.

Compile time is apart: every measured function runs once before. Pairs are those of simulated doses in their blocks, so
that kernels meet the mix of names and dates that they meet at night. ``extra_info`` holds millions of pairs a second on
one core; a run's record is kept with ``./run bench --benchmark-json FILE``.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture
from rapidfuzz import process
from rapidfuzz.distance import JaroWinkler

from blocking.candidates import Found
from linkage.comparing import Pairs
from linkage.ingest import ingest
from linkage.link import TILE_SUBJECTS
from linkage.nightly import run
from linkage.reconcile import subjects_of
from linkage.registry import Index, open_index
from linkage.registry_files import build_from_files
from linkage.schema import DOSES
from linkage.scoring import Scorer, Tile
from linkage.simulate import simulate
from linkage.train import train
from models.comparators import text

PERSONS, N_DOSES, SEED = 100_000, 40_000, 4
KINDS = ("sex", "birth_date", "id_number", "phone", "insurance_number", "commune", "ethnicity", "full_name")


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("speed")
    simulate(PERSONS, N_DOSES, SEED, where / "data")
    build_from_files([where / "data" / "registry.parquet"], where / "index", units=where / "data" / "units")
    return where


@pytest.fixture(scope="session")
def scorer(folder: Path) -> Scorer:
    index: Index = open_index(folder / "index")
    doses = ingest([folder / "data" / "doses.parquet"], DOSES).accepted
    _, _, batch = subjects_of(doses, index)
    parameters, _ = train(batch, index, 2)
    return Scorer(batch, index, parameters)


@pytest.fixture(scope="session")
def tile(scorer: Scorer) -> Tile:
    return scorer.tile(slice(0, TILE_SUBJECTS))


@pytest.fixture(scope="session")
def found(scorer: Scorer, tile: Tile) -> Found:
    return scorer.candidates(tile)[0]


def measure(benchmark: BenchmarkFixture, n_pairs: int, work: Callable[[], object]) -> None:
    """Median of at least five rounds, after one that compiles."""
    work()
    benchmark.pedantic(work, rounds=7, iterations=1)
    benchmark.extra_info["pairs"] = n_pairs
    benchmark.extra_info["million_pairs_per_second"] = round(n_pairs / benchmark.stats.stats.median / 1e6, 2)


@pytest.mark.parametrize("name", KINDS)
def test_comparison(benchmark: BenchmarkFixture, scorer: Scorer, tile: Tile, found: Found, name: str) -> None:
    """One comparison over the runs of registry rows of a tile."""
    bound = next(c for c in scorer.bound if c.spec.name == name)
    sizes = (found.last - found.first)[:, 0]
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    pairs = Pairs(np.arange(sizes.size), found.first[:, 0], offsets, None)
    codes = np.zeros(int(offsets[-1]), np.uint32)
    measure(benchmark, codes.size, lambda: bound.add(tile.columns, pairs, codes))


def test_candidates(benchmark: BenchmarkFixture, scorer: Scorer, tile: Tile, found: Found) -> None:
    measure(benchmark, int(found.n_candidates.sum()), lambda: scorer.candidates(tile))


def test_scoring(benchmark: BenchmarkFixture, scorer: Scorer, tile: Tile, found: Found) -> None:
    """All comparisons, bound, term frequencies and weights of a tile of candidates."""
    measure(benchmark, int(found.n_candidates.sum()), lambda: scorer.score(tile, found))


def test_linking(benchmark: BenchmarkFixture, scorer: Scorer, found: Found) -> None:
    """All of it, from the encoded subjects to their best candidates."""
    part = slice(0, TILE_SUBJECTS)
    measure(benchmark, int(found.n_candidates.sum()), lambda: scorer.rank(scorer.link(part)[0], 5))


WORDS = 2_000


def random_words() -> list[str]:
    rng = np.random.default_rng(1)
    return ["".join(rng.choice(list("abcdefghijklmnop"), rng.integers(3, 12))) for _ in range(WORDS)]


def test_jaro_winkler(benchmark: BenchmarkFixture) -> None:
    """Ours over a dictionary of words, every word with every other."""
    words = random_words()
    starts = np.concatenate([[0], np.cumsum([len(w) for w in words])]).astype(np.int64)
    letters = np.frombuffer("".join(words).encode("utf-32-le"), np.uint32)
    ids = np.arange(1, WORDS, dtype=np.uint32)
    offsets = np.arange(0, ids.size**2 + 1, ids.size, dtype=np.int64)
    first = np.zeros(ids.size, np.int64)
    codes = np.zeros(ids.size**2, np.uint32)
    table = (letters, starts, 12)
    limits = np.array([0.92, 0.8])
    arguments = (first, offsets, ids, ids, table, text.JARO_WINKLER, limits, np.uint32(1), codes)
    measure(benchmark, codes.size, lambda: text.text_levels(*arguments))


def test_jaro_winkler_of_rapidfuzz(benchmark: BenchmarkFixture) -> None:
    words = random_words()
    measure(benchmark, WORDS**2, lambda: process.cdist(words, words, scorer=JaroWinkler.similarity, workers=1))


def test_whole_run(benchmark: BenchmarkFixture, folder: Path, tmp_path: Path) -> None:
    """Doses to published queues, training included; each round into a folder of its own."""
    rounds = iter(range(9))

    def work() -> object:
        return run([folder / "data" / "doses.parquet"], folder / "index", tmp_path / str(next(rounds)))

    work()
    benchmark.pedantic(work, rounds=3, iterations=1)
    benchmark.extra_info["doses"] = N_DOSES
