"""Pairs of subjects and persons whose numbers lie one slip apart, from which the model learns what such strangers are
like (see models.estimate_u). Random pairs hold none of them; the pass on a number's neighbours finds all of twelve
digits. Old numbers one slip apart are taken for like them, though their digits hold no sex and no year.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from blocking.candidates import gather
from blocking.parts import find_in_parts
from linkage.comparing import Batch, pattern_space
from linkage.encode import PERSONAL_DIGITS
from linkage.link import run_tiles
from linkage.plan import Pass, Plan
from linkage.registry import Index
from linkage.scoring import Scorer
from models.comparators.digits import N_DIGITS_SHIFT, SLIP_NOBODYS, SLIP_OWNED
from models.estimate_u import NearPairs
from models.parameters import Parameters

_NEIGHBOURS = ".neighbours"
_SLIPS = (SLIP_NOBODYS, SLIP_OWNED)


def neighbour_pass(plan: Plan) -> tuple[Pass, int] | None:
    """The pass that finds numbers one slip apart, and the place of the comparison of these numbers; None without."""
    for rule in plan.passes:
        for place, comparison in enumerate(plan.comparisons):
            if comparison.kind == "person_number" and rule.left == [comparison.left[0] + _NEIGHBOURS]:
                return rule, place
    return None


@dataclass(frozen=True)
class Near:
    """The near pairs of a sample, each pattern once for each sort of subjects, and the patterns' sorts: uint8[n];
    n_subjects: int64[n_sorts], subjects of each sort whose number has neighbours."""

    pairs: NearPairs
    sorts: NDArray[np.uint8]
    n_subjects: NDArray[np.int64]

    def weighted(self, outside: NDArray[np.float64], n_persons: int) -> NearPairs:
        """The pairs, each counted as often as its subject's sort is outside the registry: float64[n_sorts]."""
        n_pairs = float(outside @ self.n_subjects) * n_persons
        return replace(self.pairs, counts=self.pairs.counts * outside[self.sorts], n_pairs=n_pairs)


def near_pairs(
    sample: Batch, sorts: NDArray[np.uint8], n_sorts: int, index: Index, parameters: Parameters, n_threads: int
) -> Near | None:
    """The near pairs of a sample; None where the plan has no pass that finds them. sorts: uint8[n_subjects];
    parameters are needed for their shape only."""
    known = neighbour_pass(index.plan)
    if known is None:
        return None
    rule, place = known
    scorer, space = Scorer(sample, index, parameters, floor_log2=-np.inf), pattern_space(index.plan)

    def work(part: slice) -> NDArray[np.uint64]:
        tile = scorer.tile(part)
        found = find_in_parts(index.passes[rule.name], tile.parts.keys(rule), rule.max_block)
        met = gather([found.blocks], index.removed, tile.own_rows)
        scored = scorer.score(tile, met)
        of_pair = np.repeat(sorts[part], np.diff(scored.candidates.offsets)).astype(np.uint64)
        return np.asarray(of_pair << np.uint64(32) | scored.codes)

    codes = np.concatenate([found for _, found in run_tiles(work, sample.n_subjects, n_threads)])
    distinct, counts = np.unique(codes, return_counts=True)
    levels = space.levels_of(distinct.astype(np.uint32))
    # A key is a hash, and a person has two numbers: what was found need not be near.
    is_near = np.isin(levels[:, place], _SLIPS)
    number = sample.columns[index.plan.comparisons[place].left[0]].astype(np.uint64)
    has_neighbours = number >> np.uint64(N_DIGITS_SHIFT) == PERSONAL_DIGITS
    n_subjects = np.bincount(sorts[has_neighbours], minlength=n_sorts)
    n_pairs = float(n_subjects.sum()) * index.n_persons
    pairs = NearPairs(levels[is_near], counts[is_near].astype(np.float64), n_pairs, place, _SLIPS)
    return Near(pairs, (distinct[is_near] >> np.uint64(32)).astype(np.uint8), n_subjects)
