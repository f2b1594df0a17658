"""The parameters of the model and the tables made from them.

A pair that is no match is a pair of strangers, of strangers who look alike (whose numbers lie one slip apart, or who
agree in what another value is made of), of relatives, of twins, or of namesakes; each class has its own level
probabilities. The odds of a pattern against each class are a product over the comparisons of shares over m, and every
factor rises, or stays, from closer to farther levels (`over_m`). So of two patterns the one that is at least as close
in every comparison has the higher Bayes factor, whatever was estimated from however little, and however common the
values are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numba import njit
from numpy.typing import NDArray

from models.order import Closer, rising
from models.patterns import PatternSpace

Vector = NDArray[np.float64]
kernel = njit(cache=True, nogil=True, error_model="numpy")

# No weight of a pattern goes further, so that no odds overflow, nor what rare values and priors make of them.
MOST_LOG2 = 300.0

# What a claim says of a number of its person's. Who keys in a file without a column for it asks nobody.
NOT_ASKED, NUMBERLESS, STATED = range(3)


@dataclass(frozen=True)
class ComparisonParameters:
    """Level probabilities of one comparison; level 0 is "missing" and carries no weight.

    m, u, household: float64[n_levels], probability of each level among matches, random pairs, and non-matching pairs
    of one household, given that nothing is missing; entry 0 is 1. shared_levels: levels at which both hold the same
    number; only pairs that share one can be explained by a household. neighbour: float64[n_levels] among strangers
    whose numbers lie one slip apart, entry 0 is 1; of the comparison of these numbers 0 but at the levels that say so;
    None where they are like any strangers. Or the same of look-alikes, see models.estimate_lookalikes. twin, namesake:
    float64[n_levels] among a person and a twin, and between somebody whom the registry does not hold and the person
    whose name they bear; or None alike. namesakes_missing: how many times more often the latter leave the value out
    than claims do otherwise. absent_level: the last level is that the right side alone lacks the value, which is no
    agreement and no disagreement. closer: of each level those next closer to agreement, () for none; they have lower
    numbers, and training keeps m / u from rising along them. alike: levels that the left side alone tells apart; as
    evidence they are one.
    """

    name: str
    labels: tuple[str, ...]
    m: Vector
    u: Vector
    household: Vector
    shared_levels: tuple[int, ...] = ()
    absent_level: bool = False
    neighbour: Vector | None = None
    fixed: tuple[str, ...] = ()  # of "m" and "u", what training leaves as it is
    twin: Vector | None = None
    namesake: Vector | None = None
    closer: Closer = ()
    alike: tuple[int, ...] = ()
    namesakes_missing: float = 1.0

    def over_m(self, shares: Vector) -> Vector:
        """shares / m by level, float64[n_levels], rising from closer levels to farther ones (models.order): a farther
        level never speaks more for a match than a closer one. What a level is worth may rest on few pairs; its place in
        the order does not."""
        return rising(shares, self.m, self.closer, self.alike)

    @cached_property
    def closer_levels(self) -> NDArray[np.int8]:
        """``closer`` as an array, int8[n_levels, n_most], filled up with -1."""
        widest = max((len(closer) for closer in self.closer), default=0)
        table = np.full((len(self.labels), max(1, widest)), -1, np.int8)
        for level, closer in enumerate(self.closer):
            table[level, : len(closer)] = closer
        return table

    @cached_property
    def u_over_m(self) -> Vector:
        """Of strangers, see `over_m`."""
        return self.over_m(self.u)

    @property
    def used_m(self) -> Vector:
        """The m that with u gives the weight of each level, see `over_m`: float64[n_levels]."""
        return np.asarray(np.where(self.u_over_m == self.u / self.m, self.m, self.u / self.u_over_m))

    @cached_property
    def log2_m_u(self) -> Vector:
        """log2(m / u): the weight of each level, float64[n_levels]."""
        return np.asarray(-np.log2(self.u_over_m))

    def over_strangers(self, shares: Vector) -> Vector:
        """How many times likelier each level is in a class of non-matches than among strangers: float64[n_levels]."""
        return np.asarray(self.over_m(shares) / self.u_over_m)

    @cached_property
    def chance_over_household(self) -> Vector:
        """How many times likelier a value is that is as common as the mean than relatives have made each level:
        float64[n_levels].

        A person's relatives bear a value at least as often as anybody around. So of a value r times as common as the
        mean their share over m is no less than r u / m of its being the same, at this and, so that the order of levels
        stays, at all farther levels: r times this, where it is more than 1. Nothing of levels that compare nothing.
        """
        household = self.over_m(self.household)
        times = np.zeros(household.size)
        np.divide(self.u_over_m[1], household, where=household > 0, out=times)
        times[0] = 0.0
        times[self.n_compared :] = 0.0
        return times

    @property
    def is_farthest(self) -> NDArray[np.bool_]:
        """The levels that come of comparing and have none farther: bool[n_levels]; without an order the last one."""
        farthest = np.zeros(len(self.labels), np.bool_)
        farthest[self.n_compared - 1] = True
        if self.closer:
            has_farther = {other for closer in self.closer for other in closer}
            farthest[[level for level in range(1, self.n_compared) if level not in has_farther]] = True
        return farthest

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

    @property
    def among_twins(self) -> Vector:
        """What a person and a twin are like: float64[n_levels]."""
        return self.u if self.twin is None else self.twin

    @property
    def among_namesakes(self) -> Vector:
        """What somebody outside the registry and a namesake in it are like: float64[n_levels]."""
        shares = (self.u if self.namesake is None else self.namesake).copy()
        shares[0] = self.namesakes_missing
        return shares

    def is_shared(self) -> Vector:
        """1.0 at the levels at which both records hold the same number, else 0.0."""
        return np.isin(np.arange(len(self.labels)), self.shared_levels).astype(np.float64)


@dataclass(frozen=True, eq=False)  # no two are alike, so that tables can be kept by them
class Parameters:
    """Everything the posterior needs.

    share_in_registry: probability that a claim is in the registry at all. blocking_recall: probability that some pass
    finds the person then. household_rate: expected number of relatives in the registry per claim without a match, see
    models.relatives; 0 switches the class off. n_persons: size of the registry the model was trained on,
    and by which all is decided, so that a decision does not change with every person who comes or goes.
    neighbour_share: share of random pairs with numbers whose numbers lie one slip apart; 0 takes them for like any
    other. twin_rate, namesake_rate: as household_rate, of twins, and of namesakes beyond those that chance makes.
    numberless_m, numberless_u: share of claims without a number of their person's, of those asked for it, among those
    whose person is in the registry and among the others; equal shares say nothing.

    Two strangers of one province, sex and year of birth share six digits of twelve. So strangers whose numbers are a
    slip apart are mostly alike in these as well, and what random pairs show is a mixture, u and ``neighbour``.
    """

    comparisons: tuple[ComparisonParameters, ...]
    share_in_registry: float
    blocking_recall: float
    household_rate: float
    n_persons: int
    neighbour_share: float = 0.0
    twin_rate: float = 0.0
    namesake_rate: float = 0.0
    numberless_m: float = 0.5
    numberless_u: float = 0.5

    def times_outside(self, said: NDArray[np.uint8]) -> Vector:
        """How many times likelier a claim of somebody outside the registry states a number, or none, than one of a
        person in it: float64[n] from uint8[n], NOT_ASKED, NUMBERLESS or STATED. Who was not asked has said nothing."""
        without, stated = self.numberless_u / self.numberless_m, (1.0 - self.numberless_u) / (1.0 - self.numberless_m)
        return np.array([1.0, without, stated])[said]

    @cached_property
    def of_unasked(self) -> Parameters:
        """What decides claims that nobody asked for a number: those of namesakes outside the registry are then of both
        kinds, as many of each as the others show."""
        stated = 1.0 - self.numberless_u
        return replace(
            self,
            comparisons=tuple(
                replace(c, namesakes_missing=stated + self.numberless_u * c.namesakes_missing) for c in self.comparisons
            ),
        )

    def log2_m_u(self) -> list[Vector]:
        """log2(m / u) per comparison and level."""
        return [c.log2_m_u for c in self.comparisons]

    def pattern_weights(self, levels: NDArray[np.uint8]) -> Vector:
        """log2(m / u) of patterns, u that of all strangers: float64[n] from uint8[n, n_comparisons]."""
        return _bounded(_summed(self.log2_m_u(), levels) - self.neighbour_bits(levels))

    def neighbour_bits(self, levels: NDArray[np.uint8]) -> Vector:
        """log2 of how many times more often strangers have a pattern than without neighbours: float64[n], >= 0."""
        if self.neighbour_share == 0.0:
            return np.zeros(levels.shape[0])
        times = self._over_strangers([c.among_neighbours for c in self.comparisons], levels)
        return np.asarray(np.log2(1.0 + self.neighbour_share * times))

    def household_odds(self, levels: NDArray[np.uint8], n_persons: int) -> Vector:
        """(household_rate / n_persons) * h / u of patterns: float64[n]."""
        return self._odds(self.household_rate, [c.household for c in self.comparisons], levels, n_persons)

    def twin_odds(self, levels: NDArray[np.uint8], n_persons: int) -> Vector:
        """(twin_rate / n_persons) * t / u of patterns: float64[n]."""
        return self._odds(self.twin_rate, [c.among_twins for c in self.comparisons], levels, n_persons)

    def namesake_odds(self, levels: NDArray[np.uint8], n_persons: int) -> Vector:
        """(namesake_rate / n_persons) * namesake / u of patterns: float64[n]."""
        return self._odds(self.namesake_rate, [c.among_namesakes for c in self.comparisons], levels, n_persons)

    def share_a_number(self, levels: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Whether both records of a pattern hold the same number: bool[n]."""
        return _summed([c.is_shared() for c in self.comparisons], levels) > 0

    def tables(self, space: PatternSpace) -> tuple[Vector, Vector, Vector]:
        """m / u, the odds of relatives, twins and namesakes over strangers, and those of relatives alone, of every
        pattern: float64[space.size] each.

        They are products of shares, not sums of logarithms: exact as long as no product of shares over u, over some of
        the comparisons, leaves the range of double precision, as with shares of 1e-40 in eight comparisons.
        """
        over_u = [
            space.halves_of_products([c.over_strangers(shares(c)) for c in self.comparisons]) for shares in _CLASSES
        ]
        low, high = (np.stack([halves[half] for halves in over_u]) for half in range(2))
        rates = np.array([self.household_rate, self.twin_rate, self.namesake_rate]) / self.n_persons
        m_u, resembling, relatives = (np.empty(space.size) for _ in range(3))
        fill_tables(low, high, self.neighbour_share, rates, 2.0**MOST_LOG2, m_u, resembling, relatives)
        return m_u, resembling, relatives

    def _odds(self, rate: float, shares: list[Vector], levels: NDArray[np.uint8], n_persons: int) -> Vector:
        """rate / n_persons * (shares over those of all strangers) of patterns: float64[n]."""
        if rate == 0.0:
            return np.zeros(levels.shape[0])
        return np.asarray(
            rate / n_persons * self._over_strangers(shares, levels) / np.exp2(self.neighbour_bits(levels))
        )

    def _over_strangers(self, shares: list[Vector], levels: NDArray[np.uint8]) -> Vector:
        """How many times likelier patterns are in a class of non-matches than among strangers: float64[n]."""
        by_level = [_log2(c.over_strangers(of)) for c, of in zip(self.comparisons, shares, strict=True)]
        return np.asarray(np.exp2(_bounded(_summed(by_level, levels))))


