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
def category_levels(first, offsets, left, right, stride, codes):  # type: ignore[no-untyped-def]
    """codes += stride * category_level(left, right) over spans; left: any integer[n_spans], right: same[n]."""
    for i in range(left.shape[0]):
        a = left[i]
        span = codes[offsets[i] : offsets[i + 1]]
        values = right[first[i] : first[i] + span.shape[0]]
        for k in range(span.shape[0]):
            span[k] += stride * category_level(a, values[k])
