"""Same or not: sex, ethnicity and any other small category. 0 means missing."""

from __future__ import annotations

from numba import njit

kernel = njit(cache=True, nogil=True, error_model="numpy")

LEVELS = ("missing", "same", "different")
MISSING, SAME, DIFFERENT = range(3)


@kernel
def category_level(a, b):  # type: ignore[no-untyped-def]
    """0 when either is missing, 1 when equal, 2 otherwise."""
    if a == 0 or b == 0:
        return 0
    return 1 if a == b else 2


@kernel
def category_levels(offsets, rows, left, right, stride, codes):  # type: ignore[no-untyped-def]
    """codes[k] += stride * category_level(left[s], right[rows[k]]); left: any integer[n_subjects], right:
    same[n_persons]."""
    for s in range(left.shape[0]):
        a = left[s]
        for k in range(offsets[s], offsets[s + 1]):
            codes[k] += stride * category_level(a, right[rows[k]])
