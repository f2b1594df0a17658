"""What whole places have in common: which of them a shock strikes, and somebody who lives there."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from linkage.simulate.claims import Claims
from linkage.simulate.doses import LAST_DAY, LEVELS
from linkage.simulate.households import DAYS_PER_YEAR
from linkage.simulate.population import ALIVE, Population
from linkage.simulate.randomness import Chance, Int32s, Ints

GROWN_UP_YEARS = 25


def struck(chance: Chance, name: str, n: int, share: float) -> Ints:
    """Of ``n`` places the given share, at least one, in random order; the same ones in all regions."""
    return np.argsort(replace(chance, region=0).keys(name, np.arange(n)))[: max(1, round(share * n))]


def facilities(claims: Claims, first: int) -> Ints:
    """The facility that each claim comes from: one for each commune and level."""
    doses = claims.source.doses
    rows = slice(first, first + len(claims))
    return doses.communes[rows].astype(np.int64) * len(LEVELS) + doses.levels[rows]


def inhabitants(chance: Chance, people: Population, places: Ints, n_places: int) -> Int32s:
    """A registered grown-up with a phone of each place, a row of the population; -1 where there is none.

    Parameters
    ----------
    places : int array, shape (people,), the place of each, 0 ... n_places - 1
    """
    born = LAST_DAY.astype(np.int64) - GROWN_UP_YEARS * DAYS_PER_YEAR
    can = people.registered & (people.phones >= 0) & (people.births < born) & (people.statuses == ALIVE)
    rows = np.flatnonzero(can)
    rows = rows[np.argsort(chance.keys("inhabitants", rows))]
    found, at = np.unique(places[rows], return_index=True)
    chosen = np.full(n_places, -1, np.int32)
    chosen[found] = rows[at]
    return chosen
