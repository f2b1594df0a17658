"""Full names of Vietnamese people, syllable by syllable.

A name is up to six syllable ids, family name first, given name last, 0 after the end. What two syllables have in common
is read from four tables indexed by syllable id: ``toneless`` and ``plain`` (ids of the syllable without tone,
without any diacritic), ``sound`` (id of its sound class: l/n, s/x, ch/tr, d/gi/r/v, i/y, final n/ng, t/c) and
``letters`` (its plain letters, eight bits each, the first in the lowest byte). The inventory of syllables is small
and a plain syllable has at most eight letters that matter, so a slip can be looked for in one register.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

kernel = njit(cache=True, nogil=True, error_model="numpy")
# Arrays handed to a function that is not inlined are reference-counted at every call, which costs more than its work.
inlined_kernel = njit(cache=True, nogil=True, error_model="numpy", inline="always")

LEVELS = (
    "missing",
    "same",
    "same without tones",
    "same without diacritics",
    "one syllable sounds alike or has a slip",
    "one syllable missing",
    "order changed",
    "abbreviated",
    "family and given name same",
    "given name same",
    "family name same",
    "different",
)

N_SYLLABLES = 6

Signatures = NDArray[np.uint64]


@inlined_kernel
def _n_syllables(name):  # type: ignore[no-untyped-def]
    n = 0
    while n < N_SYLLABLES and name[n] != 0:
        n += 1
    return n


@kernel
def _n_letters(letters):  # type: ignore[no-untyped-def]
    n = 0
    while n < 8 and (letters >> (8 * n)) & 255 != 0:
        n += 1
    return n


@kernel
def one_letter_slip(a, b):  # type: ignore[no-untyped-def]
    """Whether two unequal syllables are one letter inserted, dropped, replaced, or two neighbours swapped apart."""
    n_a, n_b = _n_letters(a), _n_letters(b)
    if n_a > n_b:
        a, b, n_a, n_b = b, a, n_b, n_a
    if n_b - n_a > 1 or n_b < 2:
        return False
    start = 0
    while start < n_a and (a >> (8 * start)) & 255 == (b >> (8 * start)) & 255:
        start += 1
    end = 0
    while end < n_a - start and (a >> (8 * (n_a - 1 - end))) & 255 == (b >> (8 * (n_b - 1 - end))) & 255:
        end += 1
    differing = n_b - start - end
    if differing <= 1:
        return True
    if n_a != n_b or differing != 2:
        return False
    first_a, second_a = (a >> (8 * start)) & 255, (a >> (8 * (start + 1))) & 255
    first_b, second_b = (b >> (8 * start)) & 255, (b >> (8 * (start + 1))) & 255
    return first_a == second_b and second_a == first_b


@inlined_kernel
def _may_abbreviate(a, b):  # type: ignore[no-untyped-def]
    """Whether one of two syllables may abbreviate the other: one first letter, three letters at most."""
    return (a ^ b) & 255 == 0 and (a >> 24 == 0 or b >> 24 == 0)


@kernel
def _is_abbreviation(short, long):  # type: ignore[no-untyped-def]
    """Whether ``short`` is the first letter, or the first two or three consonants, of ``long``: N, Ng, Ngh of
    Nghiêm."""
    n = _n_letters(short)
    if n == 0 or n > 3 or n >= _n_letters(long):
        return False
    for i in range(n):
        letter = (short >> (8 * i)) & 255
        if letter != (long >> (8 * i)) & 255:
            return False
        is_vowel = letter == 97 or letter == 101 or letter == 105 or letter == 111 or letter == 117 or letter == 121
        if n > 1 and is_vowel:
            return False
    return True


@kernel
def _alike(a, b, sound, letters):  # type: ignore[no-untyped-def]
    return sound[a] == sound[b] or one_letter_slip(letters[a], letters[b])


@kernel
def _same_length_level(a, b, n, toneless, plain, sound, letters):  # type: ignore[no-untyped-def]
    """Levels 2, 3, 4, 6 and 7 of two unequal names of n syllables; 0 when none of them holds.

    Most pairs differ in two syllables or more and are no abbreviation: the dear comparisons of letters are for the
    rest.
    """
    n_tones, n_plain, n_short, last = 0, 0, 0, 0
    for i in range(n):
        x, y = a[i], b[i]
        if toneless[x] == toneless[y]:
            continue
        n_tones += 1
        if plain[x] == plain[y]:
            continue
        n_plain += 1
        last = i
        if _may_abbreviate(letters[x], letters[y]):
            n_short += _is_abbreviation(letters[x], letters[y]) or _is_abbreviation(letters[y], letters[x])
    if n_tones == 0:
        return 2
    if n_plain == 0:
        return 3
    if n_short == n_plain:
        return 7
    if n_plain == 1:
        return 4 if _alike(a[last], b[last], sound, letters) else 0
    return 6 if _is_reordered(a, b, n, plain) else 0


@kernel
def _is_one_dropped(short, long, n_short, plain):  # type: ignore[no-untyped-def]
    """Whether dropping one syllable of ``long`` (n_short + 1 syllables) leaves ``short``, diacritics apart."""
    i = 0
    while i < n_short and plain[short[i]] == plain[long[i]]:
        i += 1
    while i < n_short and plain[short[i]] == plain[long[i + 1]]:
        i += 1
    return i == n_short


@kernel
def _is_reordered(a, b, n, plain):  # type: ignore[no-untyped-def]
    """Whether both names hold the same plain syllables, each as often."""
    total_a, total_b = 0, 0
    for i in range(n):
        total_a += plain[a[i]]
        total_b += plain[b[i]]
    if total_a != total_b:
        return False
    for i in range(n):
        n_a, n_b = 0, 0
        for j in range(n):
            n_a += plain[a[j]] == plain[a[i]]
            n_b += plain[b[j]] == plain[a[i]]
        if n_a != n_b:
            return False
    return True


@kernel
def _partial_level(a, b, n_a, n_b, plain):  # type: ignore[no-untyped-def]
    """Levels 8 to 11: what is left when the names as wholes do not agree."""
    same_family = plain[a[0]] == plain[b[0]]
    same_given = plain[a[n_a - 1]] == plain[b[n_b - 1]]
    if same_family and same_given and n_a > 1 and n_b > 1:
        return 8
    if same_given:
        return 9
    return 10 if same_family else 11


@kernel
def name_level(a, b, toneless, plain, sound, letters):  # type: ignore[no-untyped-def]
    """The level of two names, uint16[6] each; symmetric."""
    n_a, n_b = _n_syllables(a), _n_syllables(b)
    if n_a == 0 or n_b == 0:
        return 0
    if n_a == n_b:
        n_same = 0
        while n_same < n_a and a[n_same] == b[n_same]:
            n_same += 1
        if n_same == n_a:
            return 1
        level = _same_length_level(a, b, n_a, toneless, plain, sound, letters)
        if level != 0:
            return level
    elif n_a + 1 == n_b:
        if _is_one_dropped(a, b, n_a, plain):
            return 5
    elif n_b + 1 == n_a and _is_one_dropped(b, a, n_b, plain):
        return 5
    return _partial_level(a, b, n_a, n_b, plain)


@inlined_kernel
def _certainly_different(a, b):  # type: ignore[no-untyped-def]
    """Whether two signatures rule out every level but "different": most pairs end here, with one load and no loop.

    Family and given name both differ, the names are not the same syllables in another order (number or sum differ), and
    neither family name may abbreviate the other. Names of one syllable are always looked at.
    """
    apart = a ^ b
    if a == 0 or b == 0 or apart & 0xFFFF == 0 or (apart >> 16) & 0xFFFF == 0 or (apart >> 32) & 0x7FFFF == 0:
        return False
    if (a >> 48) & 7 == 1 and (b >> 48) & 7 == 1:
        return False
    return (apart >> 51) & 255 != 0 or ((a | b) >> 59) & 1 == 0


@kernel
def name_levels(offsets, rows, left, right, tables, stride, codes):  # type: ignore[no-untyped-def]
    """codes[k] += stride * name_level(left[s], right[rows[k]]).

    left, right: (names: uint16[n, 6], signatures: uint64[n], see signatures_of) of subjects and persons; tables:
    (toneless, plain, sound: uint16[V], letters: uint64[V]).
    """
    toneless, plain, sound, letters = tables
    names_a, signatures_a = left
    names_b, signatures_b = right
    different = len(LEVELS) - 1
    for s in range(signatures_a.shape[0]):
        signature = signatures_a[s]
        for k in range(offsets[s], offsets[s + 1]):
            row = rows[k]
            if _certainly_different(signature, signatures_b[row]):
                codes[k] += stride * different
            else:
                codes[k] += stride * name_level(names_a[s], names_b[row], toneless, plain, sound, letters)


def signatures_of(names: NDArray[np.uint16], plain: NDArray[np.uint16], letters: NDArray[np.uint64]) -> Signatures:
    """What tells two names apart at a glance: uint64[n] from names uint16[n, 6]; 0 for a missing name.

    From the lowest bit: plain id of the family name (16 bits) and of the given name (16), sum of the plain ids (16),
    number of syllables (3), first letter of the family name (8), whether the family name has three letters at most (1).
    """
    n = np.count_nonzero(names, axis=1).astype(np.uint64)
    ids = np.where(names == 0, 0, plain[names]).astype(np.uint64)
    last = np.maximum(n, 1).astype(np.intp) - 1
    family = letters[names[:, 0]]
    parts = (
        (ids[:, 0], 0),
        (ids[np.arange(len(ids)), last], 16),
        (ids.sum(axis=1) & np.uint64(0xFFFF), 32),
        (n, 48),
        (family & np.uint64(255), 51),
        ((family >> np.uint64(24) == 0).astype(np.uint64), 59),
    )
    signatures = np.zeros(len(names), np.uint64)
    for values, shift in parts:
        signatures |= values << np.uint64(shift)
    return np.where(n == 0, np.uint64(0), signatures)
