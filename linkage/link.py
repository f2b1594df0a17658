"""One batch against the index: candidates, patterns, weights and the best persons of every subject.

Subjects are worked on in tiles over threads; the kernels release the interpreter's lock. A tile's result depends on its
subjects alone and results are joined in the order of the tiles, so the output is the same at any number of threads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from blocking.candidates import Blocks, Candidates, drop_own, gather
from blocking.lookup import find
from linkage.comparing import Batch, bind, pattern_space
from linkage.registry import Index
from models.parameters import Parameters
from models.score import rank, select, weigh

TILE_SUBJECTS = 1024

# Candidates with so little weight that their prior odds stay under 2**-20 do not count, not even in the sum.
NEGLIGIBLE_LOG2 = -20.0

Result = TypeVar("Result")


@dataclass(frozen=True)
class PassCounts:
    """What a pass did: candidate pairs, blocks that were over-full and narrowed, and the largest block met."""

    pairs: NDArray[np.int64]
    narrowed: NDArray[np.int64]
    largest: NDArray[np.int64]


@dataclass(frozen=True)
class Ranked:
    """The best candidates of n subjects, best first.

    rows: int64[n, k] registry rows, -1 where there are fewer; weights: float64[n, k] log2 Bayes factors, -inf alike;
    passes: uint16[n, k]; codes: uint32[n, k] agreement patterns; ratios: float64[n, k] term frequency ratios; sums:
    float64[n] Bayes factors of all candidates; n_candidates: int64[n].
    """

    rows: NDArray[np.int64]
    weights: NDArray[np.float64]
    passes: NDArray[np.uint16]
    codes: NDArray[np.uint32]
    ratios: NDArray[np.float64]
    sums: NDArray[np.float64]
    n_candidates: NDArray[np.int64]


@dataclass(frozen=True)
class Scored:
    """The pairs of a tile at or over the floor, in CSR form over the tile's subjects."""

    candidates: Candidates
    codes: NDArray[np.uint32]
    ratios: NDArray[np.float64]
    weights: NDArray[np.float64]
    n_candidates: NDArray[np.int64]


class Scorer:
    """Scores tiles of one batch against one index with given parameters; holds the tables made from them."""

    def __init__(self, batch: Batch, index: Index, parameters: Parameters, *, floor_log2: float | None = None) -> None:
        self.batch, self.index, self.parameters = batch, index, parameters
        self.space = pattern_space(index.plan)
        self.bound = bind(batch, index, parameters)
        prior = parameters.share_in_registry / index.n_persons
        self.floor = NEGLIGIBLE_LOG2 - float(np.log2(prior)) if floor_log2 is None else floor_log2
        self._weights = parameters.match_weight_table(self.space)
        self._household = parameters.household_table(self.space, index.n_persons)
        self._n_cheap = len(self.bound) - 1
        self._bound_table = parameters.bound_table(self.space, self._n_cheap, [c.rarest() for c in self.bound])

    def candidates(self, part: slice) -> tuple[Candidates, PassCounts]:
        """All candidates of a tile of subjects, and the counts of its passes."""
        blocks, pairs, narrowed, largest = [], [], [], []
        for rule in self.index.plan.passes:
            index = self.index.passes[rule.name]
            first, last, before = find(index, self.batch.keys[rule.name][part], rule.max_block)
            blocks.append(Blocks(first, last, index.rows))
            pairs.append(int((last - first).sum()))
            narrowed.append(int(np.count_nonzero(before)))
            largest.append(int(max(before.max(initial=0), (last - first).max(initial=0))))
        found = gather(blocks)
        if self.batch.own_rows is not None:
            n = drop_own(found.offsets, found.rows, found.passes, self.batch.own_rows[part])
            found = Candidates(found.offsets, found.rows[:n], found.passes[:n])
        return found, PassCounts(np.array(pairs), np.array(narrowed), np.array(largest))

    def score(self, part: slice, candidates: Candidates) -> Scored:
        """Patterns and weights of a tile's candidates that reach the floor. The candidates' arrays are used up."""
        n_candidates = np.diff(candidates.offsets)
        codes = np.zeros(candidates.rows.size, np.uint32)
        for comparison in self.bound[: self._n_cheap]:
            comparison.add(part, candidates.offsets, candidates.rows, codes)
        kept = select(candidates.offsets, candidates.rows, candidates.passes, codes, self._bound_table, self.floor)
        candidates = Candidates(candidates.offsets, candidates.rows[:kept], candidates.passes[:kept])
        codes = codes[:kept]
        for comparison in self.bound[self._n_cheap :]:
            comparison.add(part, candidates.offsets, candidates.rows, codes)
        ratios = np.ones(kept)
        for comparison in self.bound:
            comparison.multiply(part, candidates.offsets, candidates.rows, codes, ratios)
        weights = np.empty(kept)
        weigh(codes, ratios, self._weights, self._household, weights)
        return Scored(candidates, codes, ratios, weights, n_candidates)

    def rank(self, scored: Scored, n_best: int) -> Ranked:
        """The best candidates of a tile's subjects."""
        n_subjects = scored.candidates.offsets.size - 1
        best, weights = np.empty((n_subjects, n_best), np.int64), np.empty((n_subjects, n_best))
        sums = np.empty(n_subjects)
        rank(scored.candidates.offsets, scored.weights, scored.candidates.rows, self.floor, best, weights, sums)
        is_there = best >= 0

        def pick(values: NDArray[np.generic], absent: int) -> NDArray[np.generic]:
            padded = np.append(values, np.array([absent]).astype(values.dtype))
            return np.asarray(padded[np.where(is_there, best, values.size)])

        rows = np.where(is_there, pick(scored.candidates.rows, 0).astype(np.int64), -1)
        return Ranked(
            rows,
            weights,
            pick(scored.candidates.passes, 0).astype(np.uint16),
            pick(scored.codes, 0).astype(np.uint32),
            pick(scored.ratios, 1).astype(np.float64),
            sums,
            scored.n_candidates,
        )


