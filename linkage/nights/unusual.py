"""How far a night is from those before it, what chance and their own scatter make taken out.

A value here is the size of an effect, not a p-value: of five million doses any change is sure, and of a few none is. So
what is compared is a difference less what the nights before, and the number of doses, let it be anyway.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from linkage.nights.figures import Counts

DEVIATIONS = 4.0  # of a share, or of a drift, that are chance still
FEWEST = 100  # doses or claims, of a night that is held against others, and of these together
FEWEST_OF_GROUP, FEWEST_BEFORE = 10, 30  # doses of a facility or a commune, tonight and before
N_DRAWS = 32  # that tell what chance makes of a drift
RISE = 0.2  # of the share undecided, of a group that has changed
SURGE, FEWEST_OF_SURGE = 10, 100  # times what a facility sent in a night before; doses, from which on it is looked at
CHANCE = 1e-4  # that a night calls any group changed by chance alone
_MEDIAN_OF_SQUARE = 0.4549  # of a normal deviate


def beyond_usual(before: NDArray[np.int64], totals: NDArray[np.int64], now: int, total: int) -> tuple[float, float]:
    """How far a share is from that of the nights before, signed and less what is usual, 0 within it; and that share.

    The share before is the median of the nights' by doses, which a few bad nights do not move; what is usual is
    DEVIATIONS of the difference between shares of so many doses, tonight and before, as much wider than binomial as the
    nights before scattered.

    before, totals : int64[n_nights], of one dose at least; now, total : of the night, of which at least one
    """
    shares, weights = before / np.maximum(totals, 1), totals.astype(np.float64)
    usual = _weighted_median(shares, weights)
    variance = max(usual * (1.0 - usual), 1.0 / max(1.0, weights.sum()))
    scatter = np.median((shares - usual)[totals > 0] ** 2 * totals[totals > 0] / variance) / _MEDIAN_OF_SQUARE
    allowed = DEVIATIONS * math.sqrt(max(1.0, float(scatter)) * variance * (1.0 / total + 1.0 / weights.sum()))
    apart = now / total - usual
    return math.copysign(max(0.0, abs(apart) - allowed), apart), usual


def _weighted_median(values: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    order = np.argsort(values)
    cumulated = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(cumulated, cumulated[-1] / 2.0)])


def pattern_drift(before: NDArray[np.int64], now: NDArray[np.int64]) -> float:
    """The Jensen-Shannon divergence of two histograms in bits, less what chance makes; 0 within it.

    It is 0 to 1, and finite where a pattern is new or gone, which is what a fault makes and where the population
    stability index (PSI) is infinite. Its chance goes with the number of patterns by that of claims, where that of the
    total variation goes with its root. Of patterns that come once or never no formula tells it; so it is drawn: both
    histograms N_DRAWS times from the two together, always the same draws.

    before, now : int64[k]
    """
    sizes, both = (int(before.sum()), int(now.sum())), before + now
    rng = np.random.default_rng(0)
    drawn = np.array(
        [_divergence(*(rng.multinomial(n, both / both.sum()) for n in sizes)) for _ in range(N_DRAWS)], np.float64
    )
    return max(0.0, _divergence(before, now) - float(drawn.mean() + DEVIATIONS * drawn.std()))


def _divergence(a: NDArray[np.int64], b: NDArray[np.int64]) -> float:
    p, q = a / a.sum(), b / b.sum()
    middle = (p + q) / 2.0
    return sum(0.5 * float((part[part > 0] * np.log2(part[part > 0] / middle[part > 0])).sum()) for part in (p, q))


@dataclass(frozen=True)
class Changed:
    """A facility or a commune that has changed: doses and undecided ones of the night and of those before."""

    key: str
    n: int
    undecided: int
    n_before: int
    undecided_before: int


def changed_groups(before: Counts, now: Counts) -> list[Changed]:
    """The groups of whose doses far more are undecided than in the nights before, those with most doses first.

    The share must have risen by RISE, and so many be undecided with a chance of CHANCE by the number of groups looked
    at: those before say how probable one is as a beta distribution, so few of them say little (beta-binomial). Doses of
    one night go together, by household and by clerk; so all counts are divided by how much more than binomial the
    groups' own nights scattered. That fewer are undecided stops no night.
    """
    n, undecided = now.n[:, 0], now.undecided[:, 0]
    n_before, undecided_before = before.n.sum(axis=1), before.undecided.sum(axis=1)
    is_known = n_before >= FEWEST_BEFORE
    looked_at = is_known & (n >= FEWEST_OF_GROUP)
    rise = undecided / np.maximum(n, 1) - undecided_before / np.maximum(n_before, 1)
    wider = _scatter(before.n[is_known], before.undecided[is_known])
    limit = CHANCE / max(1, int(looked_at.sum()))
    found = [
        Changed(now.keys[g], *(int(of[g]) for of in (n, undecided, n_before, undecided_before)))
        for g in np.flatnonzero(looked_at & (rise >= RISE))
    ]
    found = [one for one in found if _chance_of(one, wider) < limit]
    return sorted(found, key=lambda one: (-one.n, one.key))


def _scatter(n: NDArray[np.int64], undecided: NDArray[np.int64]) -> float:
    """By how much the nights of groups scatter more than binomial; int64[k, n_nights]."""
    share = (undecided.sum(axis=1) + 0.5) / (n.sum(axis=1) + 1.0)
    expected = n * share[:, None]
    squares = (undecided - expected) ** 2 / np.maximum(expected * (1.0 - share[:, None]), 1e-9)
    freedom = np.count_nonzero(n) - n.shape[0]
    return max(1.0, float(squares[n > 0].sum()) / freedom) if freedom > 0 else 1.0


def _chance_of(found: Changed, wider: float) -> float:
    """The probability of as many undecided doses, or more: beta-binomial, all counts divided."""
    n = max(1, int(found.n / wider))
    least = round(found.undecided * n / found.n)
    a = found.undecided_before / wider + 0.5
    b = (found.n_before - found.undecided_before) / wider + 0.5
    ways = math.lgamma(n + 1) - _log_beta(a, b)
    return sum(
        math.exp(ways - math.lgamma(k + 1) - math.lgamma(n - k + 1) + _log_beta(k + a, n - k + b))
        for k in range(least, n + 1)
    )


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def surging(before: Counts, now: Counts) -> list[Changed]:
    """The facilities that sent SURGE times what they sent in any of the nights before; where the whole night is larger
    than any of these, by that much more."""
    totals = before.n.sum(axis=0)
    larger = max(1.0, float(now.n.sum()) / max(1, int(totals.max(initial=0))))
    most, n = before.n.max(axis=1, initial=0), now.n[:, 0]
    is_surge = (most > 0) & (n >= FEWEST_OF_SURGE) & (n > SURGE * larger * most)
    found = [
        Changed(now.keys[g], int(n[g]), int(now.undecided[g, 0]), int(most[g]), 0) for g in np.flatnonzero(is_surge)
    ]
    return sorted(found, key=lambda one: (-one.n, one.key))
