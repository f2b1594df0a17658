"""The scoring path as the benchmarks call it: a batch against an index, tile by tile, over threads."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from blocking.candidates import Found
from linkage.encode.columns import encode
from linkage.registry.index import Index
from linkage.scoring.batch import Batch, Pairs, prepare_batch, take
from linkage.scoring.exact_agreement import find_verified
from linkage.scoring.scorer import NEGLIGIBLE_LOG2, Scorer
from linkage.scoring.tiles import TILE_SUBJECTS, registry_order, run_tiles
from models.parameters import Parameters

COUNTRY = 100_000_000


@dataclass(frozen=True)
class Prepared:
    """What is to be scored."""

    batch: Batch
    index: Index
    parameters: Parameters

    def scorer(self, floor: str) -> Scorer:
        """floor: "none", so that no pair leaves early; "own", that of a run; "country", that of a run against 100
        million people, where a pair needs more weight to count."""
        if floor == "own":
            return Scorer(self.batch, self.index, self.parameters)
        country = NEGLIGIBLE_LOG2 - float(np.log2(self.parameters.share_in_registry / COUNTRY))
        return Scorer(self.batch, self.index, self.parameters, floor_log2=-np.inf if floor == "none" else country)


def not_verified(doses: pa.Table, index: Index, parameters: Parameters) -> Prepared:
    """The doses that a run would score, those that do not agree exactly with one person, in the registry's order."""
    dictionaries = index.dictionaries.copy()
    batch = prepare_batch(encode(doses, index.plan, "left", dictionaries), dictionaries, index)
    rows, _ = find_verified(batch, index)
    still_open = take(batch, np.flatnonzero(rows < 0))
    order = registry_order(still_open, np.arange(still_open.n_claims), index)
    return Prepared(take(still_open, order), index, parameters)


def n_pairs(scorer: Scorer, n_threads: int, found: dict[int, Found] | None = None) -> int:
    """Score and rank the whole batch as a run does, keeping nothing but the number of candidate pairs; found: the
    candidates of each tile if they are known, see `find_pairs`, with as many threads."""
    n_best, order = scorer.index.plan.decision.candidates_kept, _order(scorer)

    def work(part: slice) -> int:
        tile = scorer.tile(order[part])
        pairs = scorer.candidates(tile)[0] if found is None else found[part.start]
        scored = scorer.score(tile, pairs)
        scorer.rank(scored, n_best)
        return int(scored.n_candidates.sum())

    return sum(n for _, n in run_tiles(work, scorer.batch.n_claims, n_threads))


def find_pairs(scorer: Scorer, n_threads: int) -> dict[int, Found]:
    """The candidates of each tile, by its first subject."""
    order = _order(scorer)

    def work(part: slice) -> Found:
        return scorer.candidates(scorer.tile(order[part]))[0]

    return {part.start: found for part, found in run_tiles(work, scorer.batch.n_claims, n_threads)}


def _order(scorer: Scorer) -> NDArray[np.int64]:
    """The subjects as a run takes them."""
    return registry_order(scorer.batch, np.arange(scorer.batch.n_claims), scorer.index)


@dataclass(frozen=True)
class AllPairs:
    """Every candidate pair of some claims: claims int64[n], rows uint32[n], weights float64[n]."""

    claims: NDArray[np.int64]
    rows: NDArray[np.uint32]
    weights: NDArray[np.float64]


def all_pairs(prepared: Prepared, n_threads: int, claims: slice) -> AllPairs:
    """The pairs and weights of exhaustive scoring."""
    scorer = prepared.scorer("none")

    def work(part: slice) -> AllPairs:
        numbers = np.arange(claims.start + part.start, claims.start + part.stop)
        scored, _ = scorer.link(numbers)
        of_pairs = np.repeat(numbers, np.diff(scored.candidates.offsets))
        return AllPairs(of_pairs, scored.candidates.rows, scored.weights)

    tiles = [tile for _, tile in run_tiles(work, claims.stop - claims.start, n_threads)]
    return AllPairs(*(np.concatenate([getattr(tile, name) for tile in tiles]) for name in vars(tiles[0])))


def runs(prepared: Prepared) -> Pairs:
    """The runs of registry rows that the subjects of a batch meet in the pass that the registry is sorted by."""
    scorer = prepared.scorer("own")
    subjects, first, sizes = [], [], []
    for start in range(0, prepared.batch.n_claims, TILE_SUBJECTS):
        part = slice(start, min(start + TILE_SUBJECTS, prepared.batch.n_claims))
        found, _ = scorer.candidates(scorer.tile(part))
        subjects.append(np.repeat(np.arange(part.start, part.stop), found.first.shape[1]))
        first.append(found.first.ravel())
        sizes.append((found.last - found.first).ravel())
    offsets = np.concatenate([[0], np.cumsum(np.concatenate(sizes))]).astype(np.int64)
    return Pairs(np.concatenate(subjects), np.concatenate(first), offsets, None)
