"""How alike two words can be by their letters, whatever the order: what settles most pairs of a text comparison.

As many letters can find a partner as both words have. A signature of a word says of which classes its letters are and
how many there are; two signatures give the most letters that two words can share, and with it the most that any of the
measures of `models.comparators.text` can say of them; where the ends of words of one length differ in more than two
places, more than one edit lies between them. Signatures of the rows of a block are fetched once for all
claims that meet it, so that the loop over pairs loads neighbours and is done many pairs at a time.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

kernel = njit(cache=True, nogil=True, error_model="numpy")
inlined_kernel = njit(cache=True, nogil=True, error_model="numpy", inline="always")

JARO_WINKLER = 0  # as in models.comparators.text
_PREFIX = 4  # letters at the start that Winkler counts
_LONG = 0xFFFF  # the most that a signature says of a number
_ROUNDING = 1e-5  # more than single precision loses


@kernel
def letter_signatures(letters, starts, signatures):  # type: ignore[no-untyped-def]
    """What a word has of letters: uint64[n_words, 3] out, classes, shape and end.

    Classes: bit c set where a letter of class c (its last five bits) occurs, bit 32 + c where a second does. Shape,
    from the lowest bit: number of letters (16 bits), of those beyond two of their class (16), and the last eight bits
    of each of the first four. End: the last eight bits of each of the last eight letters, the very last lowest.
    """
    for word in range(signatures.shape[0]):
        once, twice, beyond, start, end = np.uint64(0), np.uint64(0), 0, np.uint64(0), np.uint64(0)
        n = starts[word + 1] - starts[word]
        for p in range(n):
            letter = np.uint64(letters[starts[word] + p])
            bit = np.uint64(1) << (letter & np.uint64(31))
            beyond += (twice & bit) != 0
            twice |= once & bit
            once |= bit
            end = (end << np.uint64(8)) | (letter & np.uint64(255))
            if p < _PREFIX:
                start |= (letter & np.uint64(255)) << np.uint64(8 * p)
        signatures[word, 0] = once | (twice << np.uint64(32))
        signatures[word, 1] = (
            np.uint64(min(n, _LONG)) | (np.uint64(min(beyond, _LONG)) << np.uint64(16)) | (start << np.uint64(32))
        )
        signatures[word, 2] = end


def least_scores(measure: int, thresholds: NDArray[np.float64]) -> NDArray[np.float32]:
    """What a score of the signatures must reach for a threshold to be within reach: float32[n]."""
    if measure == JARO_WINKLER:
        return (thresholds - _ROUNDING).astype(np.float32)
    return (-np.floor(thresholds) - 0.5).astype(np.float32)


@inlined_kernel
def _n_bits(x):  # type: ignore[no-untyped-def]
    """How many bits of a uint64 are set, in the form that the compiler knows an instruction for."""
    x = x - ((x >> np.uint64(1)) & np.uint64(0x5555555555555555))
    x = (x & np.uint64(0x3333333333333333)) + ((x >> np.uint64(2)) & np.uint64(0x3333333333333333))
    x = (x + (x >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return (x * np.uint64(0x0101010101010101)) >> np.uint64(56)


@inlined_kernel
def _most_shared(classes_a, shape_a, classes_b, shape_b):  # type: ignore[no-untyped-def]
    """The most letters that can find a partner in the other word."""
    low = np.uint64(_LONG)
    beyond = min((shape_a >> np.uint64(16)) & low, (shape_b >> np.uint64(16)) & low)
    return min(min(shape_a & low, shape_b & low), _n_bits(classes_a & classes_b) + beyond)


@inlined_kernel
def _n_places_apart(end_a, end_b):  # type: ignore[no-untyped-def]
    """In how many of their last eight letters two words of one length differ at least."""
    apart, low = end_a ^ end_b, np.uint64(0x7F7F7F7F7F7F7F7F)
    return _n_bits((((apart & low) + low) | apart) & ~low)


@kernel
def most_similar(a, classes, shapes, scores):  # type: ignore[no-untyped-def]
    """The highest Jaro-Winkler similarity that a word can have with others: all shared letters in order.

    a: signature of the word; classes, shapes: uint64[n] of the others; scores: float32[n] out.
    """
    low, one, third, tenth = np.uint64(_LONG), np.float32(1.0), np.float32(1.0 / 3.0), np.float32(0.1)
    classes_a, shape_a, _ = a
    least = np.uint64(1)  # word 0 has no letters
    of_a = one / np.float32(max(shape_a & low, least))
    for k in range(scores.shape[0]):
        shape = shapes[k]
        shared = np.float32(_most_shared(classes_a, shape_a, classes[k], shape))
        jaro = (shared * of_a + shared / np.float32(max(shape & low, least)) + one) * third
        apart = (shape_a ^ shape) >> np.uint64(32)
        prefix = np.int32(apart & np.uint64(0xFF) == 0) + np.int32(apart & np.uint64(0xFFFF) == 0)
        prefix += np.int32(apart & np.uint64(0xFFFFFF) == 0) + np.int32(apart == 0)
        scores[k] = jaro + np.float32(prefix) * tenth * (one - jaro)


@kernel
def least_edits(a, classes, shapes, ends, scores):  # type: ignore[no-untyped-def]
    """The smallest distance that a word can have to others, with the sign turned round: no letter moves, or two edits
    where words of one length differ in more places than a letter changed or two swapped make.

    a: signature of the word; classes, shapes, ends: uint64[n] of the others; scores: float32[n] out.
    """
    low, two = np.uint64(_LONG), np.float32(2.0)
    classes_a, shape_a, end_a = a
    n_a = shape_a & low
    for k in range(scores.shape[0]):
        n_b = shapes[k] & low
        edits = np.float32(max(n_a, n_b)) - np.float32(_most_shared(classes_a, shape_a, classes[k], shapes[k]))
        is_far = (n_a == n_b) & (_n_places_apart(end_a, ends[k]) > np.uint64(2))
        scores[k] = -max(edits, two if is_far else np.float32(0.0))


@kernel
def best_text_levels(first, offsets, left, right, signatures, measure, limits, levels):  # type: ignore[no-untyped-def]
    """The least level that two words can have by their signatures, over spans; missing and the same are sure.

    left: uint32[n_spans], right: uint32[n] word ids, 0 missing; signatures: see `letter_signatures`; limits: see
    `least_scores`; levels: uint8 out.
    """
    widest = 0
    for i in range(left.shape[0]):
        widest = max(widest, offsets[i + 1] - offsets[i])
    classes, shapes, ends = np.empty(widest, np.uint64), np.empty(widest, np.uint64), np.empty(widest, np.uint64)
    scores = np.empty(widest, np.float32)
    start, end = 0, 0  # of the rows whose signatures are at hand
    for i in range(left.shape[0]):
        span = levels[offsets[i] : offsets[i + 1]]
        n = span.shape[0]
        if n > 0 and (first[i] < start or first[i] + n > end):
            start, end = first[i], first[i] + n
            for k in range(n):
                word = right[start + k]
                classes[k], shapes[k], ends[k] = signatures[word, 0], signatures[word, 1], signatures[word, 2]
        at = slice(first[i] - start, first[i] - start + n)
        a = (signatures[left[i], 0], signatures[left[i], 1], signatures[left[i], 2])
        if measure == JARO_WINKLER:
            most_similar(a, classes[at], shapes[at], scores[:n])
        else:
            least_edits(a, classes[at], shapes[at], ends[at], scores[:n])
        _levels_of_scores(left[i], right[first[i] : first[i] + n], scores, limits, span)


@kernel
def _levels_of_scores(a, words, scores, limits, levels):  # type: ignore[no-untyped-def]
    """levels[k] = 0 where a word is missing, 1 where they are the same, else 2 + thresholds out of reach."""
    levels[:] = 2
    for limit in limits:
        for k in range(levels.shape[0]):
            levels[k] += scores[k] < limit
    for k in range(levels.shape[0]):
        different = np.uint8(words[k] != 0) * levels[k]
        levels[k] = different if words[k] != a else np.uint8(1)
    if a == 0:
        levels[:] = 0
