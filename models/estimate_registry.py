"""Estimates what people of the registry are like who are taken for one another: twins, and strangers whose numbers lie
one slip apart.

Two persons of the registry are two people, so their pairs are non-matches whatever they agree on: what is learnt from
them is learnt without labels and without a model that decides which pairs these are. Among the pairs of one commune and
one date of birth, twins stand out from strangers, whose names, phones and numbers are like those of pairs of one
commune and year; the mixture is fitted by EM (Dempster, Laird and Rubin 1977). Among the pairs with near numbers what
the number's digits hold, sex, year and province, is learnt, and the rest is as among any strangers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from models.estimate_u import normalised
from models.parameters import ComparisonParameters, Parameters

Vector = NDArray[np.float64]

# Weight of the plan's values in the twins' level probabilities, in pairs: twins are one person in fifty, and a handful
# of them with one thing in common would teach that all have it.
PRIOR_TWINS = 200.0
PRIOR_NEIGHBOURS = 20.0  # pairs of strangers like any other that are thought to be among those with near numbers
LEAST_TWINS = 1.0  # pairs of twins that are thought to be among those of any registry
ROUNDS = 50


@dataclass(frozen=True)
class Counted:
    """Patterns of pairs, uint8[n, n_comparisons] levels, and how many pairs have each, float64[n]."""

    levels: NDArray[np.uint8]
    counts: Vector


@dataclass(frozen=True)
class RegistryPairs:
    """Pairs of some persons of the registry with others.

    same_date, same_year: pairs of one commune born on one day, and in one year on different days, None where the plan
    has no date or place to tell by; n_persons: the persons they were sought for. near: pairs whose numbers lie one slip
    apart, None where no pass finds them; n_near: all pairs of the persons who have such a number. number: the
    comparison of numbers, slips, same_numbers: its levels of near and of equal numbers; held_by_number: comparisons of
    what the digits of a number hold; given: those that the pairs of one commune and date were chosen by; names: those
    of names, which twins share so seldom that two rows which do are mostly one person entered twice.
    """

    same_date: Counted | None
    same_year: Counted | None
    n_persons: int
    near: Counted | None
    n_near: float
    number: int
    slips: tuple[int, ...]
    same_numbers: tuple[int, ...]
    held_by_number: tuple[int, ...]
    given: tuple[int, ...]
    names: tuple[int, ...]


def estimate_classes(parameters: Parameters, start: Parameters, pairs: RegistryPairs) -> Parameters:
    """The parameters with the probabilities of twins and of neighbours, the twins per person and the share of
    neighbours; u is as in ``parameters``, the twins' prior values as in ``start``."""
    if pairs.same_date is not None and pairs.same_year is not None:
        parameters = _with_twins(parameters, start, pairs, pairs.same_date, pairs.same_year)
    return parameters if pairs.near is None else _with_neighbours(parameters, pairs, pairs.near)


def _with_twins(
    parameters: Parameters, start: Parameters, pairs: RegistryPairs, same_date: Counted, same_year: Counted
) -> Parameters:
    """Twins against strangers of one commune among the pairs of one date of birth."""
    compared = [i for i in range(len(parameters.comparisons)) if i not in pairs.given]
    strangers, twins = {}, {}
    for i in compared:
        c = parameters.comparisons[i]
        counts = np.bincount(same_year.levels[:, i], weights=same_year.counts, minlength=c.u.size)
        strangers[i] = normalised(counts + PRIOR_TWINS * c.u)
        twins[i] = start.comparisons[i].among_twins
    total = float(same_date.counts.sum())
    n_twins = min(LEAST_TWINS, total)
    for _ in range(ROUNDS):
        is_twin = _second_of(same_date, strangers, twins, total - n_twins, n_twins)
        counted = same_date.counts * is_twin
        n_twins = float(counted.sum())
        for i in compared:
            first = start.comparisons[i].among_twins
            found = np.bincount(same_date.levels[:, i], weights=counted, minlength=first.size)
            twins[i] = normalised(found + PRIOR_TWINS * first)
            if i in pairs.names:
                twins[i][2:] *= (1.0 - first[1]) / (1.0 - twins[i][1])
                twins[i][1] = first[1]
    comparisons = [
        replace(c, twin=twins.get(i, start.comparisons[i].among_twins)) for i, c in enumerate(parameters.comparisons)
    ]
    c = comparisons[pairs.number]
    comparisons[pairs.number] = replace(c, twin=_of_outsiders(c, start.comparisons[pairs.number].among_twins, pairs))
    rate = (n_twins + LEAST_TWINS) / max(1, pairs.n_persons)
    return replace(parameters, comparisons=tuple(comparisons), twin_rate=rate)


