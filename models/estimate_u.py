"""Estimates u from random pairs of a subject and a person of the registry.

u is what subjects show who are not in the registry: only they have nobody but random people there. Nearly all fields of
theirs are like everybody's, but their number is mostly nobody's, which `models.estimate.outside_by_sort` measures.

Strangers whose numbers lie one slip apart are too rare among random pairs to show what they are like, so they are
estimated from pairs of their own, all those that the subjects of the sample have in the registry.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.parameters import ComparisonParameters, Parameters
from models.patterns import PatternSpace

Vector = NDArray[np.float64]

# No value that the right side alone lacks is taken for rarer than this. A registry that lacks hardly any may lack some
# after its next changes, and by a share of 10^-8 these people would be taken for anybody.
LEAST_ABSENT = 1e-3
ROUNDS = 8  # of taking matches, relatives and neighbours out of the random pairs; later ones change next to nothing
PRIOR_NEIGHBOURS = 20.0  # pairs of strangers like any other that are thought to be among the neighbours


@dataclass(frozen=True)
class NearPairs:
    """All pairs of some subjects and persons whose numbers lie one slip apart.

    levels: uint8[n, n_comparisons] of their patterns, counts: float64[n] pairs of each, which may be weighted by how
    many times more often subjects of their sort are outside the registry; n_pairs: all pairs of the subjects who state
    such a number, weighted alike; comparison, slips: which comparison's which levels say that the numbers lie so.
    """

    levels: NDArray[np.uint8]
    counts: Vector
    n_pairs: float
    comparison: int
    slips: tuple[int, ...]


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
        strangers = counts * mix / (1.0 + mix * _kin_odds(parameters, levels, n_persons))
        parameters = _with_u(parameters, levels, strangers / np.exp2(parameters.neighbour_bits(levels)))
    return parameters


def estimate_neighbours(
    parameters: Parameters,
    near: NearPairs,
    n_persons: int,
) -> Parameters:
    """What strangers are like whose numbers lie one slip apart, and how many of all pairs they are.

    Most of the pairs given are such strangers in a large registry, and matches with a slip in the number in a small
    one: matches and relatives are taken out by their posterior, as in `estimate_u`. Each comparison's distribution is
    shrunk to u by `PRIOR_NEIGHBOURS` pairs.
    """
    for _ in range(ROUNDS):
        strangers = near.counts / (1.0 + _kin_odds(parameters, near.levels, n_persons))
        comparisons = tuple(
            replace(c, neighbour=_neighbour(c, near, i, strangers)) for i, c in enumerate(parameters.comparisons)
        )
        share = float(strangers.sum()) / max(1.0, near.n_pairs)
        parameters = replace(parameters, comparisons=comparisons, neighbour_share=share)
    return parameters


def _neighbour(c: ComparisonParameters, near: NearPairs, place: int, strangers: Vector) -> Vector:
    """The level probabilities of one comparison among neighbours."""
    counts = np.bincount(near.levels[:, place], weights=strangers, minlength=c.u.size)
    if place == near.comparison:
        is_slip = np.isin(np.arange(c.u.size), near.slips)
        return np.where(is_slip, normalised(np.where(is_slip, counts + PRIOR_NEIGHBOURS * c.u, 0.0)), 0.0)
    return normalised(counts + PRIOR_NEIGHBOURS * c.u)


def _kin_odds(parameters: Parameters, levels: NDArray[np.uint8], n_persons: int) -> Vector:
    """Odds of a match or a relative against a stranger, of patterns among all pairs: float64[n]."""
    prior = parameters.share_in_registry / n_persons
    matches = prior * np.exp2(parameters.pattern_weights(levels))
    return np.asarray(parameters.household_odds(levels, n_persons) + matches)


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
