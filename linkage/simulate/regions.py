"""Regions: parts of the country small enough to be drawn at once, one after the other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from linkage.simulate.randomness import Floats, Int32s, Ints
from linkage.simulate.units import Communes

REGION_PERSONS = 2_000_000


@dataclass(frozen=True)
class Region:
    """Neighbouring districts and how many persons and doses they have."""

    number: int  # from 1 in order of the communes; 0: the simulation is drawn whole
    weights: Floats  # shape (communes,), expected share of the people, any sum, 0 outside
    persons: int
    doses: int


def divide(communes: Communes, persons: int, doses: int, region_persons: int = REGION_PERSONS) -> list[Region]:
    """Regions of whole districts, alike in size, with about ``region_persons`` people at most."""
    if persons <= region_persons:
        return [Region(0, communes.weights, persons, doses)]
    people = communes.weights / communes.weights.sum() * persons
    region_of = _regions(communes.district_index(), people, region_persons)
    sizes: Floats = np.bincount(region_of, people).astype(np.float64)
    persons_of, doses_of = apportion(persons, sizes), apportion(doses, sizes)
    return [
        Region(number + 1, np.where(region_of == number, communes.weights, 0.0), int(persons_of[number]), int(n_doses))
        for number, n_doses in enumerate(doses_of)
    ]


def _regions(districts: Int32s, people: Floats, most: int) -> Ints:
    """The region of each commune, 0 ...: the districts in their order, cut into parts of about equal size."""
    sizes = np.bincount(districts, people)
    n_regions = -(-sizes.sum() // most)
    middles = np.cumsum(sizes) - sizes / 2
    # A large district may fill what would be several regions.
    numbers = np.unique(np.floor(middles * n_regions / sizes.sum()), return_inverse=True)[1]
    region_of: Ints = numbers[districts]
    return region_of


def apportion(total: int, sizes: Floats) -> Ints:
    """``total`` in whole numbers by ``sizes``: each has its share rounded down, the largest remainders one more."""
    shares = sizes / sizes.sum() * total
    counts: Ints = np.floor(shares).astype(np.int64)
    counts[np.argsort(counts - shares, kind="stable")[: total - counts.sum()]] += 1
    return counts