def _of_outsiders(number: ComparisonParameters, start: Vector, pairs: RegistryPairs) -> Vector:
    """A twin's number beside that of somebody who may be in no registry: float64[n_levels].

    Every number of the registry is a registered person's, so only how many are near is learnt from its pairs. How often
    a stated number is nobody's is as among strangers, and how often the twin's own is stated is as in the
    plan, for two persons never share one.
    """
    twin = number.among_twins
    levels = np.arange(twin.size)
    is_slip, is_same = np.isin(levels, pairs.slips), np.isin(levels, pairs.same_numbers)
    is_other = ~is_slip & ~is_same & (levels > 0)
    far = number.u * is_other
    owned = _owned_share(number, pairs)
    near = np.zeros(twin.size)
    near[list(pairs.slips)] = (1.0 - owned, owned)
    rest = 1.0 - start[is_same].sum()
    n_near, n_far = twin[is_slip].sum(), twin[is_other].sum()
    share_near = n_near / (n_near + n_far)
    mixed = np.where(is_same, start, 0.0) + rest * (share_near * near + (1.0 - share_near) * far / far.sum())
    mixed[0] = 1.0
    return np.asarray(mixed)


def _owned_share(number: ComparisonParameters, pairs: RegistryPairs) -> float:
    """The share of stated numbers that are another person's, of strangers."""
    after = max(pairs.slips) + 1
    far = number.u[after : number.n_compared]
    return float(far[-1] / far.sum())


def _with_neighbours(parameters: Parameters, pairs: RegistryPairs, near: Counted) -> Parameters:
    """Strangers with near numbers, twins among them taken out."""
    compared = [i for i in range(len(parameters.comparisons)) if i != pairs.number]
    strangers = {i: parameters.comparisons[i].u for i in compared}
    twins = {i: parameters.comparisons[i].among_twins for i in compared}
    total = float(near.counts.sum())
    n_twins = min(LEAST_TWINS, total) if parameters.twin_rate > 0 else 0.0
    counted = near.counts
    for _ in range(ROUNDS):
        is_twin = _second_of(near, strangers, twins, total - n_twins, n_twins)
        counted = near.counts * (1.0 - is_twin)
        n_twins = total - float(counted.sum())
        for i in pairs.held_by_number:
            u = parameters.comparisons[i].u
            found = np.bincount(near.levels[:, i], weights=counted, minlength=u.size)
            strangers[i] = normalised(found + PRIOR_NEIGHBOURS * u)
    comparisons = [replace(c, neighbour=strangers.get(i)) for i, c in enumerate(parameters.comparisons)]
    number = comparisons[pairs.number]
    owned, slips = _owned_share(number, pairs), np.zeros(number.u.size)
    slips[list(pairs.slips)] = (1.0 - owned, owned)
    comparisons[pairs.number] = replace(number, neighbour=slips)
    share = float(counted.sum()) / max(1.0, pairs.n_near)
    return replace(parameters, comparisons=tuple(comparisons), neighbour_share=share)


def _second_of(
    counted: Counted, first: dict[int, Vector], second: dict[int, Vector], n_first: float, n_second: float
) -> Vector:
    """The probability that a pair of each pattern is of the second of two classes: float64[n], from the classes' level
    probabilities by comparison and their numbers of pairs."""
    if n_second <= 0.0:
        return np.zeros(counted.counts.size)
    log_odds = np.full(counted.counts.size, np.log(n_second) - np.log(max(n_first, 1e-9)))
    for i in first:
        log_odds += np.log(second[i] / first[i])[counted.levels[:, i]]
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(log_odds, -700.0, 700.0))))
