"""Scoring with the default plan, as a whole and by its parts, on the blocks of a million simulated people.

The subjects are doses that are not verified at once. Times of parts are of one core; they do not add up to the whole,
which works on what is still in the cache.
"""

from __future__ import annotations

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.speed.engine import Prepared, n_pairs
from benchmarks.speed.measuring import measure
from linkage.plan.reading import load_plan
from linkage.scoring.batch import Pairs
from linkage.scoring.tiles import TILE_SUBJECTS
from models.posterior import posterior
from models.score import expect
from tests import naive

WHOLE, PARTS = "Scoring", "Scoring by parts"
COMPARISONS = [comparison.name for comparison in load_plan().comparisons]
WHOLE_ROUNDS = 15  # of a quarter of a second each, of which single ones take a third longer
RUN_PAIRS, TWIN_PAIRS = 3_000_000, 20_000


def a_tile(country: Prepared) -> slice:
    """Subjects from the middle: the first ones have no commune or no year, and meet few."""
    middle = country.batch.n_claims // 2
    return slice(middle, min(middle + TILE_SUBJECTS, country.batch.n_claims))


@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.parametrize("floor", ["none", "own", "country"])
def test_scoring(benchmark: BenchmarkFixture, country: Prepared, floor: str, n_threads: int) -> None:
    """Candidates, patterns, term frequencies, weights and ranking of the whole batch."""
    _measure_whole(benchmark, country, floor, n_threads)


@pytest.mark.parametrize("floor", ["none", "own", "country"])
def test_scoring_2025(benchmark: BenchmarkFixture, country_2025: Prepared, floor: str) -> None:
    """The same in the larger blocks that the communes of 2025 make."""
    _measure_whole(benchmark, country_2025, floor, 2)


def _measure_whole(benchmark: BenchmarkFixture, prepared: Prepared, floor: str, n_threads: int) -> None:
    scorer, n_claims = prepared.scorer(floor), prepared.batch.n_claims
    total = n_pairs(scorer, n_threads)
    work = lambda: n_pairs(scorer, n_threads)  # noqa: E731
    told = {"subjects": n_claims, "threads": n_threads}
    measure(benchmark, WHOLE, total, "pairs", work, rounds=WHOLE_ROUNDS, is_compiled=True, **told)


@pytest.mark.parametrize("name", COMPARISONS)
def test_comparison(benchmark: BenchmarkFixture, country: Prepared, country_runs: Pairs, name: str) -> None:
    """One comparison over runs of registry rows."""
    bound = next(comparison for comparison in country.scorer("own").bound if comparison.spec.name == name)
    last = int(np.searchsorted(country_runs.offsets, RUN_PAIRS))
    offsets = country_runs.offsets[: last + 1]
    pairs = Pairs(country_runs.claims[:last], country_runs.first[:last], offsets, None)
    codes = np.zeros(int(offsets[-1]), np.uint32)
    measure(benchmark, PARTS, codes.size, "pairs", lambda: bound.add(country.batch.columns, pairs, codes))


TWINS = {"sex": naive.category_level, "birth_date": naive.date_level, "phone": naive.digits_level}


@pytest.mark.parametrize("name", TWINS)
def test_twin(benchmark: BenchmarkFixture, country: Prepared, country_runs: Pairs, name: str) -> None:
    """The plain form of a comparison in Python, which the kernel is tested against, on pairs of the same runs."""
    twin = TWINS[name]
    last = int(np.searchsorted(country_runs.offsets, TWIN_PAIRS))
    sizes = np.diff(country_runs.offsets[: last + 1])
    left = np.repeat(country.batch.columns[name][country_runs.claims[:last]], sizes).tolist()
    rows = np.concatenate([np.arange(n) + first for first, n in zip(country_runs.first[:last], sizes, strict=True)])
    right = country.index.columns[name][rows].tolist()
    work = lambda: [twin(a, b) for a, b in zip(left, right, strict=True)]  # noqa: E731
    measure(benchmark, PARTS, len(left), "pairs in Python", work, rounds=1, is_compiled=True)


def test_preparing(benchmark: BenchmarkFixture, country: Prepared) -> None:
    """Term frequency ratios of the subjects, and what their pairs need to count."""
    scorer, part = country.scorer("own"), a_tile(country)
    total = int(scorer.candidates(scorer.tile(part))[0].n_candidates.sum())
    measure(benchmark, PARTS, total, "pairs", lambda: scorer.tile(part), claims=part.stop - part.start)


def test_candidates(benchmark: BenchmarkFixture, country: Prepared) -> None:
    """Keys of all passes, their blocks, and these joined."""
    scorer = country.scorer("own")
    tile = scorer.tile(a_tile(country))
    total = int(scorer.candidates(tile)[0].n_candidates.sum())
    measure(benchmark, PARTS, total, "pairs", lambda: scorer.candidates(tile))


@pytest.mark.parametrize("floor", ["none", "own", "country"])
def test_patterns_and_weights(benchmark: BenchmarkFixture, country: Prepared, floor: str) -> None:
    """What follows when the candidates are known, ranking left out."""
    scorer = country.scorer(floor)
    tile = scorer.tile(a_tile(country))
    found, _ = scorer.candidates(tile)
    kept = scorer.score(tile, found).factors.size / found.n_candidates.sum()
    work = lambda: scorer.score(tile, found)  # noqa: E731
    measure(benchmark, PARTS, int(found.n_candidates.sum()), "pairs", work, share_kept=float(kept))


def test_ranking(benchmark: BenchmarkFixture, country: Prepared) -> None:
    scorer = country.scorer("own")
    scored, _ = scorer.link(a_tile(country))
    measure(benchmark, PARTS, int(scored.n_candidates.sum()), "pairs", lambda: scorer.rank(scored, 5))


def test_posterior(benchmark: BenchmarkFixture, country: Prepared) -> None:
    n = 200_000
    weights = np.sort(np.random.default_rng(1).normal(10, 8, (n, 5)), axis=1)[:, ::-1]
    sums = np.exp2(weights).sum(axis=1)
    outside = np.ones(n)
    work = lambda: posterior(weights, sums, outside, country.parameters)  # noqa: E731
    measure(benchmark, PARTS, n, "subjects", work)


def test_expectation(benchmark: BenchmarkFixture, country: Prepared) -> None:
    """A step of the EM, over all pairs of a tile."""
    scorer = country.scorer("none")
    scored, _ = scorer.link(a_tile(country))
    codes, patterns = np.unique(scored.codes, return_inverse=True)
    patterns = patterns.astype(np.uint32)
    relative_shares, matches, relatives = np.zeros((3, codes.size)), np.zeros(codes.size), np.zeros((4, codes.size))
    prior = country.parameters.share_in_registry / country.index.n_persons

    def work() -> None:
        factors = scored.factors.copy()
        offsets, none = scored.candidates.offsets, np.full(scored.n_candidates.size, 0.1)
        pairs = scored.ratios, np.ones(scored.ratios.size)
        expect(offsets, factors, patterns, pairs, relative_shares, np.ones(2), prior, none, matches, relatives)

    measure(benchmark, PARTS, scored.factors.size, "pairs", work)
