"""Scores the candidates of a few claims at a time: patterns, Bayes factors, and the best of them.

Most candidates are ruled out where they lie. The comparisons but the one that the plan leaves for last are worked out
over runs of registry rows; with the most that the claim could still gain (by its name's rarity, say) a pair that stays
under the floor leaves. What is left is a list, and is weighed exactly.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from blocking.candidates import Candidates, Found, gather, merge
from blocking.parts import find_in_parts
from linkage.encode.dictionaries import Columns
from linkage.encode.keys import KeyParts
from linkage.registry.frequencies import Ratios
from linkage.registry.index import Index
from linkage.scoring.batch import Batch, Chances, Codes, Pairs, pattern_space, rows_of
from linkage.scoring.binding import bind
from linkage.scoring.number_levels import said_of_number
from linkage.scoring.ranking import Ranked
from linkage.scoring.upper_bounds import UpperBounds
from models.parameters import NOT_ASKED, Parameters
from models.patterns import PatternSpace
from models.ranking import N_DIGITS, rank, round_sums
from models.score import bayes_factors, select

Value = TypeVar("Value", bound=np.generic)
_Kept = tuple[NDArray[np.uint32], NDArray[np.uint32]]
_Keys = tuple[NDArray[np.uint64], NDArray[np.uint64]]

# Candidates with so little weight that their prior odds stay under 2**-20 do not count, not even in the sum.
NEGLIGIBLE_LOG2 = -20.0

# Compared at once, so that the codes and the columns of a few blocks stay in the processor's cache.
_PAIRS_AT_ONCE = 1 << 18


@dataclass(frozen=True)
class PassCounts:
    """What a pass did: candidate pairs, blocks that were over-full and narrowed, and the largest block met."""

    pairs: NDArray[np.int64]
    narrowed: NDArray[np.int64]
    largest: NDArray[np.int64]


@dataclass(frozen=True)
class Tile:
    """Some claims of a batch, ready to be compared.

    parts: their columns, and what keys are made of; own_rows: int64[n] or None; ratios: term frequency ratios by
    comparison, float64[n, n_groups, n_levels] or None; needed: float32[n, n_levels], the least weight of the
    comparisons before the last with which a pair may reach the floor, by the best level that the last may have; gains:
    float32[n, n_bound_groups], the most that term frequencies add to that weight, by the bound group of the pattern.
    """

    n_claims: int
    parts: KeyParts
    own_rows: NDArray[np.int64] | None
    ratios: list[Ratios | None]
    needed: NDArray[np.float32]
    gains: NDArray[np.float32]

    @property
    def columns(self) -> Columns:
        return self.parts.columns


@dataclass(frozen=True)
class Scored:
    """The pairs of a tile that may reach the floor, in CSR form over the tile's claims; chances: by comparison, how
    common their values are, see `BoundComparison.chances`; factors: their Bayes factors; n_candidates: int64[n] of
    all; outside: float64[n], see `Parameters.times_outside`."""

    candidates: Candidates
    codes: Codes
    ratios: NDArray[np.float64]
    chances: dict[int, Chances]
    factors: NDArray[np.float64]
    n_candidates: NDArray[np.int64]
    outside: NDArray[np.float64]

    @property
    def weights(self) -> NDArray[np.float64]:
        """log2 Bayes factors. Not kept: of most pairs the factor is all that is asked for; a logarithm is costly."""
        return np.log2(self.factors)


class Scorer:
    """Scores tiles of one batch against one index with given parameters; holds the tables made from them."""

    def __init__(self, batch: Batch, index: Index, parameters: Parameters, *, floor_log2: float | None = None) -> None:
        self.batch, self.index, self.parameters = batch, index, parameters
        self.space = pattern_space(index.plan)
        self.bound = bind(batch, index, parameters)
        self.last = self.bound[-1]  # a plan has the comparison that is left for last there
        prior = parameters.share_in_registry / parameters.n_persons
        self.floor = NEGLIGIBLE_LOG2 - float(np.log2(prior)) if floor_log2 is None else floor_log2
        self.least_factor = float(np.exp2(self.floor))
        self._tables = _pattern_tables(parameters, self.space)
        self.upper_bounds = UpperBounds(self.bound, self.space, parameters, self.floor)

    def tile(self, claims: NDArray[np.int64] | slice) -> Tile:
        """Some claims of the batch, with their term frequency ratios and what their pairs need."""
        columns = rows_of(self.batch, claims)
        n_claims = next(iter(columns.values())).shape[0]
        own_rows = None if self.batch.own_rows is None else self.batch.own_rows[claims]
        parts = KeyParts("left", columns, self.index.plan, self.batch.dictionaries, self.index.numbers)
        ratios = [comparison.ratios(parts, self.index) for comparison in self.bound]
        return Tile(n_claims, parts, own_rows, ratios, *self.upper_bounds.of_claims(ratios, n_claims))

    def candidates(self, tile: Tile) -> tuple[Found, PassCounts]:
        """All candidates of a tile, and the counts of its passes."""
        blocks, pairs, narrowed, largest = [], [], [], []
        for rule in self.index.plan.passes:
            found = find_in_parts(self.index.passes[rule.name], tile.parts.keys(rule), rule.max_block)
            blocks.append(found.blocks)
            pairs.append(int(found.sizes.sum()))
            narrowed.append(int(np.count_nonzero(found.narrowed)))
            largest.append(int(max(found.narrowed.max(initial=0), found.sizes.max(initial=0))))
        counts = PassCounts(np.array(pairs), np.array(narrowed), np.array(largest))
        return gather(blocks, self.index.removed, tile.own_rows), counts

    def score(self, tile: Tile, found: Found) -> Scored:
        """Patterns and Bayes factors of a tile's candidates that may reach the floor."""
        offsets, rows, run_codes = self._select_runs(tile, found)
        others, other_codes = self._select_listed(tile, found.others)
        candidates, codes = merge(offsets, rows, run_codes, others, other_codes)
        if tile.own_rows is not None:
            own_rows = np.repeat(tile.own_rows, np.diff(candidates.offsets))
            candidates, codes = _where(candidates.rows != own_rows, candidates, codes)
        if self.index.removed.rows.size:
            candidates, codes = _where(~self.index.removed.include(candidates.rows), candidates, codes)
        return self._weighed(tile, candidates, codes, found.n_candidates)

    def link(self, claims: NDArray[np.int64] | slice) -> tuple[Scored, PassCounts]:
        """The scored pairs of some claims, and the counts of the passes that found them."""
        tile = self.tile(claims)
        found, counts = self.candidates(tile)
        return self.score(tile, found), counts

    def score_pairs(self, claims: NDArray[np.int64] | slice, candidates: Candidates) -> Scored:
        """Patterns and Bayes factors of given pairs, all of them."""
        tile = self.tile(claims)
        pairs = Pairs.listed(candidates.offsets, candidates.rows)
        codes = self._first_codes(tile, pairs)
        codes += np.uint32(self.last.stride) * self.last.best_levels(tile.columns, pairs)
        return self._weighed(tile, candidates, codes, np.diff(candidates.offsets))

    def _first_codes(self, tile: Tile, pairs: Pairs) -> Codes:
        """Patterns of all comparisons but the last."""
        codes = np.zeros(int(pairs.offsets[-1]), np.uint32)
        for comparison in self.bound[:-1]:
            comparison.add(tile.columns, pairs, codes)
        return codes

    def _select(
        self, tile: Tile, pairs: Pairs, first: NDArray[np.int64], kept: _Kept, counts: NDArray[np.int64]
    ) -> int:
        """Find the pairs that may reach the floor; first: int64[n_spans], the place of each span's first; counts:
        int64[n_spans] out, how many each span has of them. Returns their number."""
        last = self.last
        codes = self._first_codes(tile, pairs)
        best = last.best_levels(tile.columns, pairs)
        tables, bounds, stride = self.upper_bounds.first_tables, (tile.needed, tile.gains), np.uint32(last.stride)
        return int(select(pairs.offsets, codes, best, tables, pairs.claims, bounds, stride, first, kept, counts))

    def _select_in_parts(
        self, tile: Tile, sizes: NDArray[np.int64], spans: Callable[[slice], Pairs]
    ) -> tuple[NDArray[np.uint32], NDArray[np.int64], Codes]:
        """`_select`, so many spans at a time as stay in the cache: the places of the pairs, how many each span has of
        them, and their codes. sizes: int64[n_spans]. Places stand where the span points to, the row of a run or the
        place in the list."""
        total = int(sizes.sum())
        # Of a large array the system makes memory only where it is written to.
        places, codes = np.empty(total, np.uint32), np.empty(total, np.uint32)
        counts = np.empty(sizes.size, np.int64)
        n, start = 0, 0
        for part in _parts(sizes, _PAIRS_AT_ONCE):
            pairs = spans(part)
            first = pairs.first if pairs.rows is None else pairs.first + start
            n += self._select(tile, pairs, first, (places[n:], codes[n:]), counts[part])
            start += int(pairs.offsets[-1])
        return places[:n], counts, codes[:n]

    def _select_runs(self, tile: Tile, found: Found) -> tuple[NDArray[np.int64], NDArray[np.uint32], Codes]:
        """The rows of the runs that may reach the floor, in CSR form, and the pairs' codes."""
        n_claims, width = found.first.shape
        first, sizes = found.first.ravel(), (found.last - found.first).ravel()
        claims = np.repeat(np.arange(n_claims), width)

        def spans(part: slice) -> Pairs:
            return Pairs(claims[part], first[part], _offsets(sizes[part]), None)

        rows, counts, codes = self._select_in_parts(tile, sizes, spans)
        return _offsets(counts.reshape(n_claims, width).sum(axis=1)), rows, codes

    def _select_listed(self, tile: Tile, listed: Candidates) -> tuple[Candidates, Codes]:
        """The listed pairs that may reach the floor, and their codes."""

        def spans(part: slice) -> Pairs:
            start, stop = listed.offsets[part.start], listed.offsets[part.stop]
            offsets = listed.offsets[part.start : part.stop + 1] - start
            return Pairs(np.arange(part.start, part.stop), offsets[:-1], offsets, listed.rows[start:stop])

        places, counts, codes = self._select_in_parts(tile, np.diff(listed.offsets), spans)
        return Candidates(_offsets(counts), listed.rows[places], listed.passes[places]), codes

    def _weighed(self, tile: Tile, candidates: Candidates, codes: Codes, n_candidates: NDArray[np.int64]) -> Scored:
        """Listed pairs with their codes, but for what was only quickly seen of the last level: that, term frequencies,
        Bayes factors."""
        self.last.settle(tile.columns, Pairs.listed(candidates.offsets, candidates.rows), codes)
        product, times = np.ones(codes.size), np.ones(codes.size)
        chances = {}
        for c, (comparison, ratios) in enumerate(zip(self.bound, tile.ratios, strict=True)):
            comparison.multiply(ratios, candidates.offsets, candidates.rows, codes, product)
            common = comparison.chances(ratios, candidates.offsets, candidates.rows)
            if common is not None:
                chances[c] = common
                comparison.raise_by_chance(common, codes, times)
        factors = np.empty(codes.size)
        bayes_factors(codes, product, times, self._tables, factors)
        said = said_of_number(tile.columns, self.index.plan)
        if said is None:
            return Scored(candidates, codes, product, chances, factors, n_candidates, np.ones(tile.n_claims))
        unasked = np.flatnonzero(np.repeat(said == NOT_ASKED, np.diff(candidates.offsets)))
        if unasked.size:
            tables, of_unasked = _pattern_tables(self.parameters.of_unasked, self.space), np.empty(unasked.size)
            bayes_factors(codes[unasked], product[unasked], times[unasked], tables, of_unasked)
            factors[unasked] = of_unasked
        outside = self.parameters.times_outside(said)
        return Scored(candidates, codes, product, chances, factors, n_candidates, outside)

    def _told_apart(self, rows: NDArray[np.uint32]) -> tuple[NDArray[np.uint32], _Keys]:
        """For `rank`, keys that differ where those of the persons do not, and the place of each candidate's."""
        distinct, place = np.unique(rows, return_inverse=True)
        keys = np.empty(distinct.size, np.uint64)
        keys[self.index.in_order(distinct)] = np.arange(distinct.size, dtype=np.uint64)
        return place.astype(np.uint32), (keys, keys[:0])

    def rank(self, scored: Scored, n_best: int) -> Ranked:
        """The best candidates of a tile's claims."""
        candidates = scored.candidates
        n_claims = candidates.offsets.size - 1
        best, factors = np.empty((n_claims, n_best), np.int64), np.empty((n_claims, n_best))
        digits, sums = np.empty((n_claims, N_DIGITS)), np.empty(n_claims)
        people, found = (candidates.rows, self.index.person_keys.parts), (best, factors, digits)
        if rank(candidates.offsets, scored.factors, *people, self.least_factor, *found):
            rank(candidates.offsets, scored.factors, *self._told_apart(candidates.rows), self.least_factor, *found)
        round_sums(factors, digits, sums)
        is_there = best >= 0
        places = best[is_there]
        weights = np.full(best.shape, -np.inf)
        np.log2(factors, where=is_there, out=weights)

        def pick(values: NDArray[Value], absent: int) -> NDArray[Value]:
            picked = np.full(best.shape, absent, values.dtype)
            picked[is_there] = values[places]
            return picked

        return Ranked(
            pick(candidates.rows.view(np.int32), -1),
            weights,
            pick(candidates.passes, 0),
            pick(scored.codes, 0),
            pick(scored.ratios, 1),
            sums,
            scored.outside,
        )


@functools.lru_cache(maxsize=2)
def _pattern_tables(parameters: Parameters, space: PatternSpace) -> tuple[NDArray[np.float64], ...]:
    """`Parameters.tables`, made once for all scorers of a run: for a few doses they take longer than the scoring."""
    return parameters.tables(space)


def _offsets(sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    """int64[n + 1] starts of parts of these sizes, and the end."""
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])


def _parts(sizes: NDArray[np.int64], at_once: int) -> list[slice]:
    """Slices of neighbours with about ``at_once`` in all."""
    ends = np.cumsum(sizes)
    total = int(ends[-1]) if ends.size else 0
    cuts = np.searchsorted(ends, np.arange(at_once, total, at_once)).tolist()
    edges = sorted({0, *(cut + 1 for cut in cuts), sizes.size})
    return [slice(start, stop) for start, stop in itertools.pairwise(edges)]


def _where(stays: NDArray[np.bool_], candidates: Candidates, codes: Codes) -> tuple[Candidates, Codes]:
    """The candidates that stay, and their codes."""
    n_before = np.concatenate([np.zeros(1, np.int64), np.cumsum(stays)])
    kept = Candidates(n_before[candidates.offsets], candidates.rows[stays], candidates.passes[stays])
    return kept, codes[stays]
