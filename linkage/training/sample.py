"""What a model is trained on: the candidates of some claims, and the matches that exact agreement settled."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from linkage.registry.index import Index
from linkage.scoring.batch import Batch, Chances, pattern_space, rows_of
from linkage.scoring.given_pairs import weigh_given
from linkage.scoring.number_levels import said_of_number
from linkage.scoring.scorer import Scorer
from linkage.scoring.tiles import run_tiles
from models.parameters import NOT_ASKED, Parameters
from models.training_sample import Settled, TrainingSample

NOBODY, NO_VERDICT = -1, -2  # verdicts that are no row: not in the registry, and none given

# Candidates whose prior odds of being the match stay under this with the starting values are left out of the EM.
NEGLIGIBLE_LOG2 = -16.0

_UNASKED = np.uint64(1 << 32)  # in a pattern's key, beside the code: of claims that nobody asked for a number


@dataclass(frozen=True)
class SettledClaims:
    """Claims settled by exact agreement: int64[n] claims of a batch, and of each the registry row, int32[n]."""

    batch: Batch
    claims: NDArray[np.int64]
    rows: NDArray[np.int32]


def settled_patterns(
    rng: np.random.Generator,
    settled: SettledClaims,
    n_wanted: float,
    index: Index,
    parameters: Parameters,
    n_threads: int,
) -> Settled:
    """The patterns of some settled claims, weighed as ``n_wanted`` of them."""
    chosen = drawn(rng, settled.rows.size, index.plan.training.subjects)
    claims, rows, passes = settled.claims[chosen], settled.rows[chosen], np.zeros(chosen.size, np.uint16)
    found = weigh_given(settled.batch, claims, rows, passes, index, parameters, n_threads, None)
    codes, counts = np.unique(found.codes[:, 0], return_counts=True)
    stands_for = n_wanted / chosen.size
    of_settled = Settled(pattern_space(index.plan).levels_of(codes), counts.astype(np.float64) * stands_for)
    said = said_of_number(rows_of(settled.batch, claims), index.plan)
    if said is None:
        return of_settled
    return replace(of_settled, said_of_number=np.bincount(said, minlength=3).astype(np.float64) * stands_for)


def drawn(rng: np.random.Generator, n: int, n_wanted: int) -> NDArray[np.int64]:
    """Distinct claim numbers, ascending."""
    if n <= n_wanted:
        return np.arange(n)
    return np.sort(rng.choice(n, n_wanted, replace=False)).astype(np.int64)


def training_sample(
    sample: Batch,
    index: Index,
    parameters: Parameters,
    known: NDArray[np.int64],
    settled: Settled | None,
    n_threads: int,
) -> tuple[TrainingSample, int]:
    """Patterns of the sample's candidates that may matter to the EM, with what was settled beside them, and the number
    of all candidates.

    Weights are taken without the household component, which would leave out the very pairs it is estimated from.
    """
    floor = NEGLIGIBLE_LOG2 + float(np.log2(index.n_persons))
    scorer = Scorer(sample, index, replace(parameters, household_rate=0.0), floor_log2=floor)

    def work(part: slice) -> tuple[dict[int, Chances], tuple[NDArray[Any], ...]]:
        scored, _ = scorer.link(part)
        matters = scored.factors >= scorer.least_factor
        kept = np.concatenate([[0], np.cumsum(matters)])[scored.candidates.offsets]
        rows = scored.candidates.rows[matters]
        chances = {c: of_pairs[matters] for c, of_pairs in scored.chances.items()}
        return chances, (np.diff(kept), scored.codes[matters], scored.ratios[matters], rows, scored.n_candidates)

    by_tile, tiles = zip(*(result for _, result in run_tiles(work, sample.n_claims, n_threads)), strict=True)
    sizes, codes, ratios, rows, n = (np.concatenate(parts) for parts in zip(*tiles, strict=True))
    chances = {c: np.concatenate([of_tile[c] for of_tile in by_tile]) for c in by_tile[0]}
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    said = said_of_number(sample.columns, index.plan)
    keys = codes.astype(np.uint64)
    if said is not None:
        keys[np.repeat(said == NOT_ASKED, sizes)] |= _UNASKED
    distinct, patterns = np.unique(keys, return_inverse=True)
    levels, is_unasked = scorer.space.levels_of(distinct.astype(np.uint32)), (distinct & _UNASKED) > 0
    decided, is_match = _verdicts_on_pairs(known, sizes, rows)
    of_pairs = patterns.astype(np.uint32), ratios, decided, is_match
    about_number = said, is_unasked if is_unasked.any() else None
    return TrainingSample(offsets, levels, *of_pairs, settled, chances, *about_number), int(n.sum())


def _verdicts_on_pairs(
    known: NDArray[np.int64], sizes: NDArray[np.int64], rows: NDArray[np.uint32]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The pairs of the claims with a verdict, and which of them are matches.

    A verdict on a person who is not among a claim's pairs cannot be used, as if there were none. known:
    int64[n_claims]; sizes: int64[n_claims] pairs of each; rows: uint32[n_pairs].
    """
    claim = np.repeat(np.arange(sizes.size), sizes)
    is_match = rows.astype(np.int64) == known[claim]
    is_usable = known == NOBODY
    is_usable[claim[is_match]] = True
    decided = np.flatnonzero(is_usable[claim])
    return decided, is_match[decided]
