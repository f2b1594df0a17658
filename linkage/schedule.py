"""What a person's doses say against each other, and against the person: conflicts that forbid to match without a
person.

A dose after the registered death, two dates for one dose number, doses closer together than any schedule allows. The
same dose keyed in twice (number and date equal) is a duplicate, not a conflict.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from linkage.standardise import dates

# Shortest interval between two doses of any schedule in the campaign, less the grace of four days.
SHORTEST_INTERVAL_DAYS = 17

DEAD, DOSE_NUMBER, INTERVAL = 1, 2, 4
LABELS = {DEAD: "dead_before_dose", DOSE_NUMBER: "dose_number_twice", INTERVAL: "interval_too_short"}


@dataclass(frozen=True)
class Injections:
    """The dated part of n doses: day int32[n] (-1 unknown) and number uint8[n] (0 unknown)."""

    day: NDArray[np.int32]
    number: NDArray[np.uint8]


def read_injections(dose_date: pa.Array, dose_number: pa.Array) -> Injections:
    """Dates and numbers of doses as typed; "mũi 2", "2.0" and "2" are 2."""
    day = dates.days(dates.standardise_dates(dose_date))
    digit = pc.struct_field(pc.extract_regex(pc.fill_null(dose_number, ""), r"^\D*(?P<n>[1-9])(?:\.0*)?\D*$"), "n")
    number = pc.fill_null(digit.cast(pa.uint8()), 0).to_numpy(zero_copy_only=False)
    return Injections(day, np.asarray(number))


def find_conflicts(
    person: NDArray[np.int64], injections: Injections, death_day: NDArray[np.int32]
) -> NDArray[np.uint8]:
    """Conflict bits of every dose: uint8[n].

    person: int64[n], registry row decided for the dose, -1 for none; death_day: int32[n], day of death of that
    person, -1 when alive or not known.
    """
    conflicts = np.zeros(person.size, np.uint8)
    day, number = injections.day, injections.number
    conflicts[(person >= 0) & (death_day >= 0) & (day > death_day)] |= DEAD
    dated = np.flatnonzero((person >= 0) & (day >= 0))
    by_day = dated[np.lexsort((day[dated], person[dated]))]
    before, after = by_day[:-1], by_day[1:]
    gap = day[after] - day[before]
    is_short = (person[before] == person[after]) & (gap > 0) & (gap < SHORTEST_INTERVAL_DAYS)
    numbered = dated[number[dated] > 0]
    by_number = numbered[np.lexsort((day[numbered], number[numbered], person[numbered]))]
    first, second = by_number[:-1], by_number[1:]
    same_number = (person[first] == person[second]) & (number[first] == number[second]) & (day[first] != day[second])
    for bit, a, b, found in ((INTERVAL, before, after, is_short), (DOSE_NUMBER, first, second, same_number)):
        conflicts[a[found]] |= bit
        conflicts[b[found]] |= bit
    return conflicts


def conflict_labels(conflicts: NDArray[np.uint8]) -> pa.ListArray:
    """Lists of conflict names, from the bits; never null."""
    names = [[label for bit, label in LABELS.items() if value & bit] for value in range(8)]
    return pa.array(names, pa.list_(pa.string())).take(pa.array(conflicts))
