"""From how many bear a value to what an agreement on it is worth.

Few bearers say little, so a share is drawn towards that of a larger circle. The cohort's share is the country's, p,
times the lift (n + 3) / (p N + 3) of n other bearers among the N people of the cohort: 1 where n is what p leads to
expect, and near 1 where both are few. A prior of so many people, as communes have it, fits names held back worse, for
it leaves a cohort's rare names with next to nothing. Within the subject's commune and cohort a name has the cohort's
share, times how many more namesakes live in the commune than p leads to expect, where there are more. Half a namesake
is left out there: the larger of two shares overrates the many names that have one namesake by chance.
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
    """How many they are without one, who may be the subject himself."""
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
    """Shares of the names of n subjects, circle by circle and in each by group.

    country, neighbours, peers: (bearers, people) in the country, in the subject's communes and in his cohort, uint32 or
    int64[n, n_groups], those of the country int64[n_groups]; None for communes or cohorts that are not asked for.
    shares: float64[n, n_circles, n_groups] out: in the country; in the communes, where it is not less; then, with
    cohorts, in the cohort and in the communes' cohort.
    """
    bearers, people = country
    for i in range(shares.shape[0]):
        for group in range(shares.shape[2]):
            everywhere = country_share(bearers[i, group], people[group])
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
def name_ratios(same, plain, u_same, mean_plain, priors, ratios):  # type: ignore[no-untyped-def]
    """Ratios r = frequency / u of the levels of a name.

    Parameters
    ----------
    same, plain : float64[n, k], shares of the whole name and of the name without tones or diacritics
    u_same, mean_plain : u of the same name, and the mean share of a plain name
    priors : float64[n_near], of the levels of names that are near: how little a name's own frequency says of them, as
        if one of the mean frequency had been counted so often beside it
    ratios : float64[n, k, 3 + n_near] out: 1, of the same name, of the plain name, of those that are near
    """
    for i in range(ratios.shape[0]):
        for k in range(ratios.shape[1]):
            to_mean = plain[i, k] / mean_plain
            ratios[i, k, 0] = 1.0
            ratios[i, k, 1] = same[i, k] / u_same
            ratios[i, k, 2] = to_mean
            for near in range(priors.shape[0]):
                ratios[i, k, 3 + near] = (to_mean + priors[near]) / (1.0 + priors[near])


@kernel
def smallest(ratios, least):  # type: ignore[no-untyped-def]
    """The smallest ratio of each kind, least: float64[n, n_kinds] out, of ratios: float64[n, k, n_kinds], k > 0."""
    for i in range(ratios.shape[0]):
        for kind in range(ratios.shape[2]):
            lowest = ratios[i, 0, kind]
            for k in range(1, ratios.shape[1]):
                lowest = min(lowest, ratios[i, k, kind])
            least[i, kind] = lowest
