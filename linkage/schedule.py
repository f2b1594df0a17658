"""What a person's doses say against each other, and against the person: conflicts that forbid to match without a
person.

A dose after the registered death, two dates for one dose number, doses closer together than any schedule allows, a
second dose of a product that may not follow the first. The same dose keyed in twice (number and date equal) is a
duplicate, not a conflict.

A stated sex or number that contradicts the registry is evidence in the comparisons, not a conflict here: sex is
keyed in wrong on two doses in a hundred, and the doses that the weights decide all the same are right as often as
the others.
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


@dataclass(frozen=True)
class Injections:
    """What was given when: day int32[n] (-1 unknown), number uint8[n] and product uint8[n] (0 unknown)."""

    day: NDArray[np.int32]
    number: NDArray[np.uint8]
    product: NDArray[np.uint8]


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
    numbered = dated[number[dated] > 0]
    conflicts[_beside_another_day(dated, person, np.zeros_like(number), day, SHORTEST_INTERVAL_DAYS)] |= INTERVAL
    conflicts[_beside_another_day(numbered, person, number, day, None)] |= DOSE_NUMBER
    conflicts[_of_mixed_products(numbered, person, number, injections.product)] |= PRODUCT
    return conflicts


def _beside_another_day(
    doses: NDArray[np.int64],
    person: NDArray[np.int64],
    number: NDArray[np.uint8],
    day: NDArray[np.int32],
    within_days: int | None,
) -> NDArray[np.int64]:
    """Those of the doses whose person has, under the same number, a dose on another day (within so many days).

    Equal doses are one injection keyed in twice: all of them stand beside the other day, or none.
    """
    if doses.size == 0:
        return doses
    ordered = doses[np.lexsort((day[doses], number[doses], person[doses]))]
    same_number = (np.diff(person[ordered]) == 0) & (np.diff(number[ordered]) == 0)
    gap = np.diff(day[ordered])
    # Equal doses are one entry; an entry stands beside the one before or after it.
    entry = np.cumsum(np.append(True, ~same_number | (gap > 0))) - 1
    is_near = same_number & (gap > 0) & ((gap < within_days) if within_days is not None else True)
    is_beside = np.zeros(entry[-1] + 1, np.bool_)
    is_beside[entry[:-1][is_near]] = True
    is_beside[entry[1:][is_near]] = True
    beside: NDArray[np.int64] = ordered[is_beside[entry]]
    return beside


def _of_mixed_products(
    doses: NDArray[np.int64], person: NDArray[np.int64], number: NDArray[np.uint8], product: NDArray[np.uint8]
) -> NDArray[np.int64]:
    """First and second doses whose person has the other of the two of a product that may not go with it."""
    both = doses[number[doses] <= 2]
    which = number[both].astype(np.intp) - 1
    people, place = np.unique(person[both], return_inverse=True)
    given = np.zeros((2, people.size, len(_PRODUCT_WORDS) + 1), np.bool_)
    given[which, place, product[both]] = True
    allowed = _may_follow()
    clashes = np.stack([~allowed, ~allowed.T])[which, product[both]] & given[1 - which, place]
    mixed: NDArray[np.int64] = both[clashes.any(axis=1)]
    return mixed


def _may_follow() -> NDArray[np.bool_]:
    """Whether a second dose's product (column) may follow a first dose's (row); an unknown one may."""
    allowed = np.eye(len(_PRODUCT_WORDS) + 1, dtype=np.bool_)
    allowed[0, :] = allowed[:, 0] = True
    for pair in _MAY_FOLLOW:
        allowed[pair] = True
    return allowed


def conflict_labels(conflicts: NDArray[np.uint8]) -> pa.ListArray:
    """Lists of conflict names, from the bits; never null."""
    names = [[label for bit, label in LABELS.items() if value & bit] for value in range(2 ** len(LABELS))]
    return pa.array(names, pa.list_(pa.string())).take(pa.array(conflicts))
