"""Addresses as sets: the numbers in them, and the words, in whatever order and with parts left out.

An address is twelve ids, up to four of numbers and then up to eight of words, 0 after the end of each. The number of a
house is most of what an address says, so numbers that differ are told from numbers that one side leaves out.
"""

from __future__ import annotations

from numba import njit

kernel = njit(cache=True, nogil=True, error_model="numpy")
# Arrays handed to a function that is not inlined are reference-counted at every call, which costs more than its work.
inlined_kernel = njit(cache=True, nogil=True, error_model="numpy", inline="always")

LEVELS = (
    "missing",
    "same",
    "same numbers, words alike",
    "words alike, numbers left out",
    "words alike, other numbers",
    "different",
)

N_NUMBERS, N_PARTS = 4, 12


@inlined_kernel
def _n_stated(ids, start, end):  # type: ignore[no-untyped-def]
    n = 0
    while start + n < end and ids[start + n] != 0:
        n += 1
    return n


@inlined_kernel
def _n_shared(a, b, start, end):  # type: ignore[no-untyped-def]
    """How many ids of two sets are in both."""
    n = 0
    for i in range(start, end):
        for j in range(start, end):
            n += a[i] != 0 and a[i] == b[j]
    return n


@inlined_kernel
def address_level(a, b):  # type: ignore[no-untyped-def]
    """The level of two addresses, uint32[12] each; symmetric.

    Words are alike where all of the shorter are in the longer, or 2 shared >= 0.6 (n_a + n_b).
    """
    numbers_a, words_a = _n_stated(a, 0, N_NUMBERS), _n_stated(a, N_NUMBERS, N_PARTS)
    numbers_b, words_b = _n_stated(b, 0, N_NUMBERS), _n_stated(b, N_NUMBERS, N_PARTS)
    if numbers_a + words_a == 0 or numbers_b + words_b == 0:
        return 0
    numbers, words = _n_shared(a, b, 0, N_NUMBERS), _n_shared(a, b, N_NUMBERS, N_PARTS)
    fewest, most = min(numbers_a, numbers_b), max(numbers_a, numbers_b)
    if numbers == most and words == words_a == words_b:
        return 1
    is_within = words == min(words_a, words_b) and (words > 0 or words_a == words_b)
    if not is_within and 10 * words < 3 * (words_a + words_b):
        return 5
    if numbers == most and most > 0:
        return 2
    return 3 if numbers == fewest else 4


@kernel
def address_levels(first, offsets, left, right, stride, codes):  # type: ignore[no-untyped-def]
    """codes += stride * address_level(left, right) over spans; left: uint32[n_spans, 12], right: uint32[n, 12]."""
    for i in range(left.shape[0]):
        for k in range(offsets[i], offsets[i + 1]):
            codes[k] += stride * address_level(left[i], right[first[i] + k - offsets[i]])
