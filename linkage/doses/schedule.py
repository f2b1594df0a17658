"""What a person's doses say against each other, and against the person: conflicts, and their names.

A dose after the registered death, two dates for one dose number, doses closer together than any schedule allows, a
second dose of a product that may not follow the first. The same dose keyed in twice (number and date equal) is a
duplicate, not a conflict. Only the first is impossible, and forbids to decide without a person; the others are weighed,
see linkage.doses.schedule_evidence.

A stated sex or number that contradicts the registry is evidence in the comparisons, not a conflict here: sex is
keyed in wrong on two doses in a hundred, and the doses that the weights decide all the same are right as often as
the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from linkage.machine.parts import n_parts
from linkage.standardise import dates

# Shortest interval between two doses of any schedule in the campaign, less the grace of four days.
SHORTEST_INTERVAL_DAYS = 17

DEAD, DOSE_NUMBER, INTERVAL, PRODUCT = 1, 2, 4, 8
LABELS = {
    DEAD: "dead_before_dose",
    DOSE_NUMBER: "dose_number_twice",
    INTERVAL: "interval_too_short",
    PRODUCT: "product_mismatch",
}

# Products by the words they are typed with; 0 is a product not known.
_PRODUCT_WORDS = ("astrazeneca|azd1222|vaxzevria", "vero|sinopharm", "moderna|spikevax", "pfizer|comirnaty|bnt162",
"abdala",
                  "hayat", "sputnik|gam-covid", "janssen")  # fmt: skip
_ASTRA_ZENECA, _MODERNA, _PFIZER = 1, 3, 4
# Second doses that may differ from the first by the ministry's guidance of 2021 (an mRNA product after AstraZeneca,
# either mRNA product after the other); any other pair of known products does not occur in one person's first two doses.
_MAY_FOLLOW = {(_ASTRA_ZENECA, _PFIZER), (_ASTRA_ZENECA, _MODERNA), (_MODERNA, _PFIZER), (_PFIZER, _MODERNA)}


# Entries: the registry row above, then four bits for the dose number (0 where it does not count), then the day.
Entries = NDArray[np.uint64]
_DAY_BITS, _PERSON_SHIFT = np.uint64(20), np.uint64(24)


@dataclass(frozen=True)
class Injections:
    """What was given when: day int32[n] (-1 unknown), number uint8[n] and product uint8[n] (0 unknown)."""

    day: NDArray[np.int32]
    number: NDArray[np.uint8]
    product: NDArray[np.uint8]

    def __getitem__(self, doses: NDArray[np.integer[Any]] | slice) -> Injections:
        """Those of the doses given, in that order."""
        return Injections(self.day[doses], self.number[doses], self.product[doses])


def read_injections(dose_date: pa.Array, dose_number: pa.Array, vaccine: pa.Array) -> Injections:
    """Dates, numbers and products of doses as typed; "mũi 2", "2.0" and "2" are 2."""
    day = dates.days(dates.standardise_dates(dose_date))
    digit = pc.struct_field(pc.extract_regex(pc.fill_null(dose_number, ""), r"^\D*(?P<n>[1-9])(?:\.0*)?\D*$"), "n")
    number = pc.fill_null(digit.cast(pa.uint8()), 0).to_numpy(zero_copy_only=False)
    return Injections(day, np.asarray(number), _products(vaccine))


def _products(vaccine: pa.Array) -> NDArray[np.uint8]:
    """The product of each dose, worked per distinct text."""
    encoded = pc.fill_null(vaccine, "").dictionary_encode()
    lowered = pc.utf8_lower(encoded.dictionary)
    product = np.zeros(len(lowered), np.uint8)
    for number, words in enumerate(_PRODUCT_WORDS, start=1):
        product[pc.match_substring_regex(lowered, words).to_numpy(zero_copy_only=False)] = number
    of_dose: NDArray[np.uint8] = product[encoded.indices.to_numpy(zero_copy_only=False)]
    return of_dose


def find_conflicts(
    person: NDArray[np.integer[Any]], injections: Injections, death_day: NDArray[np.int32]
) -> NDArray[np.uint8]:
    """Conflict bits of every dose: uint8[n].

    person: int[n], registry row decided for the dose, -1 for none; death_day: int32[n], day of death of that
    person, -1 when alive or not known.

    Doses are packed into entries, integers that sort by person first; equal entries are one injection keyed in twice.
    People are taken in groups, for the memory that sorting needs.
    """
    day = injections.day
    conflicts = np.where((person >= 0) & (death_day >= 0) & (day > death_day), DEAD, 0).astype(np.uint8)
    n_groups = n_parts(person.size)
    group = np.where((person >= 0) & (day >= 0), person % n_groups, n_groups).astype(np.uint16)
    for number in range(n_groups):
        doses = np.flatnonzero(group == number).astype(np.int32)
        conflicts[doses] |= _between_doses(person[doses].astype(np.uint64), injections[doses])
    return conflicts


def _between_doses(people: NDArray[np.uint64], injections: Injections) -> NDArray[np.uint8]:
    """Conflict bits of doses with a person and a day, all the doses of these people: uint8[n]."""
    conflicts = np.zeros(people.size, np.uint8)
    day, number = injections.day.astype(np.uint64), injections.number
    by_day = people << _PERSON_SHIFT | day
    conflicts[_among(by_day, _beside_another_day(by_day, SHORTEST_INTERVAL_DAYS))] |= INTERVAL
    numbered = np.flatnonzero(number > 0)
    by_number = by_day[numbered] | number[numbered].astype(np.uint64) << _DAY_BITS
    conflicts[numbered[_among(by_number, _beside_another_day(by_number, None))]] |= DOSE_NUMBER
    early = numbered[number[numbered] <= 2]
    given = people[early] << _PERSON_SHIFT | _place_in_mask(number[early], injections.product[early])
    conflicts[early[_among(given, _of_mixed_products(given))]] |= PRODUCT
    return conflicts


def _distinct(entries: Entries) -> Entries:
    """Distinct entries, ascending. Sorting vectors is many times as fast as numpy.unique, which hashes."""
    ordered: Entries = np.sort(entries)
    distinct: Entries = ordered[np.append(True, ordered[1:] != ordered[:-1])[: ordered.size]]
    return distinct


def _among(entries: Entries, marked: Entries) -> NDArray[np.bool_]:
    """Which of the entries, uint64[n], are among the marked ones, uint64[m] ascending."""
    if marked.size == 0:
        return np.zeros(entries.size, np.bool_)
    place = np.searchsorted(marked, entries)
    return np.asarray(marked[np.minimum(place, marked.size - 1)] == entries)


def _beside_another_day(entries: Entries, within_days: int | None) -> Entries:
    """The entries whose person has, under the same number, an entry on another day (within so many days), ascending."""
    distinct = _distinct(entries)
    is_near = distinct[1:] >> _DAY_BITS == distinct[:-1] >> _DAY_BITS
    if within_days is not None:
        is_near &= np.diff(distinct) < within_days
    return _distinct(np.concatenate([distinct[:-1][is_near], distinct[1:][is_near]]))


def _place_in_mask(number: NDArray[np.uint8], product: NDArray[np.uint8]) -> Entries:
    """A bit for every product of a first and of a second dose: uint64[n], 0 to 31."""
    return np.asarray((number == 2).astype(np.uint64) << np.uint64(4) | product)


def _of_mixed_products(entries: Entries) -> Entries:
    """The entries whose person has the other of first and second dose of a product that may not go with it,
    ascending."""
    distinct = _distinct(entries)
    if distinct.size == 0:
        return distinct
    person, place = distinct >> _PERSON_SHIFT, (distinct & np.uint64(31)).astype(np.intp)
    starts = np.flatnonzero(np.append(True, person[1:] != person[:-1]))
    has = np.bitwise_or.reduceat(np.uint32(1) << place.astype(np.uint32), starts)
    has = np.repeat(has, np.diff(np.append(starts, person.size)))
    clashes: Entries = distinct[has & _clashes()[place] > 0]
    return clashes


def _clashes() -> NDArray[np.uint32]:
    """By place in the mask of products, the places in it of what may not go with it: uint32[32]."""
    clashes = np.zeros(32, np.uint32)
    for first, second in np.argwhere(may_not_follow()).tolist():
        clashes[first] |= np.uint32(1 << (16 + second))
        clashes[16 + second] |= np.uint32(1 << first)
    return clashes


def may_not_follow() -> NDArray[np.bool_]:
    """Whether a second dose's product (column) may not follow a first dose's (row); an unknown one may."""
    allowed = np.eye(len(_PRODUCT_WORDS) + 1, dtype=np.bool_)
    allowed[0, :] = allowed[:, 0] = True
    for pair in _MAY_FOLLOW:
        allowed[pair] = True
    return ~allowed


def conflict_labels(conflicts: NDArray[np.uint8]) -> pa.ListArray:
    """Lists of conflict names, from the bits; never null."""
    names = [[label for bit, label in LABELS.items() if value & bit] for value in range(2 ** len(LABELS))]
    return pa.array(names, pa.list_(pa.string())).take(pa.array(conflicts))
