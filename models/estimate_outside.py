"""How often claims of a sort are outside the registry, and of those outside how many state no number: what a claim says
of itself."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.parameters import NOT_ASKED, NUMBERLESS, STATED, Parameters
from models.posterior import masses_not_found
from models.training_sample import TrainingSample, Vector, resembling_odds, weigh

PRIOR_OUTSIDE = 20.0  # weight of the prior for the sorts of claims outside the registry, in claims
# Weight of the share without a number among all claims, in the shares of both kinds: in claims of the rarer sort, those
# with or those without, so that a handful of these says next to nothing.
PRIOR_NUMBERLESS = 20.0


def outside_by_sort(
    parameters: Parameters, sample: TrainingSample, sorts: NDArray[np.uint8], n_sorts: int, n_persons: int
) -> Vector:
    """How many times more often each sort of claim is outside the registry than among all: float64[n_sorts].

    A number that is well formed, agrees with sex and birth year, and is nobody's in the registry, says more of the
    claim than of any pair: its person is probably not there. sorts: uint8[n_claims]. Shrunk to 1 by
    `PRIOR_OUTSIDE` claims.
    """
    n_claims = sorts.size
    factors = np.empty(sample.patterns.size)
    weigh(sample, parameters, resembling_odds(parameters, sample, n_persons), sample.times(parameters), factors)
    absent, missed = masses_not_found(sample.times_outside(parameters), parameters)
    claim = np.repeat(np.arange(n_claims), np.diff(sample.offsets))
    found = parameters.share_in_registry / n_persons * np.bincount(claim, weights=factors, minlength=n_claims)
    none = absent / (absent + missed + found)
    of_all = np.bincount(sorts, minlength=n_sorts) / max(1, n_claims)
    of_outside = np.bincount(sorts, weights=none, minlength=n_sorts) + PRIOR_OUTSIDE * of_all
    return np.asarray(np.where(of_all > 0, of_outside / (none.sum() + PRIOR_OUTSIDE) / np.maximum(of_all, 1e-12), 1.0))


def numberless_shares(parameters: Parameters, sample: TrainingSample, outside: Vector | None) -> tuple[float, float]:
    """The shares of claims without a number, of those that were asked for it, among those whose person is in the
    registry and among the others, each shrunk to the share among all; outside: float64[n_claims], the chance that a
    claim is one of the others, None where that is not known, so that the shares stay."""
    if sample.said_of_number is None or outside is None:
        return parameters.numberless_m, parameters.numberless_u
    claims = np.bincount(sample.said_of_number, minlength=3).astype(np.float64)
    if sample.settled is not None:
        claims += sample.settled.said_of_number
    n_asked, n_numberless = claims[NUMBERLESS] + claims[STATED], claims[NUMBERLESS]
    n_outside = float(outside[sample.said_of_number != NOT_ASKED].sum())
    numberless_outside = float(outside[sample.said_of_number == NUMBERLESS].sum())
    of_all = (n_numberless + 1.0) / (n_asked + 2.0)
    return (
        _shrunk(n_numberless - numberless_outside, n_asked - n_outside, of_all),
        _shrunk(numberless_outside, n_outside, of_all),
    )


def _shrunk(found: float, of: float, of_all: float) -> float:
    prior = PRIOR_NUMBERLESS / min(of_all, 1.0 - of_all)
    return float((found + prior * of_all) / (of + prior))
