"""The usual spellings of numbers and dates, read from their bytes; any other text is left to the rules.

A column is ``text``, uint8[n_bytes], and ``offsets``, int32[n + 1], where each value begins in it.
"""

from __future__ import annotations

import numba as nb
import numpy as np

kernel = nb.njit(cache=True, nogil=True, error_model="numpy")

MAX_DIGITS = 14
ZERO, NINE = 48, 57
DASH, DOT, SLASH = 45, 46, 47


@kernel
def read_digits(
    text: np.ndarray,
    offsets: np.ndarray,
    values: np.ndarray,  # uint64[n], out: the number that is written, 0 for other texts
    packed: np.ndarray,  # uint64[n], out: its digits as linkage.standardise.digits packs them, 0 for the empty text
    is_other: np.ndarray,  # bool[n], out: the text is not 0 to MAX_DIGITS ASCII digits
) -> None:
    """Bare digits as a number and packed: value = 10 value + digit, packed = 16 packed + digit."""
    for row in range(values.size):
        value = np.uint64(0)
        digits = np.uint64(0)
        length = offsets[row + 1] - offsets[row]
        other = length > MAX_DIGITS
        for i in range(offsets[row], offsets[row + 1] if not other else offsets[row]):
            byte = text[i]
            if byte < ZERO or byte > NINE:
                other = True
                break
            digit = np.uint64(byte - ZERO)
            value = value * np.uint64(10) + digit
            digits = digits << np.uint64(4) | digit
        values[row] = np.uint64(0) if other else value
        packed[row] = np.uint64(0) if other else np.uint64(length) << np.uint64(56) | digits
        is_other[row] = other


@kernel
def read_parts(
    text: np.ndarray,
    offsets: np.ndarray,
    parts: np.ndarray,  # uint32[3, n], out: year, month and day as typed, 0 where not stated
    is_other: np.ndarray,  # bool[n], out: the text is of none of the forms, its parts are 0
) -> None:
    """Dates as d/m/yyyy, yyyy-m-d (months and days of one digit or two) or yyyy; separators "/", "-", "." alike."""
    for row in range(is_other.size):
        i = offsets[row]
        end = offsets[row + 1]
        parts[:, row] = 0
        first, n_first, i = _number(text, i, end)
        if n_first == 4 and i == end:
            parts[0, row] = first
            is_other[row] = False
            continue
        second, n_second, i = _number(text, _after_separator(text, i, end), end)
        third, n_third, i = _number(text, _after_separator(text, i, end), end)
        day_first = 1 <= n_first <= 2 and 1 <= n_second <= 2 and n_third == 4
        year_first = n_first == 4 and 1 <= n_second <= 2 and 1 <= n_third <= 2
        is_other[row] = i != end or not (day_first or year_first)
        if not is_other[row]:
            parts[0, row] = third if day_first else first
            parts[1, row] = second
            parts[2, row] = first if day_first else third


@kernel
def _number(text: np.ndarray, i: int, end: int) -> tuple[int, int, int]:
    """Up to four digits from ``i`` on: (number, n_digits, first byte after them)."""
    number = np.int64(0)
    n = 0
    while i < end and n < 4 and ZERO <= text[i] <= NINE:
        number = number * 10 + np.int64(text[i]) - ZERO
        n += 1
        i += 1
    return int(number), n, i


@kernel
def _after_separator(text: np.ndarray, i: int, end: int) -> int:
    """The byte after the separator at ``i``; ``end`` where there is none, and so no number follows."""
    return i + 1 if i < end and DASH <= text[i] <= SLASH else end
