"""Posterior of a claim over its candidates, "not in the registry" and "in the registry, not searched".

P(i) = (share / N) BF_i / [(1 - share) w + share (1 - recall) + (share / N) sum BF_j]. The three parts sum to 1: rivals
share the mass, which pairwise probabilities ignore. (Fellegi and Sunter 1969 for the weights; the normalisation over
one claim's candidates as in Sadinle 2017, section 2, with the blocking recall added.) w is what a claim says of itself,
whoever it is compared with: see `Parameters.times_outside`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.parameters import Parameters

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Posterior:
    """candidates: float64[n, n_best], 0 where there is none; none, unsearched, others: float64[n]; they sum to 1 by
    row."""

    candidates: Vector
    none: Vector
    unsearched: Vector
    others: Vector


def masses_not_found(outside: Vector, parameters: Parameters) -> tuple[Vector, float]:
    """The masses of "not in the registry", float64[n] by claim, and of "in it, not searched"; outside: float64[n], see
    `Parameters.times_outside`."""
    share, recall = parameters.share_in_registry, parameters.blocking_recall
    return (1.0 - share) * outside, share * (1.0 - recall)


def posterior(best_weights: Vector, sums: Vector, outside: Vector, parameters: Parameters) -> Posterior:
    """Posterior from the best weights (float64[n, n_best], -inf where there is none), the sums of Bayes factors, and
    what claims say of themselves, float64[n], see `Parameters.times_outside`."""
    absent, missed = masses_not_found(outside, parameters)
    prior = parameters.share_in_registry / parameters.n_persons
    factors = np.exp2(best_weights)
    # The weights are logarithms of what was summed, and come back rounded: without this the best could pass 1.
    total = absent + missed + prior * np.maximum(sums, factors.sum(axis=1))
    candidates = prior * factors / total[:, None]
    none, unsearched = absent / total, missed / total
    others = np.maximum(0.0, 1.0 - candidates.sum(axis=1) - none - unsearched)
    return Posterior(candidates, none, unsearched, others)


def pair_probability(weights: Vector, parameters: Parameters) -> Vector:
    """Probability of each pair by itself, float64[n] from match weights: for files in which a record may match several.

    share_in_registry is then the expected number of matches per record.
    """
    prior = parameters.share_in_registry / parameters.n_persons
    odds = prior / (1.0 - prior) * np.exp2(weights)
    return np.asarray(odds / (1.0 + odds))


def match_threshold(probabilities: Vector, highest_false_match_rate: float, lowest: float) -> float:
    """The lowest posterior at which to decide without a person, so that the expected error of the batch stays in
    bounds.

    Accepting everything at or over the threshold, the mean of 1 - p is the expected false-match rate; the threshold
    is the smallest accepted p for which it is at most ``highest_false_match_rate``, and never under ``lowest``. No
    candidate that could be accepted: 1.0.
    """
    accepted = np.sort(probabilities[probabilities >= lowest])[::-1]
    if accepted.size == 0:
        return 1.0
    expected = np.cumsum(1.0 - accepted) / np.arange(1, accepted.size + 1)
    # A threshold takes all of its equals in, so only the last of them can be the one.
    is_last = np.append(accepted[1:] != accepted[:-1], True)
    allowed = accepted[is_last & (expected <= highest_false_match_rate)]
    return float(allowed[-1]) if allowed.size else 1.0
