"""Postal codes: what two share from the left is a place of some size.

A code is up to ten letters and digits, six bits each from the highest on (1 to 36, 0 after the end), so that codes with
a common beginning agree in their high bits. The last characters are the finest: without two of them a code names a
sector, without three a district (SW1A 1, SW1A; of five digits three and two).
"""

from __future__ import annotations

import numpy as np
from numba import njit

kernel = njit(cache=True, nogil=True, error_model="numpy")

LEVELS = (
    "missing",
    "same",
    "one character or two neighbours swapped",
    "same sector (all but the last two characters)",
    "same district (all but the last three)",
    "different",
)

N_CHARACTERS, CHARACTER_BITS = 10, 6
_LOWEST = 60 - CHARACTER_BITS  # the lowest bit of the first character


@kernel
def _n_characters(code):  # type: ignore[no-untyped-def]
    n = 0
    while n < N_CHARACTERS and (code >> np.uint64(_LOWEST - CHARACTER_BITS * n)) & np.uint64(63) != 0:
        n += 1
    return n


@kernel
def _is_slip(a, b, n):  # type: ignore[no-untyped-def]
    """Whether two unequal codes of n characters differ in one, or by two neighbours swapped."""
    differing, last = 0, 0
    for i in range(n):
        shift = np.uint64(_LOWEST - CHARACTER_BITS * i)
        if ((a ^ b) >> shift) & np.uint64(63) != 0:
            differing += 1
            last = i
    if differing != 2:
        return differing == 1
    low, high = np.uint64(_LOWEST - CHARACTER_BITS * last), np.uint64(_LOWEST - CHARACTER_BITS * (last - 1))
    six = np.uint64(63)
    return (a >> low) & six == (b >> high) & six and (a >> high) & six == (b >> low) & six


@kernel
def postcode_level(a, b):  # type: ignore[no-untyped-def]
    """The level of two packed codes; symmetric. One of another length shares what it states: SW1A of SW1A 1AA."""
    if a == 0 or b == 0:
        return 0
    if a == b:
        return 1
    n_a, n_b = _n_characters(a), _n_characters(b)
    shared = 0
    while shared < min(n_a, n_b) and (a ^ b) >> np.uint64(_LOWEST - CHARACTER_BITS * shared) == 0:
        shared += 1
    if n_a == n_b:
        if _is_slip(a, b, n_a):
            return 2
        return 3 if shared == n_a - 2 and shared > 0 else (4 if shared == n_a - 3 and shared > 0 else 5)
    return 4 if shared == min(n_a, n_b) and shared >= 2 else 5


@kernel
def postcode_levels(first, offsets, left, right, stride, codes):  # type: ignore[no-untyped-def]
    """codes += stride * postcode_level(left, right) over spans; left: uint64[n_spans], right: uint64[n]."""
    for i in range(left.shape[0]):
        a = left[i]
        if a == 0:
            continue
        for k in range(offsets[i], offsets[i + 1]):
            codes[k] += stride * postcode_level(a, right[first[i] + k - offsets[i]])
