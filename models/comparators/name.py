"""Full names of Vietnamese people, syllable by syllable.

A name is up to six syllable ids, family name first, given name last, 0 after the end. What two syllables have in common
is read from five tables indexed by syllable id: ``toneless`` and ``plain`` (ids of the syllable without tone,
without any diacritic), ``sound`` (id of its sound class: l/n, s/x, ch/tr, d/gi/r/v, i/y, final n/ng, t/c), ``letters``
(its plain letters, eight bits each, the first in the lowest byte) and ``common`` (1 where many people have it in their
names). The inventory of syllables is small and a plain syllable has at most eight letters that matter, so a slip can
be looked for in one register.

Thu and Thị are a letter apart, and so are two women who differ in nothing else of their names: where both syllables
are common, six strangers in ten and one slip in ten are met. So these have a level of their own.
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
    "order changed",
    "abbreviated",
    "one syllable sounds alike or has a slip",
    "one syllable missing",
    "one common syllable is like another",
    "family and given name same",
    "given name same",
    "family name same",
    "different",
)
# No order among another order, abbreviations, a slip and a syllable missing, nor of given against family name.
CLOSER: tuple[tuple[int, ...], ...] = (
    (), (), (1,), (2,), (3,), (3,), (3,), (3,), (6,), (4, 5, 7, 8), (9,), (9,), (10, 11),
)  # fmt: skip

N_SYLLABLES = 6

Signatures = NDArray[np.uint64]

# Where the parts of a signature start, see signatures_of, and their widths.
_GIVEN, _SUM, _NUMBER = np.uint64(16), np.uint64(32), np.uint64(48)
_FAMILY_LETTER, _FAMILY_SHORT, _GIVEN_LETTER, _GIVEN_SHORT = np.uint64(51), np.uint64(56), np.uint64(57), np.uint64(62)
_ID, _LETTER, _THREE_BITS, _ONE = np.uint64(0xFFFF), np.uint64(31), np.uint64(7), np.uint64(1)


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


@inlined_kernel
def _alike(a, b, sound, letters):  # type: ignore[no-untyped-def]
    return sound[a] == sound[b] or one_letter_slip(letters[a], letters[b])


@inlined_kernel
def _same_length_level(a, b, n, toneless, plain, sound, letters, common):  # type: ignore[no-untyped-def]
    """Levels 2 to 6 and 8 of two unequal names of n syllables; 0 when none of them holds.

    Most pairs differ in two syllables or more and are no abbreviation: the costly comparisons of letters are for the
    rest.
    """
    n_tones, n_plain, n_short, last = 0, 0, 0, 0
    for i in range(n):
        x, y = a[i], b[i]
        if x == y or toneless[x] == toneless[y]:
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
        return 5
    if n_plain == 1:
        x, y = a[last], b[last]
        return (8 if common[x] and common[y] else 6) if _alike(x, y, sound, letters) else 0
    return 4 if _is_reordered(a, b, n, plain) else 0


@inlined_kernel
def _is_one_dropped(short, long, n_short, plain):  # type: ignore[no-untyped-def]
    """Whether dropping one syllable of ``long`` (n_short + 1 syllables) leaves ``short``, diacritics apart."""
    i = 0
    while i < n_short and plain[short[i]] == plain[long[i]]:
        i += 1
    while i < n_short and plain[short[i]] == plain[long[i + 1]]:
        i += 1
    return i == n_short


@inlined_kernel
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


@inlined_kernel
def _partial_level(a, b, n_a, n_b, plain):  # type: ignore[no-untyped-def]
    """Levels 9 to 12: what is left when the names as wholes do not agree."""
    same_family = plain[a[0]] == plain[b[0]]
    same_given = plain[a[n_a - 1]] == plain[b[n_b - 1]]
    if same_family and same_given and n_a > 1 and n_b > 1:
        return 9
    if same_given:
        return 10
    return 11 if same_family else 12


@inlined_kernel
def name_level(a, b, toneless, plain, sound, letters, common):  # type: ignore[no-untyped-def]
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
        level = _same_length_level(a, b, n_a, toneless, plain, sound, letters, common)
        if level != 0:
            return level
    elif n_a + 1 == n_b:
        if _is_one_dropped(a, b, n_a, plain):
            return 7
    elif n_b + 1 == n_a and _is_one_dropped(b, a, n_b, plain):
        return 7
    return _partial_level(a, b, n_a, n_b, plain)


@kernel
def best_name_level(a, b):  # type: ignore[no-untyped-def]
    """The level that two signatures leave no doubt about: 0, or 10 to 12; else 1, for it may be any.

    Most pairs end here, with one load and neither branch nor loop. Of names of two syllables at least, another level
    takes one of these: the same family and given name; the same syllables in whatever order (number and sum agree);
    one syllable differing (the sums agree without it); only abbreviated ones differing; or one syllable more, which is
    first or last and makes up for the sums.
    """
    apart = a ^ b
    n_a, n_b = (a >> _NUMBER) & _THREE_BITS, (b >> _NUMBER) & _THREE_BITS
    family_a, family_b, given_a, given_b = a & _ID, b & _ID, (a >> _GIVEN) & _ID, (b >> _GIVEN) & _ID
    family, given = family_a == family_b, given_a == given_b
    family_fits = family | ((apart >> _FAMILY_LETTER) & _LETTER == 0) & (((a | b) >> _FAMILY_SHORT) & _ONE != 0)
    given_fits = given | ((apart >> _GIVEN_LETTER) & _LETTER == 0) & (((a | b) >> _GIVEN_SHORT) & _ONE != 0)
    more = ((a >> _SUM) - (b >> _SUM)) & _ID
    less = (np.uint64(0) - more) & _ID
    family_differs = given & ((more - family_a + family_b) & _ID == 0)
    given_differs = family & ((more - given_a + given_b) & _ID == 0)
    as_many = (n_a == n_b) & ((more == 0) | family_differs | given_differs | (family_fits & given_fits))
    one_more = (n_a == n_b + _ONE) & ((given & (more == family_a)) | (family & (more == given_a)))
    one_less = (n_b == n_a + _ONE) & ((given & (less == family_b)) | (family & (less == given_b)))
    is_open = (family & given) | as_many | one_more | one_less | (n_a == 1) | (n_b == 1)
    level = 10 if given else (11 if family else 12)
    level = 1 if is_open else level
    return 0 if (a == 0) | (b == 0) else level


@kernel
def best_name_levels(first, offsets, left, right, levels):  # type: ignore[no-untyped-def]
    """levels = best_name_level(left, right) over spans; left: uint64[n_spans], right: uint64[n] signatures; levels:
    uint8."""
    for i in range(left.shape[0]):
        a = left[i]
        span = levels[offsets[i] : offsets[i + 1]]
        values = right[first[i] : first[i] + span.shape[0]]
        for k in range(span.shape[0]):
            span[k] = best_name_level(a, values[k])


@kernel
def name_levels(first, offsets, left, right, tables, stride, codes):  # type: ignore[no-untyped-def]
    """codes += stride * name_level(left, right) over spans.

    left: uint16[n_spans, 6], right: uint16[n, 6]; tables: (toneless, plain, sound: uint16[V], letters: uint64[V],
    common: uint8[V]).
    """
    toneless, plain, sound, letters, common = tables
    for i in range(left.shape[0]):
        for k in range(offsets[i], offsets[i + 1]):
            place = first[i] + k - offsets[i]
            codes[k] += stride * name_level(left[i], right[place], toneless, plain, sound, letters, common)


def signatures_of(names: NDArray[np.uint16], plain: NDArray[np.uint16], letters: NDArray[np.uint64]) -> Signatures:
    """What tells two names apart at a glance: uint64[n] from names uint16[n, 6]; 0 for a missing name.

    From the lowest bit: plain id of the family name (16 bits) and of the given name (16), sum of the plain ids (16),
    number of syllables (3); of the family name, then of the given name: first letter (5), whether it has three letters
    at most (1).
    """
    n = np.count_nonzero(names, axis=1).astype(np.uint64)
    ids = np.where(names == 0, 0, plain[names]).astype(np.uint64)
    rows, last = np.arange(len(ids)), np.maximum(n, 1).astype(np.intp) - 1
    family, given = letters[names[:, 0]], letters[names[rows, last]]
    parts = (
        (ids[:, 0], 0),
        (ids[rows, last], _GIVEN),
        (ids.sum(axis=1) & _ID, _SUM),
        (n, _NUMBER),
        (family & _LETTER, _FAMILY_LETTER),
        ((family >> np.uint64(24) == 0).astype(np.uint64), _FAMILY_SHORT),
        (given & _LETTER, _GIVEN_LETTER),
        ((given >> np.uint64(24) == 0).astype(np.uint64), _GIVEN_SHORT),
    )
    signatures = np.zeros(len(names), np.uint64)
    for values, shift in parts:
        signatures |= values << np.uint64(shift)
    return np.where(n == 0, np.uint64(0), signatures)
