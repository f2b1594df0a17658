"""Numbers by difference, absolute or relative: ages, house numbers, measurements, prices. NaN is missing."""

from __future__ import annotations

from numba import njit

kernel = njit(cache=True, nogil=True, error_model="numpy")


@kernel
def number_level(a, b, thresholds, is_relative):  # type: ignore[no-untyped-def]
    """0 missing, 1 + i for the first threshold with |a - b| <= thresholds[i], else the last level; is_relative: times
    the larger of |a| and |b|."""
    if a != a or b != b:
        return 0
    gap = abs(a - b)
    if is_relative and gap > 0.0:
        gap /= max(abs(a), abs(b))
    for i in range(thresholds.shape[0]):
        if gap <= thresholds[i]:
            return 1 + i
    return 1 + thresholds.shape[0]


@kernel
def number_levels(first, offsets, left, right, thresholds, is_relative, stride, codes):  # type: ignore[no-untyped-def]
    """codes += stride * number_level(left, right) over spans; float64[n_spans], float64[n], thresholds ascending."""
    for i in range(left.shape[0]):
        a = left[i]
        span = codes[offsets[i] : offsets[i + 1]]
        values = right[first[i] : first[i] + span.shape[0]]
        for k in range(span.shape[0]):
            span[k] += stride * number_level(a, values[k], thresholds, is_relative)
