"""Strings of any alphabet by similarity: names, streets, towns of files that are not Vietnamese.

Strings are dictionary ids; the dictionary is a flat array of letters (numbers, equal where the letters are) with
offsets. Word 0 is the missing one. Most pairs have too few letters in common to be alike in any order, see
`models.comparators.text_bounds`. Of the others a word is compared with many: the places of its letters are bits of one
integer each, made once (bit-parallel as in rapidfuzz; for Levenshtein Myers 1999 in the form of Hyyrö 2003).
Definitions as in rapidfuzz (the test oracle), which follow Jaro 1989, Winkler 1990, Levenshtein 1966 and Damerau 1964
(unrestricted: a substring may be edited again after a swap).
"""

from __future__ import annotations

import numpy as np
from numba import njit

kernel = njit(cache=True, nogil=True, error_model="numpy")
# Arrays handed to a function that is not inlined are reference-counted at every call, which costs more than its work.
inlined_kernel = njit(cache=True, nogil=True, error_model="numpy", inline="always")

MEASURES = {"jaro_winkler": 0, "levenshtein": 1, "damerau_levenshtein": 2}
JARO_WINKLER, LEVENSHTEIN, DAMERAU = range(3)

_MOST_BITS = 64  # letters of a word that is compared by masks
_MOST_PREFIX = 4  # letters at the start that Winkler counts
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


