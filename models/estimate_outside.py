"""How often claims of a sort are outside the registry, by what the claim says of itself."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.parameters import Parameters
from models.training_sample import TrainingSample, Vector, resembling_odds, weigh

PRIOR_OUTSIDE = 20.0  # weight of the prior for the sorts of claims outside the registry, in claims


def outside_by_sort(
    parameters: Parameters, sample: TrainingSample, sorts: NDArray[np.uint8], n_sorts: int, n_persons: int
) -> Vector:
    """How many times more often each sort of claim is outside the registry than among all: float64[n_sorts].

    A number that is well formed, agrees with sex and birth year, and is nobody's in the registry, says more of the
    claim than of any pair: his person is probably not there. sorts: uint8[n_claims]. Shrunk to 1 by
    `PRIOR_OUTSIDE` claims.
    """
    n_claims = sorts.size
    factors = np.empty(sample.patterns.size)
    weigh(sample, parameters, resembling_odds(parameters, sample.levels, n_persons), sample.times(parameters), factors)
    share = parameters.share_in_registry
    claim = np.repeat(np.arange(n_claims), np.diff(sample.offsets))
    found = share / n_persons * np.bincount(claim, weights=factors, minlength=n_claims)
    none = (1.0 - share) / (1.0 - share * parameters.blocking_recall + found)
    of_all = np.bincount(sorts, minlength=n_sorts) / max(1, n_claims)
    of_outside = np.bincount(sorts, weights=none, minlength=n_sorts) + PRIOR_OUTSIDE * of_all
    return np.asarray(np.where(of_all > 0, of_outside / (none.sum() + PRIOR_OUTSIDE) / np.maximum(of_all, 1e-12), 1.0))
