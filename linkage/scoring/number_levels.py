"""What claims and agreement patterns say of a person's number."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from linkage.encode.dictionaries import Columns
from linkage.plan.sections import Plan
from linkage.scoring.batch import pattern_space
from models.comparators import digits


def number_comparison(plan: Plan) -> int | None:
    """The place of the comparison of a person's number; None where the plan has none."""
    places = [c for c, comparison in enumerate(plan.comparisons) if comparison.kind == "person_number"]
    return places[0] if places else None


def are_numberless(columns: Columns, plan: Plan) -> NDArray[np.bool_] | None:
    """Whether claims state no number of their person's, or one of a wrong length: bool[n_claims]; None where the plan
    compares none."""
    place = number_comparison(plan)
    if place is None:
        return None
    number = columns[plan.comparisons[place].left[0]]
    n_digits = number.astype(np.uint64) >> np.uint64(digits.N_DIGITS_SHIFT)
    return np.asarray((n_digits != digits.OLD_DIGITS) & (n_digits != digits.PERSONAL_DIGITS))


def number_levels(codes: NDArray[np.uint32], plan: Plan) -> NDArray[np.uint8]:
    """The level of the number in each pattern: uint8[n] from uint32[n], 0, missing, where the plan compares none."""
    place = number_comparison(plan)
    if place is None:
        return np.zeros(codes.size, np.uint8)
    return pattern_space(plan).level_of(codes, place)
