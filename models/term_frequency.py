"""From how many bear a value to what an agreement on it is worth.

A share is that of the others, without one bearer, who may be the claimant: of values borne by one a second
bearer is hardly ever met, and of those borne by n about n - 1 are (Good 1953). Few bearers say little, so a share is
drawn towards that of a larger circle. The cohort's share is the country's, p, times the lift (n + 3) / (p N + 3) of n
other bearers among the N people of the cohort: 1 where n is what p leads to expect, and near 1 where both are few. A
prior of so many people, as communes have it, fits names held back worse, for it leaves a cohort's rare names with next
to nothing. Within the claim's commune and cohort a name has the cohort's share, times how many more namesakes live in
the commune than p leads to expect, where there are more. Half a namesake is left out there: the larger of two shares
overrates the many names that have one namesake by chance.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numba.extending import register_jitable

kernel = njit(cache=True, nogil=True, error_model="numpy")
# Called by kernels with numbers; called by others it is left to numpy, and takes arrays.
formula = register_jitable(error_model="numpy")

PRIOR_NEIGHBOURS = 10.0  # the weight of the country in a commune's shares, in people
PRIOR_BEARERS = 3.0  # the weight of the country in a cohort's shares, in bearers of the value
DISCOUNT = 0.5  # of the namesakes in a commune, where the cohort is known


@formula
def country_share(bearers: Any, people: Any) -> Any:
    """Share of a value in the country; one that nobody bears counts as half a bearer."""
    return np.maximum(bearers, 0.5) / np.maximum(people, 1.0)


@formula
def others(counted: Any) -> Any:
    """How many they are without one, who may be the claimant."""
    return np.maximum(counted - 1.0, 0.0)


@formula
def local_share(bearers: Any, people: Any, around: Any) -> Any:
    """Share of a value in a commune, of the others there; the share around stands in for few people."""
    return (bearers + PRIOR_NEIGHBOURS * around) / (people + PRIOR_NEIGHBOURS)


@formula
def cohort_share(bearers: Any, people: Any, around: Any) -> Any:
    """Share of a value in a cohort, of the others of it; the share around where these are none."""
    return around * (bearers + PRIOR_BEARERS) / (around * people + PRIOR_BEARERS)


@kernel
def name_shares(country, neighbours, peers, shares):  # type: ignore[no-untyped-def]
    """Shares of the names of n claims, circle by circle and in each by group.

    country, neighbours, peers: (bearers, people) in the country, in the claim's communes and in its cohort, uint32 or
    int64[n, n_groups], those of the country int64[n_groups]; None for communes or cohorts that are not asked for.
    shares: float64[n, n_circles, n_groups] out: in the country; in the communes, where it is not less; then, with
    cohorts, in the cohort and in the communes' cohort.
    """
    bearers, people = country
    for i in range(shares.shape[0]):
        for group in range(shares.shape[2]):
            everywhere = country_share(others(bearers[i, group]), others(people[group]))
            shares[i, 0, group] = everywhere
            if neighbours is not None:
                namesakes, n_neighbours = others(neighbours[0][i, group]), others(neighbours[1][i, group])
                shares[i, 1, group] = np.maximum(everywhere, local_share(namesakes, n_neighbours, everywhere))
            if peers is not None:
                of_cohort = cohort_share(others(peers[0][i, group]), others(peers[1][i, group]), everywhere)
                if neighbours is None:
                    shares[i, 1, group] = of_cohort
                else:
                    shares[i, 2, group] = of_cohort
                    here = local_share(np.maximum(namesakes - DISCOUNT, 0.0), n_neighbours, everywhere)
                    shares[i, 3, group] = np.minimum(of_cohort * np.maximum(here / everywhere, 1.0), 1.0)


@kernel
def level_ratios(same, near, u_same, mean_near, trust, ratios):  # type: ignore[no-untyped-def]
    """Ratios r = frequency / u of the levels of a value; 1 where it is missing.

    Parameters
    ----------
    same, near : float64[n, k], shares of the value and of what it is near by, as a name without its diacritics; 0 of a
        value that is missing
    u_same, mean_near : u of the same value, and the mean share of what it is near by
    trust : float64[n_levels], how far the value's own frequency tells that of what is near it: r = 1 + trust * (near /
        mean_near - 1), drawn towards 1 as if a value of the mean frequency had been counted 1 / trust - 1 times beside
        it; entries 0 and 1 are not used
    ratios : float64[n, k, n_levels] out
    """
    for i in range(ratios.shape[0]):
        for k in range(ratios.shape[1]):
            ratios[i, k, 0] = 1.0
            ratios[i, k, 1] = same[i, k] / u_same if same[i, k] > 0.0 else 1.0
            more = near[i, k] / mean_near - 1.0 if near[i, k] > 0.0 else 0.0
            for level in range(2, trust.shape[0]):
                ratios[i, k, level] = 1.0 + trust[level] * more


@kernel
def raise_other_groups(own, n_groups, ratios):  # type: ignore[no-untyped-def]
    """Raise the ratios of other groups to those of a claim's own: a value that is rare among the others is no better
    evidence for one of them.

    A man who bears a woman's name is rare, and would outweigh the woman of that name, though differing in sex. own:
    uint8[n], the claim's group, 0 where it is not known; ratios: float64[n, n_circles * n_groups, n_levels].
    """
    for i in range(ratios.shape[0]):
        if own[i] == 0:
            continue
        for circle in range(0, ratios.shape[1], n_groups):
            of_own = ratios[i, circle + own[i]]
            for group in range(n_groups):
                of_group = ratios[i, circle + group]
                for level in range(of_own.shape[0]):
                    of_group[level] = max(of_group[level], of_own[level])


@kernel
def keep_order(m_u, closer, ratios):  # type: ignore[no-untyped-def]
    """Raise ratios until no level weighs more than a closer one of the same value: m / (u r) falls, or stays.

    The frequency of a common value takes weight from its being the same, and so it must from whatever is less than the
    same: who has the name itself is no worse a candidate than who has one like it. m_u: float64[n_levels], m / u of the
    levels; closer: int8[n_levels, n_most], of each those next closer to agreement, filled up with -1; ratios:
    float64[n, k, n_levels].
    """
    inverse = 1.0 / m_u
    closer_one, farther_one = np.empty(closer.size, np.uint64), np.empty(closer.size, np.uint64)
    n = 0
    for level in range(2, m_u.shape[0]):
        for other in closer[level]:
            if other >= 0:
                closer_one[n], farther_one[n] = other, level
                n += 1
    least = np.empty(m_u.shape[0])  # u r / m of each level: no divisions, and neither branches nor loops of one step
    for i in range(ratios.shape[0]):
        for k in range(ratios.shape[1]):
            of_group = ratios[i, k]
            for level in range(m_u.shape[0]):
                least[level] = of_group[level] * inverse[level]
            for step in range(n):
                least[farther_one[step]] = max(least[farther_one[step]], least[closer_one[step]])
            for level in range(2, m_u.shape[0]):
                of_group[level] = max(of_group[level], least[level] * m_u[level])


@kernel
def smallest(ratios, least):  # type: ignore[no-untyped-def]
    """The smallest ratio of each level, least: float64[n, n_levels] out, of ratios: float64[n, k, n_levels], k > 0."""
    for i in range(ratios.shape[0]):
        for level in range(ratios.shape[2]):
            lowest = ratios[i, 0, level]
            for k in range(1, ratios.shape[1]):
                lowest = min(lowest, ratios[i, k, level])
            least[i, level] = lowest
