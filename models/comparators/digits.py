"""Numbers of digits that identify a household or a person: phone, insurance number, personal number.

A number is packed four bits a digit with its number of digits in the top byte (255: a foreign document, not
comparable); 0 is missing.

A person's number says more than same or different. Its inner digits may contradict the sex and birth year stated
beside it, and somebody else may own it: a parent's number on a child's record does both. Where no birth year is stated,
as with 01/01/1900, a parent's number contradicts nothing, so it is worth less than one that was found to agree. A
number one slip from a person's is a slip where it is nobody's; where it is another person's, it mostly is theirs,
such as a twin's whose number was issued next. A digit too few or too many is a slip as well; a number of eleven or
thirteen digits that is none of a person's is not comparable.
``marks`` of a claim holds CONTRADICTS, UNCHECKED and OWNED.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

kernel = njit(cache=True, nogil=True, error_model="numpy")

LEVELS = ("missing", "same", "one digit or two neighbours swapped", "different")

PERSON_LEVELS = (
    "missing",
    "same",
    "same, but contradicts the stated sex or birth year",
    "same, and no birth year stated",
    "old number same",
    "one digit off or two swapped, nobody's",
    "one digit off or two swapped, another's",
    "different, nobody's",
    "different, contradicts the stated sex or birth year",
    "different, another person's",
)

# Of a person's number whose other kind may be there, see absent.
PERSON_ABSENT = "no number of this length in the registry"
# Of each level those next closer to agreement; so in the other modules, where not each is next to the one before.
PERSON_CLOSER: tuple[tuple[int, ...], ...] = ((), (), (), (), (), (), (1, 2, 3, 4), (5,), (5,), (6,))
# Levels that the claim alone tells apart. A right number contradicts a wrong date, which its own comparison weighs: as
# evidence it is the same number.
PERSON_ALIKE = (1, 2, 3)
SHARED = (1, 2, 3, 4)  # the levels of one number on both sides
NOBODYS = (7, 8)  # the levels of a stated number that is neither this person's nor another's
SLIP_NOBODYS, SLIP_OWNED = 5, 6  # the levels of a number one slip apart

CONTRADICTS = 1  # the number's century, sex or year digits contradict the sex or birth year stated beside it
OWNED = 2  # the number stands in the registry as somebody's current or old number
UNCHECKED = 4  # no birth year is stated that the number could contradict
N_MARKS = 8

N_DIGITS_SHIFT = 56
OLD_DIGITS = 9
PERSONAL_DIGITS = 12
DOCUMENT = 255


def has_old_digits(numbers: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Which packed numbers are of the old sort, of nine digits: bool[n]."""
    return np.asarray(numbers >> np.uint64(N_DIGITS_SHIFT) == OLD_DIGITS)


@kernel
def one_slip(a, b):  # type: ignore[no-untyped-def]
    """Whether two unequal packed numbers of one length differ in one digit, or by two neighbouring digits swapped.

    Without branches: places marks the digits that differ by one bit each, lowest is the first of them.
    """
    changed = a ^ b
    ones = np.uint64(0x1111111111111111)
    places = (changed | changed >> np.uint64(1) | changed >> np.uint64(2) | changed >> np.uint64(3)) & ones
    lowest = places & (~places + np.uint64(1))
    # Two neighbours swapped change by the same bits: those in which the two of them differ.
    swap = (a ^ a >> np.uint64(4)) & ((lowest << np.uint64(4)) - lowest)
    same_length = changed >> np.uint64(N_DIGITS_SHIFT) == 0
    return same_length & ((places == lowest) | (changed == swap | swap << np.uint64(4)))


@kernel
def digits_level(a, b):  # type: ignore[no-untyped-def]
    """The level of two packed numbers; symmetric."""
    if a == 0 or b == 0:
        return 0
    if a == b:
        return 1
    return 2 if one_slip(a, b) else 3


@kernel
def digits_levels(first, offsets, left, right, stride, codes):  # type: ignore[no-untyped-def]
    """codes += stride * digits_level(left, right) over spans; left: uint64[n_spans], right: uint64[n]."""
    for i in range(left.shape[0]):
        a = left[i]
        if a == 0:
            continue
        span = codes[offsets[i] : offsets[i + 1]]
        values = right[first[i] : first[i] + span.shape[0]]
        for k in range(span.shape[0]):
            span[k] += stride * digits_level(a, values[k])


@kernel
def one_digit_more(longer, shorter):  # type: ignore[no-untyped-def]
    """Whether a packed number, one of the two a personal one, becomes the other when one of its digits is left out."""
    n_longer, n_shorter = longer >> np.uint64(N_DIGITS_SHIFT), shorter >> np.uint64(N_DIGITS_SHIFT)
    is_personal = n_longer == PERSONAL_DIGITS or n_shorter == PERSONAL_DIGITS
    if not is_personal or n_longer != n_shorter + np.uint64(1):
        return False
    digits = np.uint64((1 << N_DIGITS_SHIFT) - 1)
    for place in range(n_longer):
        shift = np.uint64(4 * place)
        below = (np.uint64(1) << shift) - np.uint64(1)
        left = (longer & digits) >> (shift + np.uint64(4)) << shift | longer & below
        if left == shorter & digits:
            return True
    return False


