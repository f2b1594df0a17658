"""Random pairs: distinct, as many as asked for or as there are, the same at any number of threads."""

from __future__ import annotations

from unittest import mock

import numpy as np
import pyarrow.parquet as pq
import pytest

from linkage.encode.columns import encode
from linkage.registry.from_files import build_from_files
from linkage.registry.index import Index
from linkage.scoring.batch import Batch, Pairs, pattern_space, prepare_batch
from linkage.scoring.binding import bind
from linkage.simulate import simulate
from linkage.training import random_pairs
from linkage.training.random_pairs import Counts, random_patterns
from linkage.training.train import starting_parameters

N_PERSONS = 500

# Without the kernel mark (pytest.mark.kernel): every kernel met has a twin.


@pytest.fixture(scope="module")
def district(tmp_path_factory: pytest.TempPathFactory) -> tuple[Batch, Index]:
    folder = tmp_path_factory.mktemp("simulated")
    simulate(N_PERSONS, 300, 3, folder, area="bao-lam")
    index = build_from_files([folder / "registry.parquet"], folder / "index", units=folder / "units")
    dictionaries = index.dictionaries.copy()
    doses = pq.read_table(folder / "doses.parquet").sort_by("dose_id").combine_chunks()
    return prepare_batch(encode(doses, index.plan, "left", dictionaries), dictionaries, index), index


def drawn(district: tuple[Batch, Index], n_pairs: int, n_threads: int = 2, seed: int = 1) -> Counts:
    batch, index = district
    parameters = starting_parameters(index.plan, index.n_persons)
    return random_patterns(np.random.default_rng(seed), batch, index, parameters, n_pairs, n_threads)


def test_a_small_batch_meets_everybody_exactly_once(district):
    batch, index = district
    patterns, counts = drawn(district, 10**8)
    everybody = np.tile(np.arange(index.n_persons, dtype=np.uint32), batch.n_claims)
    codes = np.zeros(everybody.size, np.uint32)
    offsets = np.arange(batch.n_claims + 1, dtype=np.int64) * index.n_persons
    for comparison in bind(batch, index, starting_parameters(index.plan, index.n_persons)):
        comparison.add(batch.columns, Pairs.listed(offsets, everybody), codes)
    expected, n = np.unique(codes, return_counts=True)
    assert np.array_equal(patterns, expected)
    assert np.array_equal(counts, n)


@pytest.mark.parametrize("n_pairs", [1, 299, 10_000])
def test_about_as_many_pairs_as_asked_for(district, n_pairs):
    batch, _ = district
    patterns, counts = drawn(district, n_pairs)
    assert n_pairs <= counts.sum() < n_pairs + batch.n_claims
    assert (np.diff(patterns.astype(np.int64)) > 0).all()
    assert counts.min() > 0


def test_threads_and_pieces_do_not_change_the_counts(district):
    one = drawn(district, 20_000, n_threads=1)
    with mock.patch.object(random_pairs, "PAIRS_AT_ONCE", 1000):
        several = drawn(district, 20_000, n_threads=3)
    for a, b in zip(one, several, strict=True):
        assert np.array_equal(a, b)


def test_a_sample_of_the_people_has_the_shares_of_all(district):
    """Sex: the first comparison, whose level is the pattern modulo its number of levels."""
    space = pattern_space(district[1].plan)

    def share_of_same_sex(counts: Counts) -> float:
        level = counts[0] % space.n_levels[0]
        return counts[1][level == 1].sum() / counts[1][level > 0].sum()

    whole = share_of_same_sex(drawn(district, 10**8))
    with mock.patch.object(random_pairs, "PEOPLE", 200):
        patterns, n = drawn(district, 10**8)
        assert n.sum() == district[0].n_claims * 200
        assert share_of_same_sex((patterns, n)) == pytest.approx(whole, abs=0.01)


def test_no_subject_no_pair(district):
    batch, index = district
    nobody = Batch(0, {k: v[:0] for k, v in batch.columns.items()}, batch.dictionaries)
    parameters = starting_parameters(index.plan, index.n_persons)
    patterns, counts = random_patterns(np.random.default_rng(1), nobody, index, parameters, 1000, 2)
    assert patterns.size == counts.size == 0
