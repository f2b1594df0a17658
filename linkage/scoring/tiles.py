"""One batch against the index: the best persons of every claim.

Claims are worked on in tiles over threads; the kernels release the interpreter's lock. What is needed by claim
(keys, ratios, bounds) is made for a tile and gone with it, so memory does not grow with the batch. A claim's result
depends on nothing but the claim, so the output is the same at any number of threads and in any order. They are taken
in the order of the registry, in which neighbours meet the same people.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from linkage.encode.keys import pass_keys
from linkage.machine.memory import reuse_freed_memory
from linkage.registry.count_kernels import count_each
from linkage.registry.index import Index
from linkage.scoring.batch import Batch, rows_of, take
from linkage.scoring.ranking import Ranked
from linkage.scoring.scorer import PassCounts, Scored, Scorer
from models.parameters import Parameters

# Of a tile. What a tile costs whatever its size is in Python, where one thread waits for the other, so few claims are
# spread over the threads and many are taken in large tiles.
TILE_SUBJECTS = 1 << 13
_LEAST_SUBJECTS = 64
_ORDERED_AT_ONCE = 1 << 16
_FEW_COUNTS = 1 << 20  # pattern counts of tiles are added up when there are more

Result = TypeVar("Result")


@dataclass(frozen=True)
class LinkedBatch:
    """The result of a batch. n_pairs: candidate pairs, each once; counts: by pass of the plan; patterns: (pass,
    pattern) -> pairs at or over the floor."""

    ranked: Ranked
    n_pairs: int
    counts: PassCounts
    patterns: dict[tuple[int, int], int]


@dataclass(frozen=True)
class _PatternCounts:
    """Pairs at or over the floor by pattern and passes: keys uint64[n], code << 16 | passes; counts int64[n]."""

    keys: NDArray[np.uint64]
    counts: NDArray[np.int64]


def link_batch(
    batch: Batch,
    index: Index,
    parameters: Parameters,
    n_threads: int,
    *,
    claims: NDArray[np.int64] | None = None,
    scratch: Path | None = None,
    on_tile: Callable[[int], None] | None = None,
) -> LinkedBatch:
    """Rank the candidates of claims of the batch.

    Parameters
    ----------
    claims : numbers of those that are linked, the result is in their order; None links all. In the order of the
        registry, see ``registry_order``, the result of a large batch is written from front to back.
    scratch : folder for the work files that hold the columns of these and the result; None keeps them in memory
    on_tile : is told the number of claims done
    """
    n_best = index.plan.decision.candidates_kept
    linked = np.arange(batch.n_claims) if claims is None else claims
    order = registry_order(batch, linked, index)
    scorer = Scorer(take(batch, linked[order], scratch), index, parameters)
    ranked, n_pairs = Ranked.zeros((linked.size, n_best), scratch), 0
    counts: list[PassCounts] = []
    patterns: list[_PatternCounts] = []

    def work(part: slice) -> tuple[Ranked, int, PassCounts, _PatternCounts]:
        scored, counts = scorer.link(part)
        n_pairs = int(scored.n_candidates.sum())
        return scorer.rank(scored, n_best), n_pairs, counts, _count_patterns(scored, scorer.least_factor)

    for part, (tile, tile_pairs, tile_counts, tile_patterns) in run_tiles(work, linked.size, n_threads):
        ranked.put(order[part], tile)
        n_pairs += tile_pairs
        counts.append(tile_counts)
        patterns.append(tile_patterns)
        if sum(table.keys.size for table in patterns) > _FEW_COUNTS:
            patterns = [_added_patterns(patterns)]
        if on_tile is not None:
            on_tile(part.stop)
    return LinkedBatch(ranked, n_pairs, _added(counts), _by_pass(_added_patterns(patterns)))


def run_tiles(work: Callable[[slice], Result], n_claims: int, n_threads: int) -> Iterator[tuple[slice, Result]]:
    """Run work on tiles of claims over threads, as many and as large ones on each; results come in the order of the
    tiles."""
    per_thread = max(1, -(-n_claims // (n_threads * TILE_SUBJECTS)))
    size = max(-(-n_claims // (n_threads * per_thread)), _LEAST_SUBJECTS)
    parts = [slice(start, min(start + size, n_claims)) for start in range(0, max(n_claims, 1), size)]
    reuse_freed_memory()
    with ThreadPoolExecutor(n_threads) as threads:
        yield from zip(parts, threads.map(work, parts), strict=True)


def registry_order(batch: Batch, claims: NDArray[np.int64], index: Index) -> NDArray[np.int64]:
    """Places of the claims by key of the pass that the registry is sorted by."""
    keys = np.empty(claims.size, np.uint64)
    for start in range(0, claims.size, _ORDERED_AT_ONCE):
        part = slice(start, start + _ORDERED_AT_ONCE)
        columns = rows_of(batch, claims[part])
        keys[part] = pass_keys(index.plan.row_order, "left", columns, index.plan, batch.dictionaries)[:, 0]
    return np.argsort(keys, kind="stable")


def _count_patterns(scored: Scored, least_factor: float) -> _PatternCounts:
    above = scored.factors >= least_factor
    keys = scored.codes[above].astype(np.uint64) << np.uint64(16) | scored.candidates.passes[above]
    return _PatternCounts(*count_each(keys))


def _added_patterns(tables: list[_PatternCounts]) -> _PatternCounts:
    keys, place = np.unique(np.concatenate([table.keys for table in tables]), return_inverse=True)
    counts = np.zeros(keys.size, np.int64)
    np.add.at(counts, place, np.concatenate([table.counts for table in tables]))
    return _PatternCounts(keys, counts)


def _by_pass(table: _PatternCounts) -> dict[tuple[int, int], int]:
    """Pairs by pass and pattern, in that order."""
    counted: dict[tuple[int, int], int] = {}
    codes, passes = table.keys >> np.uint64(16), table.keys.astype(np.uint16)
    for bit in range(16):
        has_bit = passes >> bit & 1 == 1
        patterns, place = np.unique(codes[has_bit], return_inverse=True)
        pairs = np.zeros(patterns.size, np.int64)
        np.add.at(pairs, place, table.counts[has_bit])
        counted |= {(bit, int(code)): int(n) for code, n in zip(patterns, pairs, strict=True)}
    return counted


def _added(tiles: list[PassCounts]) -> PassCounts:
    return PassCounts(
        np.sum([tile.pairs for tile in tiles], axis=0),
        np.sum([tile.narrowed for tile in tiles], axis=0),
        np.max([tile.largest for tile in tiles], axis=0),
    )
