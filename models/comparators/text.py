"""Strings of any alphabet by similarity: names, streets, towns of files that are not Vietnamese.

Strings are dictionary ids; the dictionary is a flat array of letters (numbers, equal where the letters are) with
offsets. Word 0 is the missing one. A word is compared with many: Jaro-Winkler takes the places of its letters as bits
of one integer each, made once (bit-parallel as in rapidfuzz).
Definitions as in rapidfuzz (the test oracle), which follow Jaro 1989, Winkler 1990, Levenshtein 1966 and Damerau 1964
(unrestricted: a substring may be edited again after a swap).
"""

from __future__ import annotations

import numpy as np
from numba import njit

kernel = njit(cache=True, nogil=True, error_model="numpy")

MEASURES = {"jaro_winkler": 0, "levenshtein": 1, "damerau_levenshtein": 2}
JARO_WINKLER, LEVENSHTEIN, DAMERAU = range(3)

_MOST_BITS = 64  # letters of a word that is compared by masks
_ROUNDING = 1e-9  # more than the sums below lose


@kernel
def jaro_winkler(a, b, scratch):  # type: ignore[no-untyped-def]
    """Similarity in 0..1 of two code point arrays; scratch: int64[>= 2 * (len(a) + len(b)) + 8]."""
    n_a, n_b = a.shape[0], b.shape[0]
    if n_a == 0 and n_b == 0:
        return 1.0
    if n_a == 0 or n_b == 0:
        return 0.0
    window = max(max(n_a, n_b) // 2 - 1, 0)
    taken_a, taken_b = scratch[:n_a], scratch[n_a : n_a + n_b]
    taken_a[:] = 0
    taken_b[:] = 0
    n_common = 0
    for i in range(n_a):
        for j in range(max(0, i - window), min(n_b, i + window + 1)):
            if taken_b[j] == 0 and a[i] == b[j]:
                taken_a[i] = taken_b[j] = 1
                n_common += 1
                break
    if n_common == 0:
        return 0.0
    n_moved, j = 0, 0
    for i in range(n_a):
        if taken_a[i]:
            while taken_b[j] == 0:
                j += 1
            n_moved += a[i] != b[j]
            j += 1
    jaro = (n_common / n_a + n_common / n_b + (n_common - n_moved // 2) / n_common) / 3.0
    if jaro <= 0.7:
        return jaro
    prefix = 0
    while prefix < min(n_a, n_b, 4) and a[prefix] == b[prefix]:
        prefix += 1
    return jaro + prefix * 0.1 * (1.0 - jaro)


@kernel
def jaro_winkler_of_masks(masks, a, b, at_least):  # type: ignore[no-untyped-def]
    """The same of words of 1 to 64 letters, or 0 where it is under at_least; masks: uint64[n_letters], bit i set at
    a[i]."""
    n_a, n_b = a.shape[0], b.shape[0]
    window = max(max(n_a, n_b) // 2 - 1, 0)
    zero, one = np.uint64(0), np.uint64(1)
    taken_a, taken_b = zero, zero
    near = (one << np.uint64(min(window + 1, 63))) - one
    n_common = np.int64(0)
    # Without branches: which letters find a partner is anybody's guess, and a wrong guess costs more than the sums.
    for j in range(n_b):
        free = masks[b[j]] & near & ~taken_a
        is_found = np.uint64(free != zero)
        taken_a |= free & (~free + one) if is_found else zero
        taken_b |= is_found << np.uint64(j)
        n_common += np.int64(is_found)
        near = (near << one) | np.uint64(j < window)
    if n_common == 0:
        return 0.0
    most = (n_common / n_a + n_common / n_b + 1.0) / 3.0
    if most + 0.4 * (1.0 - most) < at_least - _ROUNDING:
        return 0.0
    n_moved = 0
    for j in range(n_b):
        if taken_b & one:
            lowest = taken_a & (~taken_a + one)
            n_moved += (masks[b[j]] & lowest) == zero
            taken_a ^= lowest
        taken_b >>= one
    jaro = (n_common / n_a + n_common / n_b + (n_common - n_moved // 2) / n_common) / 3.0
    if jaro <= 0.7:
        return jaro
    prefix = 0
    while prefix < min(n_a, n_b, 4) and a[prefix] == b[prefix]:
        prefix += 1
    return jaro + prefix * 0.1 * (1.0 - jaro)


@kernel
def levenshtein(a, b, scratch):  # type: ignore[no-untyped-def]
    """Number of insertions, deletions and substitutions; scratch: int64[>= len(b) + 1]."""
    n_a, n_b = a.shape[0], b.shape[0]
    row = scratch[: n_b + 1]
    for j in range(n_b + 1):
        row[j] = j
    for i in range(n_a):
        diagonal = row[0]
        row[0] = i + 1
        for j in range(n_b):
            best = min(row[j] + 1, row[j + 1] + 1, diagonal + (a[i] != b[j]))
            diagonal = row[j + 1]
            row[j + 1] = best
    return row[n_b]


@kernel
def damerau_levenshtein(a, b, scratch):  # type: ignore[no-untyped-def]
    """Unrestricted Damerau-Levenshtein distance; scratch: int64[>= (len(a) + 2) * (len(b) + 2)]."""
    n_a, n_b = a.shape[0], b.shape[0]
    far = n_a + n_b
    d = scratch[: (n_a + 2) * (n_b + 2)].reshape(n_a + 2, n_b + 2)
    d[0, :] = far
    d[:, 0] = far
    for i in range(n_a + 1):
        d[i + 1, 1] = i
    for j in range(n_b + 1):
        d[1, j + 1] = j
    for i in range(1, n_a + 1):
        last_match = 0
        for j in range(1, n_b + 1):
            i_before = i - 1
            while i_before > 0 and a[i_before - 1] != b[j - 1]:
                i_before -= 1
            j_before = last_match
            cost = 1
            if a[i - 1] == b[j - 1]:
                cost = 0
                last_match = j
            swapped = d[i_before, j_before] + (i - i_before - 1) + 1 + (j - j_before - 1)
            d[i + 1, j + 1] = min(d[i, j] + cost, d[i + 1, j] + 1, d[i, j + 1] + 1, swapped)
    return d[n_a + 1, n_b + 1]


@kernel
def text_level(a, b, masks, measure, thresholds, scratch):  # type: ignore[no-untyped-def]
    """1 same; 2 + i for the first threshold met (a similarity at least, a distance at most); else the last level.

    masks: of a, or uint64[0] to compare without them.
    """
    if a.shape[0] == b.shape[0]:
        n_same = 0
        while n_same < a.shape[0] and a[n_same] == b[n_same]:
            n_same += 1
        if n_same == a.shape[0]:
            return 1
    if measure == JARO_WINKLER:
        if masks.shape[0] > 0 and a.shape[0] <= _MOST_BITS and b.shape[0] <= _MOST_BITS:
            lowest = thresholds[thresholds.shape[0] - 1] if thresholds.shape[0] > 0 else 1.0
            similarity = jaro_winkler_of_masks(masks, a, b, lowest)
        else:
            similarity = jaro_winkler(a, b, scratch)
    elif measure == LEVENSHTEIN:
        similarity = -float(levenshtein(a, b, scratch))
    else:
        similarity = -float(damerau_levenshtein(a, b, scratch))
    for i in range(thresholds.shape[0]):
        limit = thresholds[i] if measure == JARO_WINKLER else -thresholds[i]
        if similarity >= limit:
            return 2 + i
    return 2 + thresholds.shape[0]


@kernel
def text_levels(first, offsets, left, right, words, measure, thresholds, stride, codes):  # type: ignore[no-untyped-def]
    """codes += stride * level over spans; left: uint32[n_spans], right: uint32[n] word ids, 0 missing.

    words: (letters: uint32[n], starts: int64[n_words + 1], longest: int, n_letters: int) of the dictionary both sides
    share; letters are under n_letters.
    """
    letters, starts, longest, n_letters = words
    masks = np.zeros(n_letters if measure == JARO_WINKLER else 0, np.uint64)
    scratch = np.empty((longest + 2) * (longest + 2) + 8, np.int64)
    for i in range(left.shape[0]):
        word_a = left[i]
        a = letters[starts[word_a] : starts[word_a + 1]]
        span = codes[offsets[i] : offsets[i + 1]]
        values = right[first[i] : first[i] + span.shape[0]]
        if masks.shape[0] > 0:
            for p in range(min(a.shape[0], _MOST_BITS)):
                masks[a[p]] |= np.uint64(1) << np.uint64(p)
        for k in range(span.shape[0]):
            word_b = values[k]
            if word_a != 0 and word_b != 0:
                b = letters[starts[word_b] : starts[word_b + 1]]
                span[k] += stride * text_level(a, b, masks, measure, thresholds, scratch)
        if masks.shape[0] > 0:
            for p in range(a.shape[0]):
                masks[a[p]] = 0
