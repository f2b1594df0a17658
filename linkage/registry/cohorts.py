"""Cohorts of birth: names change with the times, and most rivals of a claim were born in its year.

Five women in six born before 1995 have Thị in their name, one in six of those born from 2007 on, and what is called a
common name changes with every generation. The bands are narrow where names change fastest; a registry of a million has
enough people in each to count.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from blocking.keys import Keys, within
from linkage.standardise import dates
from models.comparators import date

FIRST_YEARS = (1955, 1970, 1985, 1995, 2000, 2005, 2010)  # the first birth years of cohort 2, 3, ...; 0 is unknown
N_COHORTS = len(FIRST_YEARS) + 2
# Levels of the date comparison at which both were born in one year, or nearly: all but the missing, the same birthday
# in any year, and different ones. Of strangers whose dates differ in one digit most have the same year.
ONE_COHORT = tuple(
    date.LEVELS.index(label)
    for label in (
        "same",
        "same, but 01/01 or incomplete",
        "day and month swapped",
        "one digit differs",
        "same year, the other 01/01 or incomplete",
        "same year",
        "within a year",
    )
)
_COHORT = np.uint64(15)  # the bits of a key that hold its cohort


def cohorts_of(packed: NDArray[np.generic]) -> Keys:
    """The cohort of each packed date: uint64[n], 0 where the year is unknown."""
    years = dates.year_of(packed.astype(np.uint32))
    return np.where(years == 0, 0, 1 + np.searchsorted(FIRST_YEARS, years, side="right")).astype(np.uint64)


def within_cohort(values: Keys, cohorts: Keys) -> Keys:
    """Hashes of a value within a cohort, which their last bits tell; 0 where either is missing."""
    hashes = within(values, cohorts)
    return np.where(hashes == 0, hashes, hashes & ~_COHORT | cohorts)


def cohorts_in(keys: Keys) -> NDArray[np.int64]:
    """The cohorts of such hashes."""
    return (keys & _COHORT).astype(np.int64)


def cohort_names() -> list[str]:
    """The birth years of each cohort from the first."""
    starts = [str(year) for year in FIRST_YEARS]
    between = [f"{first}-{last - 1}" for first, last in pairwise(FIRST_YEARS)]
    return [f"before {starts[0]}", *between, f"from {starts[-1]}"]
