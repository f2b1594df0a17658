"""Pairs that show what non-matches are like, and what is estimated of them: u, near numbers, twins, look-alikes."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from linkage.registry.index import Index
from linkage.scoring.batch import Batch, pattern_space, take
from linkage.training.random_pairs import random_patterns
from models.estimate_lookalikes import Lookalikes, with_lookalikes
from models.estimate_registry import RegistryPairs, estimate_classes
from models.estimate_u import estimate_u
from models.parameters import Parameters
from models.patterns import PatternSpace


@dataclass(frozen=True)
class RandomPairs:
    """Patterns of random pairs, uint32[n], how many pairs have each, int64[n], and the sort of their claims,
    uint8[n]; a pattern stands once for each sort."""

    space: PatternSpace
    patterns: NDArray[np.uint32]
    counts: NDArray[np.int64]
    sorts: NDArray[np.uint8]


@dataclass(frozen=True)
class NonMatches:
    """Pairs that show what non-matches are like: random ones, and those of the registry, None where the plan has no
    pass that finds near numbers, or no comparison made of others; start: the plan's values."""

    random: RandomPairs
    of_registry: RegistryPairs | None
    lookalikes: Lookalikes | None
    start: Parameters

    def without_shared(self, parameters: Parameters) -> NonMatches:
        """The same without the random pairs that share a number, as if relatives alone did.

        Where nobody chose the starting values of households they may be far off. What does not look like relatives by
        them is taken for strangers, u of the number rises, and what is left of them looks like strangers too.
        """
        levels = self.random.space.levels_of(self.random.patterns)
        shared = [c.is_shared()[levels[:, i]] > 0 for i, c in enumerate(parameters.comparisons)]
        counts = np.where(np.any(shared, axis=0), 0, self.random.counts)
        return replace(self, random=replace(self.random, counts=counts))

    def estimate(self, parameters: Parameters, outside: NDArray[np.float64], n_persons: int) -> Parameters:
        """The parameters with u, look-alikes and twins of these pairs; outside: see estimate_u, float64[n_sorts]."""
        of, weights = self.random, outside[self.random.sorts]
        parameters = estimate_u(parameters, of.space, of.patterns, of.counts, n_persons, weights)
        if self.lookalikes is not None:
            parameters = with_lookalikes(parameters, self.lookalikes)
        if self.of_registry is None:
            return parameters
        return estimate_classes(parameters, self.start, self.of_registry)


def random_pairs(
    rng: np.random.Generator,
    sample: Batch,
    sorts: NDArray[np.uint8],
    index: Index,
    parameters: Parameters,
    n_threads: int,
) -> RandomPairs:
    """Random pairs of each sort of claims, as many as its share of the sample."""
    tables = []
    for sort in np.unique(sorts) if sorts.size else (0,):
        of_sort = np.flatnonzero(sorts == sort)
        n_pairs = index.plan.training.random_pairs * of_sort.size // max(1, sorts.size)
        patterns, counts = random_patterns(rng, take(sample, of_sort), index, parameters, n_pairs, n_threads)
        tables.append((patterns, counts, np.full(patterns.size, sort, np.uint8)))
    codes, n, of_pattern = (np.concatenate(parts) for parts in zip(*tables, strict=True))
    return RandomPairs(pattern_space(index.plan), codes, n, of_pattern.astype(np.uint8))
