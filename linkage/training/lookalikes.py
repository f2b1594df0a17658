"""Pairs of records of the right side that agree in all that another comparison's values are made of."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from linkage.encode.columns import has_value
from linkage.registry.index import Index
from linkage.scoring.batch import pattern_space
from linkage.scoring.scorer import Scorer
from linkage.scoring.tiles import run_tiles
from linkage.training.registry_pairs import persons_as_claims, sampled_persons
from models.estimate_lookalikes import Lookalikes
from models.parameters import Parameters

_SAME = 1  # the closest level


def lookalike_pairs(
    rng: np.random.Generator, index: Index, parameters: Parameters, n_threads: int
) -> Lookalikes | None:
    """The pairs of a sample of the right side's records; None for a plan without comparisons made of others.
    parameters are needed for their shape only."""
    made_of = index.plan.named_by("made_of")
    if not made_of:
        return None
    sample = persons_as_claims(index, sampled_persons(rng, index), n_threads)
    scorer, space = Scorer(sample, index, parameters, floor_log2=-np.inf), pattern_space(index.plan)

    def work(part: slice) -> NDArray[np.uint32]:
        scored, _ = scorer.link(part)
        levels = space.levels_of(scored.codes)
        alike = [np.all(levels[:, list(bases)] == _SAME, axis=1) & (levels[:, i] > 0) for i, bases in made_of.items()]
        return scored.codes[np.any(alike, axis=0)]

    codes = np.concatenate([found for _, found in run_tiles(work, sample.n_claims, n_threads)])
    distinct, n = np.unique(codes, return_counts=True)
    stated = [
        np.all([has_value(sample.columns, index.plan.comparisons[place].left[0]) for place in (i, *bases)], axis=0)
        for i, bases in made_of.items()
    ]
    share = max(float(has_all.mean()) for has_all in stated) if sample.n_claims else 0.0
    involved = tuple(sorted({place for i, bases in made_of.items() for place in (i, *bases)}))
    n_pairs = sample.n_claims * share * index.n_persons * share
    return Lookalikes(space.levels_of(distinct), n.astype(np.float64), n_pairs, involved)