# The classes of pairs, as `fill_tables` takes them; the last are those of non-matches who resemble the person.
_Shares = Callable[[ComparisonParameters], Vector]
RESEMBLING: tuple[_Shares, ...] = (lambda c: c.household, lambda c: c.among_twins, lambda c: c.among_namesakes)
_CLASSES: tuple[_Shares, ...] = (lambda c: c.m, lambda c: c.among_neighbours, *RESEMBLING)


@kernel
def fill_tables(low, high, neighbour_share, rates, most, m_u, resembling, relatives):  # type: ignore[no-untyped-def]
    """m / u, the odds of relatives, twins and namesakes, and those of relatives, of every pattern, see
    `Parameters.pattern_weights` and `Parameters.household_odds`.

    low, high: float64[5, n_low], float64[5, n_high], the two halves of each product over the comparisons, see
    `PatternSpace.halves_of_products`, of m, neighbour, household, twin and namesake over u; rates: float64[3] of the
    last three, over n_persons; most: the bound of all products; m_u, resembling, relatives: out.
    """
    n_low = low.shape[1]
    for i in range(high.shape[1]):
        for k in range(n_low):
            strangers = 1.0 + neighbour_share * min(low[1, k] * high[1, i], most)
            code = i * n_low + k
            m_u[code] = min(max(low[0, k] * high[0, i] / strangers, 1.0 / most), most)
            odds = rates[0] * min(low[2, k] * high[2, i], most)
            relatives[code] = odds / strangers
            for of in range(1, rates.shape[0]):
                odds += rates[of] * min(low[2 + of, k] * high[2 + of, i], most)
            resembling[code] = odds / strangers


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
