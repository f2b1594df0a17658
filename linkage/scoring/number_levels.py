"""What claims and agreement patterns say of a person's number."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from linkage.encode.dictionaries import Columns
from linkage.plan.sections import Plan
from linkage.schema import BASIC_ROLES
from linkage.scoring.batch import pattern_space
from models.comparators import digits
from models.parameters import NOT_ASKED, NUMBERLESS, STATED


def number_comparison(plan: Plan) -> int | None:
    """The place of the comparison of a person's number; None where the plan has none."""
    places = [c for c, comparison in enumerate(plan.comparisons) if comparison.kind == "person_number"]
    return places[0] if places else None


def said_of_number(columns: Columns, plan: Plan) -> NDArray[np.uint8] | None:
    """What claims say of a number of their person's, see `models.parameters`, one of a wrong length being none:
    uint8[n_claims]; None where the plan compares none."""
    place = number_comparison(plan)
    if place is None:
        return None
    comparison = plan.comparisons[place]
    number = columns[comparison.left[0]]
    n_digits = number.astype(np.uint64) >> np.uint64(digits.N_DIGITS_SHIFT)
    is_stated = (n_digits == digits.OLD_DIGITS) | (n_digits == digits.PERSONAL_DIGITS)
    # People of the registry, and those of any two files, were asked for what the plan compares.
    is_unasked = columns.get(comparison.unasked, np.zeros(number.size, np.bool_))
    return np.where(is_stated, STATED, np.where(is_unasked, NOT_ASKED, NUMBERLESS)).astype(np.uint8)


def enter_unasked(columns: Columns, unread: NDArray[np.uint8], plan: Plan) -> None:
    """Enter, beside the columns of claims, which come only from files that ask for no number; unread: uint8[n_claims],
    a bit for each of BASIC_ROLES whose field no file gives."""
    place, bit = number_comparison(plan), np.uint8(1 << BASIC_ROLES.index("number"))
    if place is not None and plan.comparisons[place].left[0] == plan.field_as("number").name:
        columns[plan.comparisons[place].unasked] = unread & bit > 0


def number_levels(codes: NDArray[np.uint32], plan: Plan) -> NDArray[np.uint8]:
    """The level of the number in each pattern: uint8[n] from uint32[n], 0, missing, where the plan compares none."""
    place = number_comparison(plan)
    if place is None:
        return np.zeros(codes.size, np.uint8)
    return pattern_space(plan).level_of(codes, place)