@inlined_kernel
def jaro_winkler_of_masks(masks, letters, word_a, word_b, at_least):  # type: ignore[no-untyped-def]
    """The same of words of 1 to 64 letters, or 0 where it is under at_least.

    masks: uint64[n_letters], bit i set at the first word's letter i; words: (start, number of letters) in letters.
    """
    start_a, n_a = word_a
    start_b, n_b = word_b
    window = max(max(n_a, n_b) // 2 - 1, 0)
    zero, one = np.uint64(0), np.uint64(1)
    taken_a, taken_b = zero, zero
    near = (one << np.uint64(min(window + 1, 63))) - one
    n_common = np.int64(0)
    # Without branches: which letters find a partner is anybody's guess, and a wrong guess costs more than the sums.
    for j in range(n_b):
        free = masks[letters[start_b + j]] & near & ~taken_a
        taken_a |= free & (~free + one)
        taken_b |= np.uint64(free != zero) << np.uint64(j)
        n_common += np.int64(free != zero)
        near = (near << one) | np.uint64(j < window)
    similarity = 0.0
    most = (n_common / n_a + n_common / n_b + 1.0) / 3.0
    if n_common > 0 and most + 0.4 * (1.0 - most) >= at_least - _ROUNDING:
        n_moved = np.int64(0)
        for j in range(n_b):
            is_taken = (taken_b >> np.uint64(j)) & one
            lowest = taken_a & (~taken_a + one)
            n_moved += np.int64(is_taken & np.uint64((masks[letters[start_b + j]] & lowest) == zero))
            taken_a ^= lowest * is_taken
        similarity = (n_common / n_a + n_common / n_b + (n_common - n_moved // 2) / n_common) / 3.0
        if similarity > 0.7:
            prefix = 0
            while prefix < min(n_a, n_b, _MOST_PREFIX) and letters[start_a + prefix] == letters[start_b + prefix]:
                prefix += 1
            similarity = similarity + prefix * 0.1 * (1.0 - similarity)
    return similarity


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


@inlined_kernel
def levenshtein_of_masks(masks, n_a, letters, word_b):  # type: ignore[no-untyped-def]
    """The same of a word of 1 to 64 letters and any other; masks: uint64[n_letters], bit i set at the first's letter i;
    word_b: (start, number of letters) in letters."""
    start_b, n_b = word_b
    one = np.uint64(1)
    up, down = ~np.uint64(0), np.uint64(0)
    last = one << np.uint64(n_a - 1)
    distance = np.int64(n_a)
    for j in range(n_b):
        match = masks[letters[start_b + j]]
        level = (((match & up) + up) ^ up) | match | down
        rises, falls = down | ~(level | up), level & up
        distance += np.int64((rises & last) != 0) - np.int64((falls & last) != 0)
        rises, falls = (rises << one) | one, falls << one
        up, down = falls | ~(level | rises), rises & level
    return distance


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


@inlined_kernel
def damerau_levenshtein_within(masks, letters, word_a, word_b, most, scratch):  # type: ignore[no-untyped-def]
    """The same where it is at most ``most``, a whole number; more than that where it is more. Words of any length, not
    the same; masks: of the first, or uint64[0].

    Equal beginnings and ends do not count. A distance of 1 leaves a letter, a letter against a letter, or two letters
    swapped. A swap takes two of Levenshtein's steps, so twice the distance is no less than that one.
    """
    start_a, n_a = word_a
    start_b, n_b = word_b
    while n_a > 0 and n_b > 0 and letters[start_a + n_a - 1] == letters[start_b + n_b - 1]:
        n_a -= 1
        n_b -= 1
    while n_a > 0 and n_b > 0 and letters[start_a] == letters[start_b]:
        start_a, start_b, n_a, n_b = start_a + 1, start_b + 1, n_a - 1, n_b - 1
    longer, shorter = max(n_a, n_b), min(n_a, n_b)
    last_a, last_b = start_a + n_a - 1, start_b + n_b - 1
    is_swap = n_a == n_b == 2 and letters[start_a] == letters[last_b] and letters[last_a] == letters[start_b]
    distance = most + 1
    if shorter == 0:
        distance = longer
    elif longer == 1 or is_swap:
        distance = 1
    elif most > 1 and longer - shorter <= most:
        is_far = masks.shape[0] > 0 and levenshtein_of_masks(masks, word_a[1], letters, word_b) > 2 * most
        if not is_far:
            a, b = letters[start_a : start_a + n_a], letters[start_b : start_b + n_b]
            distance = damerau_levenshtein(a, b, scratch)
    return distance


@inlined_kernel
def text_level(letters, word_a, word_b, masks, measure, thresholds, scratch):  # type: ignore[no-untyped-def]
    """1 same; 2 + i for the first threshold met (a similarity at least, a distance at most); else the last level.

    words: (start, number of letters) in letters; masks: of the first, or uint64[0] to compare without them.
    """
    start_a, n_a = word_a
    start_b, n_b = word_b
    n_same = 0
    if n_a == n_b:
        while n_same < n_a and letters[start_a + n_same] == letters[start_b + n_same]:
            n_same += 1
    has_masks = masks.shape[0] > 0 and n_a <= _MOST_BITS
    loosest = thresholds[thresholds.shape[0] - 1] if thresholds.shape[0] > 0 else 0.0
    level = 2 + thresholds.shape[0]
    if n_a == n_b == n_same:
        level = 1
    elif thresholds.shape[0] > 0:
        if measure == JARO_WINKLER and has_masks and n_b <= _MOST_BITS:
            similarity = jaro_winkler_of_masks(masks, letters, word_a, word_b, loosest)
        elif measure == LEVENSHTEIN and has_masks:
            similarity = -float(levenshtein_of_masks(masks, n_a, letters, word_b))
        elif measure == DAMERAU:
            of_a = masks if has_masks else masks[:0]
            similarity = -float(damerau_levenshtein_within(of_a, letters, word_a, word_b, int(loosest), scratch))
        else:
            a, b = letters[start_a : start_a + n_a], letters[start_b : start_b + n_b]
            similarity = jaro_winkler(a, b, scratch) if measure == JARO_WINKLER else -float(levenshtein(a, b, scratch))
        for i in range(thresholds.shape[0] - 1, -1, -1):
            limit = thresholds[i] if measure == JARO_WINKLER else -thresholds[i]
            if similarity >= limit:
                level = 2 + i
    return level


@kernel
def text_levels(first, offsets, left, right, words, measure, thresholds, stride, codes):  # type: ignore[no-untyped-def]
    """codes += stride * level over spans; left: uint32[n_spans], right: uint32[n] word ids, 0 missing.

    words: (letters: uint8[n] or uint32[n], starts: int64[n_words + 1], longest: int, n_letters: int) of the dictionary
    both sides share; letters are under n_letters.
    """
    letters, starts, longest, n_letters = words
    masks = np.zeros(n_letters, np.uint64)
    scratch = np.empty((longest + 2) * (longest + 2) + 8, np.int64)
    for i in range(left.shape[0]):
        word_a = (starts[left[i]], starts[left[i] + 1] - starts[left[i]])
        if left[i] == 0 or offsets[i] == offsets[i + 1]:
            continue
        for p in range(min(word_a[1], _MOST_BITS)):
            masks[letters[word_a[0] + p]] |= np.uint64(1) << np.uint64(p)
        for k in range(offsets[i], offsets[i + 1]):
            b = right[first[i] + k - offsets[i]]
            if b != 0:
                word_b = (starts[b], starts[b + 1] - starts[b])
                level = text_level(letters, word_a, word_b, masks, measure, thresholds, scratch)
                codes[k] += stride * np.uint32(level)
        for p in range(word_a[1]):
            masks[letters[word_a[0] + p]] = 0


@kernel
def alternative_levels(first, offsets, left, right, words, measure, thresholds, stride, codes):  # type: ignore[no-untyped-def]
    """codes += stride * the best level of any two alternatives over spans; left: uint32[n_spans, w], right: uint32[n,
    w] word ids, 0 after the last; words, measure, thresholds: as of text_levels."""
    letters, starts, longest, _ = words
    no_masks = np.zeros(0, np.uint64)
    scratch = np.empty((longest + 2) * (longest + 2) + 8, np.int64)
    for i in range(left.shape[0]):
        for k in range(offsets[i], offsets[i + 1]):
            best, row = 0, first[i] + k - offsets[i]
            for a in left[i]:
                for b in right[row]:
                    if a != 0 and b != 0 and best != 1:
                        word_a, word_b = (starts[a], starts[a + 1] - starts[a]), (starts[b], starts[b + 1] - starts[b])
                        level = text_level(letters, word_a, word_b, no_masks, measure, thresholds, scratch)
                        best = level if best == 0 else min(best, level)
            codes[k] += stride * np.uint32(best)
