"""Units whose rate of an event is unlike all others': stations, files, whatever counts hits among trials.

Two kinds of unit are mixed. An ordinary one has a rate from a beta distribution that the units themselves show; an
outlying one may have any rate, all alike likely. With k hits in n trials the posterior odds of the second kind are

    π B(k + 1, n - k + 1) / B(1, 1)  :  (1 - π) B(k + a, n - k + b) / B(a, b)

for the binomial coefficients cancel. The prior share π of outlying units controls multiplicity: among units reported
from a posterior of 1 - α on, a share of α at most is expected to be ordinary (the local false discovery rate).

Reference: J. C. Kleinman, "Proportions with extraneous variance", JASA 68 (1973), for a and b by moments; B. Efron,
"Large-Scale Inference" (2010), chapter 5, for the local false discovery rate.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import lgamma

import numpy as np
from numpy.typing import NDArray

OUTLYING_SHARE = 1e-3  # π: one unit in a thousand is expected to be outlying
# No unit with a higher rate is taken for ordinary at the start, however many are like it: what goes wrong in a fifth of
# the records of most stations is no slip.
_HIGHEST_ORDINARY_RATE = 0.2
# What is known before any unit is seen: a rate of one in a hundred, as if from a hundred trials.
_PRIOR_HITS, _PRIOR_TRIALS = 1.0, 100.0
# a + b: how alike ordinary units are; outside these ends moments of few units mean little.
_LEAST_ALIKE, _MOST_ALIKE = 20.0, 1000.0
_USUAL_ALIKE, _FEW_UNITS = 50.0, 5
_ROUNDS = 10

Counts = NDArray[np.int64]


@dataclass(frozen=True)
class OrdinaryRate:
    """The beta distribution of the rates of ordinary units."""

    a: float
    b: float

    @property
    def mean(self) -> float:
        return self.a / (self.a + self.b)

    def outlying(self, hits: Counts, trials: Counts) -> NDArray[np.float64]:
        """Posterior probability that each unit is an outlying one: float64[n]; 0 for one whose rate is not higher than
        the ordinary one.

        Parameters
        ----------
        hits, trials : int64[n], 0 <= hits <= trials
        """
        found = np.zeros(hits.size)
        higher = np.flatnonzero(hits > self.mean * trials)
        # Worked out once for each pair of counts.
        step = int(trials.max(initial=0)) + 1
        pairs, place = np.unique(hits[higher] * step + trials[higher], return_inverse=True)
        log_odds = np.array([self._log_odds(*divmod(pair, step)) for pair in pairs.tolist()], np.float64)
        found[higher] = (1.0 / (1.0 + np.exp(-np.clip(log_odds, -700.0, 700.0))))[place.reshape(-1)]
        return found

    def _log_odds(self, k: int, n: int) -> float:
        outlying = _log_beta(k + 1, n - k + 1)
        ordinary = _log_beta(k + self.a, n - k + self.b) - _log_beta(self.a, self.b)
        return float(np.log(OUTLYING_SHARE / (1.0 - OUTLYING_SHARE))) + outlying - ordinary


def ordinary_rate(hits: Counts, trials: Counts) -> OrdinaryRate:
    """The rates of the ordinary among some units, by EM over which are.

    Parameters
    ----------
    hits, trials : int64[n], 0 <= hits <= trials; a unit without trials does not count
    """
    weight = (hits <= _HIGHEST_ORDINARY_RATE * trials).astype(np.float64)
    found = _by_moments(hits, trials, weight)
    for _ in range(_ROUNDS):
        found = _by_moments(hits, trials, 1.0 - found.outlying(hits, trials))
    return found


def _by_moments(hits: Counts, trials: Counts, weight: NDArray[np.float64]) -> OrdinaryRate:
    """Mean and likeness of the rates of weighted units; the prior counts into the mean."""
    n = weight * trials
    mean = float((weight * hits).sum() + _PRIOR_HITS) / float(n.sum() + _PRIOR_TRIALS)
    alike = _USUAL_ALIKE
    is_counted = n > 0.0
    if is_counted.sum() >= _FEW_UNITS:
        n, rate = n[is_counted], hits[is_counted] / trials[is_counted]
        seen = float((n * rate).sum() / n.sum())
        spread = float((n * (rate - seen) ** 2).sum())
        chance = seen * (1.0 - seen)
        degrees = n.size - 1
        beyond = spread - chance * degrees
        most = chance * (float(n.sum() - (n**2).sum() / n.sum()) - degrees)
        share = beyond / most if most > 0.0 and beyond > 0.0 else 0.0
        alike = min(max(1.0 / share - 1.0, _LEAST_ALIKE), _MOST_ALIKE) if share > 0.0 else _MOST_ALIKE
    return OrdinaryRate(mean * alike, (1.0 - mean) * alike)


def _log_beta(a: float, b: float) -> float:
    return lgamma(a) + lgamma(b) - lgamma(a + b)
