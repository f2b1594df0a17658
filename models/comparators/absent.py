"""A value that the left side states and the right side lacks: one more level of any comparison, behind its others.

What is not stated on the left says the same of all rivals, and nothing. What the registry lacks tells them apart: a
person without an old number seldom is who states an old number. The kernel of the comparison finds these pairs
"missing" and adds nothing; these kernels then add the level. That of person numbers stands in digits.
"""

from __future__ import annotations

from numba import njit

kernel = njit(cache=True, nogil=True, error_model="numpy")

LABEL = "no value in the registry"


@kernel
def absent_level(a, b, other):  # type: ignore[no-untyped-def]
    """1 when a is stated and the right side has neither b nor other, 0 otherwise; 0 is what is missing."""
    return 1 if a != 0 and b == 0 and other == 0 else 0


@kernel
def absent_levels(first, offsets, left, right, others, step, codes):  # type: ignore[no-untyped-def]
    """codes += step * absent_level(left, right, others) over spans; left: any integer[n_spans], right, others: any
    integer[n], one column twice where the right side has one only."""
    for i in range(left.shape[0]):
        a = left[i]
        if a == 0:
            continue
        span = codes[offsets[i] : offsets[i + 1]]
        values = right[first[i] : first[i] + span.shape[0]]
        more = others[first[i] : first[i] + span.shape[0]]
        for k in range(span.shape[0]):
            span[k] += step * absent_level(a, values[k], more[k])


@kernel
def absent_number_level(a, b):  # type: ignore[no-untyped-def]
    """1 when a is a number and b is NaN, 0 otherwise."""
    return 1 if a == a and b != b else 0


@kernel
def absent_number_levels(first, offsets, left, right, step, codes):  # type: ignore[no-untyped-def]
    """codes += step * absent_number_level(left, right) over spans; left: float64[n_spans], right: float64[n]."""
    for i in range(left.shape[0]):
        a = left[i]
        span = codes[offsets[i] : offsets[i + 1]]
        values = right[first[i] : first[i] + span.shape[0]]
        for k in range(span.shape[0]):
            span[k] += step * absent_number_level(a, values[k])
