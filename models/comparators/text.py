"""Strings of any alphabet by similarity: names, streets, towns of files that are not Vietnamese.

Strings are dictionary ids; the dictionary is a flat array of letters (numbers, equal where the letters are) with
offsets. Word 0 is the missing one. Most pairs have too few letters in common to be alike in any order: a signature of
each word says so. For the others a word is compared with many: the places of its letters are bits of one integer each,
made once (bit-parallel as in rapidfuzz; for Levenshtein Myers 1999 in the form of Hyyrö 2003).
Definitions as in rapidfuzz (the test oracle), which follow Jaro 1989, Winkler 1990, Levenshtein 1966 and Damerau 1964
(unrestricted: a substring may be edited again after a swap).
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

kernel = njit(cache=True, nogil=True, error_model="numpy")
# Arrays handed to a function that is not inlined are reference-counted at every call, which costs more than its work.
inlined_kernel = njit(cache=True, nogil=True, error_model="numpy", inline="always")

MEASURES = {"jaro_winkler": 0, "levenshtein": 1, "damerau_levenshtein": 2}
JARO_WINKLER, LEVENSHTEIN, DAMERAU = range(3)

_MOST_BITS = 64  # letters of a word that is compared by masks
_MOST_PREFIX = 4  # letters at the start that Winkler counts
_LONG = 0xFFFF  # the most that a signature says of a number
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
    level = 2 + thresholds.shape[0]
    if n_a == n_b == n_same:
        level = 1
    elif thresholds.shape[0] > 0:
        if measure == JARO_WINKLER and has_masks and n_b <= _MOST_BITS:
            loosest = thresholds[thresholds.shape[0] - 1]
            similarity = jaro_winkler_of_masks(masks, letters, word_a, word_b, loosest)
        elif measure == LEVENSHTEIN and has_masks:
            similarity = -float(levenshtein_of_masks(masks, n_a, letters, word_b))
        else:
            a, b = letters[start_a : start_a + n_a], letters[start_b : start_b + n_b]
            if measure == JARO_WINKLER:
                similarity = jaro_winkler(a, b, scratch)
            elif measure == LEVENSHTEIN:
                similarity = -float(levenshtein(a, b, scratch))
            else:
                similarity = -float(damerau_levenshtein(a, b, scratch))
        for i in range(thresholds.shape[0] - 1, -1, -1):
            limit = thresholds[i] if measure == JARO_WINKLER else -thresholds[i]
            if similarity >= limit:
                level = 2 + i
    return level


@kernel
def text_levels(first, offsets, left, right, words, measure, thresholds, stride, codes):  # type: ignore[no-untyped-def]
    """codes += stride * level over spans; left: uint32[n_spans], right: uint32[n] word ids, 0 missing.

    words: (letters: uint32[n], starts: int64[n_words + 1], longest: int, n_letters: int) of the dictionary both sides
    share; letters are under n_letters.
    """
    letters, starts, longest, n_letters = words
    masks = np.zeros(n_letters if measure != DAMERAU else 0, np.uint64)
    scratch = np.empty((longest + 2) * (longest + 2) + 8, np.int64)
    for i in range(left.shape[0]):
        a = left[i]
        word_a = (starts[a], starts[a + 1] - starts[a])
        if masks.shape[0] > 0:
            for p in range(min(word_a[1], _MOST_BITS)):
                masks[letters[word_a[0] + p]] |= np.uint64(1) << np.uint64(p)
        for k in range(offsets[i], offsets[i + 1]):
            b = right[first[i] + k - offsets[i]]
            if a != 0 and b != 0:
                word_b = (starts[b], starts[b + 1] - starts[b])
                codes[k] += stride * text_level(letters, word_a, word_b, masks, measure, thresholds, scratch)
        if masks.shape[0] > 0:
            for p in range(word_a[1]):
                masks[letters[word_a[0] + p]] = 0


@kernel
def letter_signatures(letters, starts, classes, shapes):  # type: ignore[no-untyped-def]
    """What a word has of letters, whatever their order.

    classes: uint64[n_words] out, bit c set where a letter of class c (its last five bits) occurs, bit 32 + c where a
    second does; shapes: uint64[n_words] out, from the lowest bit: number of letters (16 bits), of those beyond two of
    their class (16), and the last eight bits of each of the first four.
    """
    for word in range(classes.shape[0]):
        once, twice, beyond, start = np.uint64(0), np.uint64(0), 0, np.uint64(0)
        n = starts[word + 1] - starts[word]
        for p in range(n):
            letter = np.uint64(letters[starts[word] + p])
            bit = np.uint64(1) << (letter & np.uint64(31))
            beyond += (twice & bit) != 0
            twice |= once & bit
            once |= bit
            if p < _MOST_PREFIX:
                start |= (letter & np.uint64(255)) << np.uint64(8 * p)
        classes[word] = once | (twice << np.uint64(32))
        shapes[word] = (
            np.uint64(min(n, _LONG)) | (np.uint64(min(beyond, _LONG)) << np.uint64(16)) | (start << np.uint64(32))
        )


@inlined_kernel
def _n_bits(x):  # type: ignore[no-untyped-def]
    """How many bits of a uint64 are set."""
    x = x - ((x >> np.uint64(1)) & np.uint64(0x5555555555555555))
    x = (x & np.uint64(0x3333333333333333)) + ((x >> np.uint64(2)) & np.uint64(0x3333333333333333))
    x = (x + (x >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    x = x + (x >> np.uint64(8))
    x = x + (x >> np.uint64(16))
    return np.int64((x + (x >> np.uint64(32))) & np.uint64(127))


def reachable_levels(measure: int, thresholds: NDArray[np.float64]) -> NDArray[np.uint8]:
    """The least level that two different words can have: uint8[65, 65, 5, 65], by their numbers of letters, by how many
    of the first four agree, and by the most letters that they can share.

    As many letters can find a partner as both words have, in whatever order. So the words are no more alike than with
    all of these in order, nor at a smaller distance than the others make. 64 stands for any larger number too: longer
    words are then taken for more alike than they can be.
    """
    n_a, n_b, prefix, shared = np.ogrid[: _MOST_BITS + 1, : _MOST_BITS + 1, : _MOST_PREFIX + 1, : _MOST_BITS + 1]
    levels = np.full(np.broadcast_shapes(n_a.shape, n_b.shape, prefix.shape, shared.shape), 2, np.uint8)
    if measure == JARO_WINKLER:
        jaro = (shared / np.maximum(n_a, 1) + shared / np.maximum(n_b, 1) + 1.0) / 3.0
        similarity = jaro + prefix * 0.1 * (1.0 - jaro)
        for threshold in thresholds:
            levels += similarity < threshold - _ROUNDING
    else:
        for threshold in thresholds:
            levels += np.maximum(n_a, n_b) - shared > threshold
    return levels


@kernel
def best_text_levels(first, offsets, left, right, signatures, reachable, levels):  # type: ignore[no-untyped-def]
    """The least level that two words can have by their signatures, over spans; missing and the same are sure.

    signatures: (classes, shapes), see `letter_signatures`; reachable: see `reachable_levels`; levels: uint8 out.
    """
    classes, shapes = signatures
    low, zero = np.uint64(0xFFFF), np.uint64(0)
    for i in range(left.shape[0]):
        a = left[i]
        classes_a, shape_a = classes[a], shapes[a]
        n_a, beyond_a = np.int64(shape_a & low), np.int64((shape_a >> np.uint64(16)) & low)
        of_a = reachable[min(n_a, _MOST_BITS)]
        for k in range(offsets[i], offsets[i + 1]):
            b = right[first[i] + k - offsets[i]]
            shape_b = shapes[b]
            n_b, beyond_b = np.int64(shape_b & low), np.int64((shape_b >> np.uint64(16)) & low)
            shared = min(_n_bits(classes_a & classes[b]) + min(beyond_a, beyond_b), n_a, n_b, _MOST_BITS)
            apart = (shape_a ^ shape_b) >> np.uint64(32)
            prefix = np.int64(apart & np.uint64(0xFF) == zero) + np.int64(apart & np.uint64(0xFFFF) == zero)
            prefix += np.int64(apart & np.uint64(0xFFFFFF) == zero) + np.int64(apart == zero)
            different = np.int64(of_a[min(n_b, _MOST_BITS), prefix, shared])
            # Without branches: a wrong guess costs more.
            levels[k] = (1 + np.int64(a != b) * (different - 1)) * np.int64((a != 0) & (b != 0))