@kernel
def person_number_level(stated, marks, number, old_number):  # type: ignore[no-untyped-def]
    """The level of a stated number with its marks against a person's current and old number.

    A number of another length than the person's is not comparable: missing. So is a foreign document.
    """
    n_digits = stated >> np.uint64(N_DIGITS_SHIFT)
    if stated == 0 or n_digits == DOCUMENT:
        return 0
    same, slip, different = _levels_of(n_digits, marks)
    own = old_number if n_digits == OLD_DIGITS else number
    level = _own_level(stated, own, same, slip, different)
    return slip if level == 0 and _is_cut(n_digits) and _is_cut_of(stated, own) else level


@kernel
def _levels_of(n_digits, marks):  # type: ignore[no-untyped-def]
    """The levels at which a stated number is the person's, one slip from it, and quite another."""
    same = 4 if n_digits == OLD_DIGITS else (2 if marks & CONTRADICTS else (3 if marks & UNCHECKED else 1))
    if marks & OWNED:
        return same, SLIP_OWNED, 9
    return same, SLIP_NOBODYS, 8 if marks & CONTRADICTS else 7


@kernel
def _own_level(stated, own, same, slip, different):  # type: ignore[no-untyped-def]
    """The level against the person's number of the same kind."""
    if own == 0 or (stated ^ own) >> np.uint64(N_DIGITS_SHIFT) != 0:
        return 0
    if stated == own:
        return same
    return slip if one_slip(stated, own) else different


@kernel
def _is_cut_of(stated, own):  # type: ignore[no-untyped-def]
    """Whether a stated number is a person's, a digit of which was lost or typed twice."""
    return one_digit_more(stated, own) or one_digit_more(own, stated)


@kernel
def person_number_levels(first, offsets, left, marks, right, right_old, stride, codes):  # type: ignore[no-untyped-def]
    """codes += stride * person_number_level over spans; left: uint64[n_spans], marks: uint8[n_spans], right, right_old:
    uint64[n]."""
    for i in range(left.shape[0]):
        a = left[i]
        n_digits = a >> np.uint64(N_DIGITS_SHIFT)
        if a == 0 or n_digits == DOCUMENT:
            continue
        same, slip, different = _levels_of(n_digits, marks[i])
        span = codes[offsets[i] : offsets[i + 1]]
        own = right_old if n_digits == OLD_DIGITS else right
        values = own[first[i] : first[i] + span.shape[0]]
        for k in range(span.shape[0]):
            span[k] += stride * _own_level(a, values[k], same, slip, different)
        if _is_cut(n_digits):
            for k in range(span.shape[0]):
                if values[k] >> np.uint64(N_DIGITS_SHIFT) != n_digits and _is_cut_of(a, values[k]):
                    span[k] += stride * slip


@kernel
def absent_person_number_level(stated, number, old_number):  # type: ignore[no-untyped-def]
    """1 when a person has no number of the stated one's kind and length, 0 otherwise, or for a foreign document and a
    number of a digit too few or too many."""
    n_digits = stated >> np.uint64(N_DIGITS_SHIFT)
    if stated == 0 or n_digits == DOCUMENT or _is_cut(n_digits):
        return 0
    return _lacks(stated, old_number if n_digits == OLD_DIGITS else number)


@kernel
def _is_cut(n_digits):  # type: ignore[no-untyped-def]
    """Whether that is a digit less or more than a personal number has."""
    return n_digits == PERSONAL_DIGITS - 1 or n_digits == PERSONAL_DIGITS + 1


@kernel
def _lacks(stated, own):  # type: ignore[no-untyped-def]
    """1 when the person's own number is missing, of no digits that is, or of another length."""
    return 1 if (stated ^ own) >> np.uint64(N_DIGITS_SHIFT) != 0 else 0


@kernel
def absent_person_number_levels(first, offsets, left, right, right_old, step, codes):  # type: ignore[no-untyped-def]
    """codes += step * absent_person_number_level over spans; left: uint64[n_spans], right, right_old: uint64[n]."""
    for i in range(left.shape[0]):
        a = left[i]
        n_digits = a >> np.uint64(N_DIGITS_SHIFT)
        if a == 0 or n_digits == DOCUMENT or _is_cut(n_digits):
            continue
        span = codes[offsets[i] : offsets[i + 1]]
        own = right_old if n_digits == OLD_DIGITS else right
        values = own[first[i] : first[i] + span.shape[0]]
        for k in range(span.shape[0]):
            span[k] += step * _lacks(a, values[k])
