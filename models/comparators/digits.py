"""Numbers of digits that identify a household or a person: phone, insurance number, personal number.

A number is packed four bits a digit with its number of digits in the top byte (255: a foreign document, not
comparable); 0 is missing.

A person's number says more than same or different. Its inner digits may contradict the sex and birth year stated beside
it, and somebody else may own it: a parent's number on a child's record does both. ``marks`` of a subject holds
CONTRADICTS and OWNED.
"""

from __future__ import annotations

from numba import njit

kernel = njit(cache=True, nogil=True, error_model="numpy")

LEVELS = ("missing", "same", "one digit or two neighbours swapped", "different")

PERSON_LEVELS = (
    "missing",
    "same",
    "same, but contradicts the stated sex or birth year",
    "old number same",
    "one digit or two neighbours swapped",
    "different, nobody's",
    "different, contradicts the stated sex or birth year",
    "different, another person's",
)

CONTRADICTS = 1  # the number's century, sex or year digits contradict the sex or birth year stated beside it
OWNED = 2  # the number stands in the registry as somebody's current or old number

N_DIGITS_SHIFT = 56
OLD_DIGITS = 9
DOCUMENT = 255


@kernel
def one_slip(a, b):  # type: ignore[no-untyped-def]
    """Whether two unequal packed numbers of one length differ in one digit, or by two neighbouring digits swapped."""
    if (a >> N_DIGITS_SHIFT) != (b >> N_DIGITS_SHIFT):
        return False
    changed = a ^ b
    lowest = 0
    while (changed >> lowest) & 15 == 0:
        lowest += 4
    rest = changed >> lowest
    if rest < 16:
        return True
    if rest >= 256:
        return False
    pair_a, pair_b = (a >> lowest) & 255, (b >> lowest) & 255
    return (pair_a >> 4) == (pair_b & 15) and (pair_a & 15) == (pair_b >> 4)


@kernel
def digits_level(a, b):  # type: ignore[no-untyped-def]
    """The level of two packed numbers; symmetric."""
    if a == 0 or b == 0:
        return 0
    if a == b:
        return 1
    return 2 if one_slip(a, b) else 3


@kernel
def digits_levels(offsets, rows, left, right, stride, codes):  # type: ignore[no-untyped-def]
    """codes[k] += stride * digits_level(left[s], right[rows[k]]); left: uint64[n_subjects], right:
    uint64[n_persons]."""
    for s in range(left.shape[0]):
        a = left[s]
        for k in range(offsets[s], offsets[s + 1]):
            codes[k] += stride * digits_level(a, right[rows[k]])


@kernel
def person_number_level(stated, marks, number, old_number):  # type: ignore[no-untyped-def]
    """The level of a stated number with its marks against a person's current and old number.

    A number of another length than the person's is not comparable: missing. So is a foreign document.
    """
    n_digits = stated >> N_DIGITS_SHIFT
    is_old = n_digits == OLD_DIGITS
    own = old_number if is_old else number
    if stated == 0 or own == 0 or n_digits == DOCUMENT or n_digits != own >> N_DIGITS_SHIFT:
        return 0
    if stated == own:
        if is_old:
            return 3
        return 2 if marks & CONTRADICTS else 1
    if one_slip(stated, own):
        return 4
    if marks & OWNED:
        return 7
    return 6 if marks & CONTRADICTS else 5


@kernel
def person_number_levels(offsets, rows, left, marks, right, right_old, stride, codes):  # type: ignore[no-untyped-def]
    """codes[k] += stride * level; left: uint64[n_subjects], marks: uint8[n_subjects], right, right_old:
    uint64[n_persons]."""
    for s in range(left.shape[0]):
        a, mark = left[s], marks[s]
        for k in range(offsets[s], offsets[s + 1]):
            row = rows[k]
            codes[k] += stride * person_number_level(a, mark, right[row], right_old[row])
