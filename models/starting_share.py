"""How many matches a record has at least, before anything is learnt: what the training of a file may start from."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.parameters import Parameters
from models.training_sample import TrainingSample, resembling_odds, weigh


def starting_share(parameters: Parameters, sample: TrainingSample, n_persons: int) -> float:
    """Matches per claim that chance does not explain, by the starting m and u of random pairs; one in all at
    least."""
    n_claims = sample.offsets.size - 1
    factors = np.empty(sample.patterns.size)
    weigh(sample, parameters, resembling_odds(parameters, sample, n_persons), sample.times(parameters), factors)
    return max(1.0, least_matches(factors, float(n_claims) * n_persons)) / max(1, n_claims)


def least_matches(factors: NDArray[np.float64], n_pairs: float) -> float:
    """The number of matches that chance does not explain, from the Bayes factors of candidates.

    Among strangers a factor has the mean 1, so by Markov's inequality no more than n_pairs / b of them are expected at
    b or over, whatever the fields. Where k candidates are, k - n_pairs / b are something else; the largest such number
    over all b stands. It is too low where the factors say little, and does not rise for values that are common.

    factors: float64[n] of the candidates met, in any order; n_pairs: all pairs there are, met or not
    """
    descending = np.sort(factors)[::-1]
    beyond_chance = np.arange(1, descending.size + 1) - n_pairs / np.maximum(descending, 1e-300)
    return max(0.0, float(beyond_chance.max(initial=0.0)))
