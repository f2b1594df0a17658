"""Numbers by absolute difference: ages, house numbers, measurements. NaN is missing."""

from __future__ import annotations

from numba import njit

kernel = njit(cache=True, nogil=True, error_model="numpy")


@kernel
def number_level(a, b, thresholds):  # type: ignore[no-untyped-def]
    """0 missing, 1 + i for the first threshold with |a - b| <= thresholds[i], else the last level."""
    if a != a or b != b:
        return 0
    gap = abs(a - b)
    for i in range(thresholds.shape[0]):
        if gap <= thresholds[i]:
            return 1 + i
    return 1 + thresholds.shape[0]


@kernel
def number_levels(offsets, rows, left, right, thresholds, stride, codes):  # type: ignore[no-untyped-def]
    """codes[k] += stride * level; left: float64[n_subjects], right: float64[n_persons], thresholds ascending."""
    for s in range(left.shape[0]):
        a = left[s]
        for k in range(offsets[s], offsets[s + 1]):
            codes[k] += stride * number_level(a, right[rows[k]], thresholds)
