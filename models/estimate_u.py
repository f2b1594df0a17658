"""Estimates u from random pairs of a claim and a person of the registry.

u is what claims show who are not in the registry: only they have nobody but random people there. Nearly all fields of
theirs are like everybody's, but their number is mostly nobody's, which `models.estimate_outside` measures.

Strangers whose numbers lie one slip apart are too rare among random pairs to show what they are like: see
models.estimate_registry.
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
ROUNDS = 8  # of taking matches, relatives and neighbours out of the random pairs; later ones change next to nothing


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

    outside: float64[n], how many times more often claims of the sort that drew these pairs are among those outside
    the registry than among all; None where the sorts are not told apart. u is what a claim shows who is not there.
    """
    levels = space.levels_of(patterns)
    mix = np.ones(counts.size) if outside is None else outside
    parameters = _with_u(parameters, levels, counts * mix)
    for _ in range(ROUNDS):
        strangers = counts * mix / (1.0 + mix * _resembling_odds(parameters, levels, n_persons))
        parameters = _with_u(parameters, levels, strangers / np.exp2(parameters.neighbour_bits(levels)))
    return parameters


def _resembling_odds(parameters: Parameters, levels: NDArray[np.uint8], n_persons: int) -> Vector:
    """Odds of a match, a relative, a twin or a namesake against a stranger, of patterns among all pairs: float64[n]."""
    prior = parameters.share_in_registry / n_persons
    matches = prior * np.exp2(parameters.pattern_weights(levels))
    resembling = parameters.household_odds(levels, n_persons) + parameters.twin_odds(levels, n_persons)
    resembling += parameters.namesake_odds(levels, n_persons)
    return np.asarray(resembling + matches)


def _with_u(parameters: Parameters, levels: NDArray[np.uint8], mass: Vector) -> Parameters:
    """The parameters with u from patterns (uint8[n, n_comparisons] levels) and the mass of random pairs in each."""
    comparisons = []
    for i, c in enumerate(parameters.comparisons):
        if "u" in c.fixed:
            comparisons.append(c)
            continue
        u = normalised(np.bincount(levels[:, i], weights=mass, minlength=len(c.labels)) + 0.5)
        if c.absent_level and u[-1] < LEAST_ABSENT:
            u[1:-1] *= (1.0 - LEAST_ABSENT) / (1.0 - u[-1])
            u[-1] = LEAST_ABSENT
        comparisons.append(replace(c, u=u))
    return replace(parameters, comparisons=tuple(comparisons))
