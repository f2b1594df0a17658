"""Estimates u from random pairs of a subject and a person of the registry.

u is what subjects show who are not in the registry: only they have nobody but random people there. Nearly all fields of
theirs are like everybody's, but their number is mostly nobody's, which `models.estimate.outside_by_sort` measures.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.parameters import Parameters
from models.patterns import PatternSpace

Vector = NDArray[np.float64]

# No value that the right side alone lacks is taken for rarer than this. A registry that lacks hardly any may lack some
# after its next changes, and by a share of 10^-8 these people would be taken for anybody.
LEAST_ABSENT = 1e-3
ROUNDS = 8  # of taking matches and relatives out of the random pairs; later ones change nothing


def normalised(counts: NDArray[np.floating[Any]]) -> Vector:
    """Level probabilities from counts: entry 0, missing, becomes 1, the others sum to 1."""
    probabilities = np.asarray(counts / counts[1:].sum(), np.float64)
    probabilities[0] = 1.0
    return probabilities


def estimate_u(
    parameters: Parameters,
    space: PatternSpace,
    patterns: NDArray[np.uint32],
    counts: NDArray[np.int64],
    n_persons: int,
    outside: Vector | None = None,
) -> Parameters:
    """u of every comparison from the patterns of random pairs (patterns and how often each was drawn).

    A few of the random pairs are matches or relatives. They hold nearly all the agreements on numbers, so they are
    taken out by their posterior under the parameters at hand, and again under the better ones. A level never seen
    counts as half a pair.

    outside: float64[n], how many times more often subjects of the sort that drew these pairs are among those outside
    the registry than among all; None where the sorts are not told apart. u is what a subject shows who is not there.
    """
    levels = space.levels_of(patterns)
    mix = np.ones(counts.size) if outside is None else outside
    parameters = _with_u(parameters, levels, counts * mix)
    for _ in range(ROUNDS):
        weights = parameters.pattern_weights(levels)
        household = parameters.household_odds(levels, n_persons)
        prior = parameters.share_in_registry / n_persons
        kin = mix * (household + prior * np.exp2(weights))
        parameters = _with_u(parameters, levels, counts * mix / (1.0 + kin))
    return parameters


def _with_u(parameters: Parameters, levels: NDArray[np.uint8], mass: Vector) -> Parameters:
    """The parameters with u from patterns (uint8[n, n_comparisons] levels) and the mass of random pairs in each."""
    comparisons = []
    for i, c in enumerate(parameters.comparisons):
        u = normalised(np.bincount(levels[:, i], weights=mass, minlength=len(c.labels)) + 0.5)
        if c.absent_level and u[-1] < LEAST_ABSENT:
            u[1:-1] *= (1.0 - LEAST_ABSENT) / (1.0 - u[-1])
            u[-1] = LEAST_ABSENT
        comparisons.append(replace(c, u=u))
    return replace(parameters, comparisons=tuple(comparisons))
