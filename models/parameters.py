"""The parameters of the model, the tables made from them, and the model file."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from models.patterns import PatternSpace

Vector = NDArray[np.float64]
kernel = njit(cache=True, nogil=True, error_model="numpy")

# No weight of a pattern goes further, so that no odds overflow, nor what rare values and priors make of them.
MOST_LOG2 = 300.0


@dataclass(frozen=True)
class ComparisonParameters:
    """Level probabilities of one comparison; level 0 is "missing" and carries no weight.

    m, u, household: float64[n_levels], probability of each level among matches, random pairs, and non-matching pairs
    of one household, given that nothing is missing; entry 0 is 1. shared_levels: levels at which both hold the same
    number; only pairs that share one can be explained by a household. monotone: the levels fall from more to less
    agreement, so training keeps m / u from rising along them. neighbour: float64[n_levels] among strangers whose
    numbers lie one slip apart, entry 0 is 1; of the comparison of these numbers 1 at the level that says so and 0 at
    all others; None where they are like any strangers. absent_level: the last level is that the right side alone lacks
    the value, which is no agreement and no disagreement.
    """

    name: str
    labels: tuple[str, ...]
    m: Vector
    u: Vector
    household: Vector
    shared_levels: tuple[int, ...] = ()
    monotone: bool = False
    absent_level: bool = False
    neighbour: Vector | None = None
    fixed: tuple[str, ...] = ()  # of "m" and "u", what training leaves as it is

    @property
    def n_compared(self) -> int:
        """How many of the levels come of comparing, level 0 among them."""
        return len(self.labels) - self.absent_level

    @property
    def share_with_value(self) -> float:
        """The share of right sides that have the value where lacking it is a level, else 1: that of a term frequency
        is of these."""
        return 1.0 - float(self.u[-1]) if self.absent_level else 1.0

    @property
    def among_neighbours(self) -> Vector:
        """What strangers are like whose numbers lie one slip apart: float64[n_levels]."""
        return self.u if self.neighbour is None else self.neighbour

    def is_shared(self) -> Vector:
        """1.0 at the levels at which both records hold the same number, else 0.0."""
        return np.isin(np.arange(len(self.labels)), self.shared_levels).astype(np.float64)


@dataclass(frozen=True, eq=False)  # no two are alike, so that tables can be kept by them
class Parameters:
    """Everything the posterior needs.

    share_in_registry: probability that a subject is in the registry at all. blocking_recall: probability that some pass
    finds him then. household_rate: expected number of relatives in the registry per subject, of all or of those without
    a match where these have more; relatives without a shared number included, whom no pass can meet for that; 0
    switches the household component off. n_persons: size of the registry the model was trained on. neighbour_share:
    share of random pairs with numbers whose numbers lie one slip apart; 0 takes them for like any other.

    Two strangers of one province, sex and year of birth share six digits of twelve. So strangers whose numbers are a
    slip apart are mostly alike in these as well, and what random pairs show is a mixture, u and ``neighbour``.
    """

    comparisons: tuple[ComparisonParameters, ...]
    share_in_registry: float
    blocking_recall: float
    household_rate: float
    n_persons: int
    neighbour_share: float = 0.0

    def log2_m_u(self) -> list[Vector]:
        """log2(m / u) per comparison and level."""
        return [np.log2(c.m / c.u) for c in self.comparisons]

    def log2_h_u(self) -> list[Vector]:
        """log2(household / u) per comparison and level."""
        return [np.log2(c.household / c.u) for c in self.comparisons]

    def log2_g_u(self) -> list[Vector]:
        """log2(neighbour / u) per comparison and level; -inf at levels that no two neighbours have."""
        return [_log2(c.among_neighbours) - np.log2(c.u) for c in self.comparisons]

    def pattern_weights(self, levels: NDArray[np.uint8]) -> Vector:
        """log2(m / u) of patterns, u that of all strangers: float64[n] from uint8[n, n_comparisons]."""
        return _bounded(_summed(self.log2_m_u(), levels) - self.neighbour_bits(levels))

    def neighbour_bits(self, levels: NDArray[np.uint8]) -> Vector:
        """log2 of how many times more often strangers have a pattern than without neighbours: float64[n], >= 0."""
        if self.neighbour_share == 0.0:
            return np.zeros(levels.shape[0])
        return self._more_bits(_summed(self.log2_g_u(), levels))

    def household_odds(self, levels: NDArray[np.uint8], n_persons: int) -> Vector:
        """(household_rate / n_persons) * h / u of patterns that share a number, else 0: float64[n]."""
        if self.household_rate == 0.0:
            return np.zeros(levels.shape[0])
        is_shared = _summed([c.is_shared() for c in self.comparisons], levels) > 0
        log2_h_u = _summed(self.log2_h_u(), levels) - self.neighbour_bits(levels)
        return np.where(is_shared, self.household_rate / n_persons * np.exp2(_bounded(log2_h_u)), 0.0)

    def tables(self, space: PatternSpace, n_persons: int) -> tuple[Vector, Vector]:
        """m / u and the household odds of every pattern: float64[space.size] each.

        They are products of shares, not sums of logarithms: exact as long as no product of shares over u, over some of
        the comparisons, leaves the range of double precision, as with shares of 1e-40 in eight comparisons.
        """
        m_over_u, h_over_u, g_over_u = (
            space.halves_of_products([getattr(c, kind) / c.u for c in self.comparisons])
            for kind in ("m", "household", "among_neighbours")
        )
        unshared = space.halves_of_products([1.0 - c.is_shared() for c in self.comparisons])
        rates = self.neighbour_share, self.household_rate / n_persons
        m_u, household = np.empty(space.size), np.empty(space.size)
        fill_tables(m_over_u, h_over_u, g_over_u, unshared, rates, 2.0**MOST_LOG2, m_u, household)
        return m_u, household

    def _more_bits(self, log2_g_u: Vector) -> Vector:
        """log2(1 + neighbour_share * g / u)."""
        return np.asarray(np.log2(1.0 + self.neighbour_share * np.exp2(_bounded(log2_g_u))))


@kernel
def fill_tables(m_halves, h_halves, g_halves, unshared, rates, most, m_u, household):  # type: ignore[no-untyped-def]
    """m / u and the household odds of every pattern, see `Parameters.pattern_weights` and `Parameters.household_odds`.

    m_halves, h_halves, g_halves, unshared: the two halves of each product over the comparisons, see
    `PatternSpace.halves_of_products`: m, household and neighbour over u, and 0 where both hold the same number, else 1;
    rates: (neighbour_share, household_rate / n_persons); most: the bound of m / u and h / u; m_u, household: out.
    """
    neighbour_share, household_rate = rates
    n_low = m_halves[0].shape[0]
    for high in range(m_halves[1].shape[0]):
        for low in range(n_low):
            strangers = 1.0 + neighbour_share * min(g_halves[0][low] * g_halves[1][high], most)
            code = high * n_low + low
            m_u[code] = min(max(m_halves[0][low] * m_halves[1][high] / strangers, 1.0 / most), most)
            odds = min(max(h_halves[0][low] * h_halves[1][high] / strangers, 1.0 / most), most)
            household[code] = household_rate * odds * (1.0 - unshared[0][low] * unshared[1][high])


def _log2(shares: Vector) -> Vector:
    """log2 of probabilities, -inf of 0."""
    logs = np.full(shares.size, -np.inf)
    np.log2(shares, where=shares > 0, out=logs)
    return logs


def _bounded(weights: Vector) -> Vector:
    """Weights within `MOST_LOG2` of 0."""
    return np.asarray(np.clip(weights, -MOST_LOG2, MOST_LOG2))


def _summed(by_level: list[Vector], levels: NDArray[np.uint8]) -> Vector:
    """The sum over comparisons of one number per level."""
    total = np.zeros(levels.shape[0])
    for c, values in enumerate(by_level):
        total += values[levels[:, c]]
    return total
