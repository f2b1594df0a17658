"""How many matches no pass finds, from how many passes find those that are found.

Each way to look for a person is a capture. Those found once only stand nearest to those never found: with f1 found once
and f2 twice in t captures at least (t - 1) / t * f1 (f1 - 1) / (2 (f2 + 1)) are missed, whatever the chances to be
found, and however they differ from claim to claim (Chao, "Estimating the population size for capture-recapture data
with unequal catchability", Biometrics 43, 1987, in the form without bias). Two captures as one number against another,
identifiers against names, take the chances as equal, which makes claims without a number into missed ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, log1p, sqrt

import numpy as np
from numpy.typing import NDArray

# What captures that depend on each other may do to the estimate: in simulations with stale registries, village phones
# and people of few names it was within this factor of the truth, or nearly.
DEPENDENCE = 2.0
_Z_95 = 1.959963984540054
_FEW_ONCE = 3.7  # none found once in a sample: up to so many expected, the 97.5 % limit of a Poisson count of 0


@dataclass(frozen=True)
class Missed:
    """An estimated number of matches that no capture finds, with its 95 % interval."""

    count: float
    low: float
    high: float


def missed_by_captures(times: NDArray[np.int64], n_captures: int) -> Missed:
    """Chao's estimate from how many captures found each match.

    The interval is of the logarithm, by Chao's variance: count / c to count * c with c = exp(1.96 sqrt(log(1 +
    variance / count^2))) (Burnham et al. 1987, as Chao gives it); and wider by `DEPENDENCE`, for captures that fail
    together, or find what others miss, are not in it.

    Parameters
    ----------
    times : int64[n], at least 1 each
    n_captures : two or more
    """
    once, twice = int((times == 1).sum()), int((times == 2).sum())
    part = (n_captures - 1) / n_captures
    count = part * once * (once - 1) / (2 * (twice + 1))
    if count == 0.0:
        return Missed(0.0, 0.0, part * _FEW_ONCE**2 / (2 * (twice + 1)))
    ratio = once / (twice + 1)
    variance = (twice + 1) * ((part * ratio**2) ** 2 / 4 + part**2 * ratio**3 + part * ratio**2 / 2)
    factor = DEPENDENCE * exp(_Z_95 * sqrt(log1p(variance / count**2)))
    return Missed(count, count / factor, count * factor)