@dataclass(frozen=True)
class LinkedBatch:
    """The result of a batch. patterns: (pass, pattern) -> pairs at or over the floor, int64; counts: by pass of the
    plan."""

    ranked: Ranked
    counts: PassCounts
    patterns: dict[tuple[int, int], int]


def link_batch(scorer: Scorer, n_threads: int, on_tile: Callable[[int], None] | None = None) -> LinkedBatch:
    """Rank the candidates of every subject of the batch. ``on_tile`` is told the number of subjects done."""
    n_best = scorer.index.plan.decision.candidates_kept

    def work(part: slice) -> tuple[Ranked, PassCounts, dict[tuple[int, int], int]]:
        candidates, counts = scorer.candidates(part)
        scored = scorer.score(part, candidates)
        return scorer.rank(scored, n_best), counts, _count_patterns(scored, scorer.floor)

    ranked: list[Ranked] = []
    counts: list[PassCounts] = []
    patterns: dict[tuple[int, int], int] = {}
    for part, (tile, tile_counts, tile_patterns) in run_tiles(work, scorer.batch.n_subjects, n_threads):
        ranked.append(tile)
        counts.append(tile_counts)
        for key, n in tile_patterns.items():
            patterns[key] = patterns.get(key, 0) + n
        if on_tile is not None:
            on_tile(part.stop)
    return LinkedBatch(_joined(ranked), _added(counts), dict(sorted(patterns.items())))


def run_tiles(work: Callable[[slice], Result], n_subjects: int, n_threads: int) -> Iterator[tuple[slice, Result]]:
    """Run work on tiles of subjects over threads; results come in the order of the tiles."""
    parts = [
        slice(start, min(start + TILE_SUBJECTS, n_subjects)) for start in range(0, max(n_subjects, 1), TILE_SUBJECTS)
    ]
    with ThreadPoolExecutor(n_threads) as threads:
        yield from zip(parts, threads.map(work, parts), strict=True)


def _count_patterns(scored: Scored, floor: float) -> dict[tuple[int, int], int]:
    """Pairs at or over the floor by pass and pattern."""
    counted: dict[tuple[int, int], int] = {}
    above = scored.weights >= floor
    codes, passes = scored.codes[above], scored.candidates.passes[above]
    for bit in range(16):
        patterns, n = np.unique(codes[passes >> bit & 1 == 1], return_counts=True)
        counted |= {(bit, int(code)): int(count) for code, count in zip(patterns, n, strict=True)}
    return counted


def _joined(tiles: list[Ranked]) -> Ranked:
    names = ("rows", "weights", "passes", "codes", "ratios", "sums", "n_candidates")
    return Ranked(*(np.concatenate([getattr(tile, name) for tile in tiles]) for name in names))


def _added(tiles: list[PassCounts]) -> PassCounts:
    return PassCounts(
        np.sum([tile.pairs for tile in tiles], axis=0),
        np.sum([tile.narrowed for tile in tiles], axis=0),
        np.max([tile.largest for tile in tiles], axis=0),
    )
