"""Dates of birth, with the ways in which Vietnamese records get them wrong.

A date is packed as year << 9 | month << 5 | day in a uint32; 0 is unknown, month and day are 0 when only the year (or
year and month) is known. 01/01 is what an unknown day is keyed in as, by instruction, so it is worth little: it has
levels of its own.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numba import njit
from numpy.typing import NDArray

kernel = njit(cache=True, nogil=True, error_model="numpy")

LEVELS = (
    "missing",
    "same",
    "same, but 01/01 or incomplete",
    "day and month swapped",
    "one digit differs",
    "same year, the other 01/01 or incomplete",
    "same day and month",
    "same year",
    "within a year",
    "different",
)
# No order between a turned-round date and an incomplete one, nor between one birthday and one year.
CLOSER: tuple[tuple[int, ...], ...] = ((), (), (1,), (1,), (2, 3), (4,), (4,), (5,), (7,), (6, 8))

_YEARS = 1536  # the first of the 512 years that a table of years is of


@kernel
def _digits_differing(a, b):  # type: ignore[no-untyped-def]
    """How many digits of two numbers under 100 differ."""
    return int(a // 10 != b // 10) + int(a % 10 != b % 10)


@kernel
def _one_digit_differs(a, b):  # type: ignore[no-untyped-def]
    """Whether two unequal numbers of at most four digits differ in one digit; without branches, which would be guessed
    wrong half the time."""
    return (
        (a // 10 == b // 10)
        | ((a // 100 == b // 100) & (a % 10 == b % 10))
        | ((a // 1000 == b // 1000) & (a % 100 == b % 100))
        | (a % 1000 == b % 1000)
    )


@kernel
def _is_vague(month, day):  # type: ignore[no-untyped-def]
    """Whether the day is not known, or is the 01/01 that stands for not known."""
    return month == 0 or day == 0 or (month == 1 and day == 1)


@kernel
def date_level(a, b):  # type: ignore[no-untyped-def]
    """The level of two packed dates; symmetric."""
    if a == 0 or b == 0:
        return 0
    year_a, month_a, day_a = a >> 9, (a >> 5) & 15, a & 31
    year_b, month_b, day_b = b >> 9, (b >> 5) & 15, b & 31
    vague_a, vague_b = _is_vague(month_a, day_a), _is_vague(month_b, day_b)
    if a == b:
        return 2 if vague_a else 1
    if vague_a or vague_b:
        return _vague_level(year_a, month_a, year_b, month_b)
    if year_a == year_b and month_a == day_b and day_a == month_b:
        return 3
    return _complete_level(a, b)


@kernel
def _vague_level(year_a, month_a, year_b, month_b):  # type: ignore[no-untyped-def]
    """Level of two unequal dates of which at least one has no trustworthy day."""
    if year_a == year_b:
        return 5
    # A wrong digit in the year can be told only from the year; with vague days that is weak: within a year or
    # different.
    return 8 if abs(np.int64(year_a) - np.int64(year_b)) <= 1 else 9


@kernel
def _complete_level(a, b):  # type: ignore[no-untyped-def]
    """Level of two unequal, complete dates whose day and month are not swapped.

    Digits are counted only where one alone can differ: in the year when day and month are the same, or the reverse.
    """
    year_a, year_b = a >> 9, b >> 9
    if year_a == year_b:
        day_a, day_b, month_a, month_b = a & 31, b & 31, (a >> 5) & 15, (b >> 5) & 15
        return 4 if _digits_differing(day_a, day_b) + _digits_differing(month_a, month_b) == 1 else 7
    if (a ^ b) & 511 == 0:
        return 4 if _one_digit_differs(year_a, year_b) else 6
    return 8 if abs(np.int64(year_a) - np.int64(year_b)) <= 1 else 9


@kernel
def _fill_tables(same_year, same_day):  # type: ignore[no-untyped-def]
    year, day = np.uint32(_YEARS << 9), np.uint32(2 << 5 | 2)
    for a in range(512):
        for b in range(512):
            same_year[a, b] = date_level(np.uint32(year | a), np.uint32(year | b))
            same_day[a, b] = date_level(np.uint32(year + (a << 9) | day), np.uint32(year + (b << 9) | day))


@cache
def level_tables() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Level of two dates of one year by their months and days, month << 5 | day of both, and of two dates of one
    trustworthy day and month by their years, less `_YEARS`: uint8[512, 512] each."""
    same_year, same_day = np.empty((512, 512), np.uint8), np.empty((512, 512), np.uint8)
    _fill_tables(same_year, same_day)
    return same_year, same_day


@kernel
def date_levels(first, offsets, left, right, tables, stride, codes):  # type: ignore[no-untyped-def]
    """codes += stride * date_level(left, right) over spans; left: uint32[n_spans], right: uint32[n].

    tables: see level_tables. Blocks are mostly of one year of birth, or of one day and month, where a row of a table is
    all it takes.
    """
    same_year, same_day = tables
    for i in range(left.shape[0]):
        a = left[i]
        if a == 0:
            continue
        levels, by_year = same_year[a & 511], same_day[(a >> 9) & 511]
        has_row = a >> 18 == _YEARS >> 9 and not _is_vague((a >> 5) & 15, a & 31)
        span = codes[offsets[i] : offsets[i + 1]]
        values = right[first[i] : first[i] + span.shape[0]]
        for k in range(span.shape[0]):
            b = values[k]
            apart = a ^ b
            if apart >> 9 == 0:
                span[k] += stride * levels[b & 511]
            elif has_row and apart & 511 == 0 and apart >> 18 == 0:
                span[k] += stride * by_year[(b >> 9) & 511]
            else:
                span[k] += stride * date_level(a, b)
