"""Numbers one slip away from a stated one, that somebody may bear: a wrong digit, two neighbours swapped, or, of a
number with a digit too few or too many, one put in or left out.

A number of twelve digits has 119 such neighbours, one of eleven 109, nearly all nobody's. A Bloom filter of the
registry's numbers whose bits of one number lie in one word (Putze, Sanders and Singler 2007) says so at the price of
one load, before a key is made of a neighbour and looked up in a pass. The hash is the exclusive or of a random number
per digit and place (tabulation hashing, Zobrist 1970; Pătraşcu and Thorup 2012), so a neighbour's is that of the stated
number but for the digits that changed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from blocking.keys import Keys, mix

kernel = njit(cache=True, nogil=True, error_model="numpy")

Words = NDArray[np.uint64]

# To twice as many, of which a number sets up to three: of the neighbours that nobody bears 0.2 to 0.8 % pass.
_BITS_PER_NUMBER = 16
_BITS_PER_WORD = 64
_LEAST_WORDS = 1 << 4
_MOST_DIGITS, _DIGIT = 14, 4  # of a packed number: four bits a digit, the number of digits in the top byte
HASHES = mix(np.arange(_MOST_DIGITS << _DIGIT, dtype=np.uint64)).reshape(_MOST_DIGITS, 1 << _DIGIT)


@dataclass(frozen=True)
class NumberFilter:
    """The numbers of a registry, as a filter that lets some others through: uint64[2**a] of its large part and
    uint64[2**b] of those that came since. A number with the hash h is in word h % 2**a, as the bits, up to three, that
    the top of h tells."""

    large: Words
    few: Words

    @classmethod
    def everybody(cls) -> NumberFilter:
        """Lets every number through."""
        return cls(np.full(1, np.iinfo(np.uint64).max, np.uint64), no_numbers())


def no_numbers() -> Words:
    """The filter of nobody's numbers."""
    return np.zeros(1, np.uint64)


def filter_words(numbers: Keys) -> Words:
    """The filter of packed numbers uint64[n]; the same whatever their order."""
    n_words = -(-_BITS_PER_NUMBER * numbers.size // _BITS_PER_WORD)
    words = np.zeros(max(_LEAST_WORDS, 1 << (n_words - 1).bit_length()), np.uint64)
    set_numbers(numbers, HASHES, words)
    return words


def neighbours_in(numbers: Keys, n_digits: int, known: NumberFilter) -> Keys:
    """The neighbours of packed numbers uint64[n] that may be in a registry: uint64[n, w], 0 where there are fewer; w is
    the most that a number has. Numbers that lack more than a digit of n_digits, or have more too many, have none."""
    # One more, since the kernel writes before it knows whether to keep.
    found, counts = np.empty(numbers.size * (10 * n_digits - 1) + 1, np.uint64), np.empty(numbers.size, np.int64)
    known_neighbours(numbers, n_digits, HASHES, known.large, known.few, found, counts)
    neighbours = np.zeros((numbers.size, max(1, int(counts.max(initial=0)))), np.uint64)
    lay_out(found, counts, neighbours)
    return neighbours


@kernel
def _hash(number, hashes):  # type: ignore[no-untyped-def]
    """Tabulation hash of all digits of a packed number, whose leading zeros count as well."""
    h = np.uint64(0)
    for place in range(hashes.shape[0]):
        h ^= hashes[place, (number >> np.uint64(4 * place)) & np.uint64(15)]
    return h


@kernel
def _places(h):  # type: ignore[no-untyped-def]
    """The three places of a number's bits in its word, from the top of its hash, whose low bits tell the word."""
    six = np.uint64(63)
    return h >> np.uint64(58), (h >> np.uint64(52)) & six, (h >> np.uint64(46)) & six


@kernel
def set_numbers(numbers, hashes, words):  # type: ignore[no-untyped-def]
    """Set the bits of each number in its word, of which there are a power of two."""
    one, mask = np.uint64(1), np.uint64(words.shape[0] - 1)
    for number in numbers:
        h = _hash(number, hashes)
        a, b, c = _places(h)
        words[h & mask] |= (one << a) | (one << b) | (one << c)


@kernel
def _may_be_in(words, h):  # type: ignore[no-untyped-def]
    """1 where all bits of the hash h are set, else 0: uint64."""
    word = words[h & np.uint64(words.shape[0] - 1)]
    a, b, c = _places(h)
    return (word >> a) & (word >> b) & (word >> c) & np.uint64(1)


@kernel
def _is_known(large, few, has_few, h):  # type: ignore[no-untyped-def]
    """The same of two filters, the second left out where it has no numbers."""
    return _may_be_in(large, h) | (_may_be_in(few, h) if has_few else np.uint64(0))


@kernel
def known_neighbours(numbers, n_digits, hashes, large, few, found, counts):  # type: ignore[no-untyped-def]
    """found: uint64[] out, one number's neighbours after the other's, those that may be in ``large`` or ``few``;
    counts: int64[n] out, how many each has. A neighbour is found once."""
    has_few, n_found = few.shape[0] > 1 or few[0] != 0, np.uint64(0)
    for s in range(numbers.shape[0]):
        number, before = numbers[s], n_found
        counts[s] = 0
        if number >> np.uint64(56) != n_digits:
            n_found = _known_of_other_length(number, n_digits, hashes, large, few, has_few, found, n_found)
            counts[s] = n_found - before
            continue
        own = _hash(number, hashes)
        for place in range(n_digits):
            shift = np.uint64(4 * place)
            digit = (number >> shift) & np.uint64(15)
            without, others = own ^ hashes[place, digit], number ^ (digit << shift)
            for other in range(10):
                h = without ^ hashes[place, other]
                # Written whether it stays or not: a branch that is guessed wrong costs more.
                found[n_found] = others | (np.uint64(other) << shift)
                n_found += _is_known(large, few, has_few, h) & np.uint64(np.uint64(other) != digit)
            if place + 1 < n_digits:
                next_digit = (number >> (shift + np.uint64(4))) & np.uint64(15)
                swap = digit ^ next_digit
                h = without ^ hashes[place, next_digit] ^ hashes[place + 1, next_digit] ^ hashes[place + 1, digit]
                found[n_found] = number ^ (swap << shift) ^ (swap << (shift + np.uint64(4)))
                n_found += _is_known(large, few, has_few, h) & np.uint64(swap != 0)
        counts[s] = n_found - before


@kernel
def _known_of_other_length(number, n_digits, hashes, large, few, has_few, found, n_found):  # type: ignore[no-untyped-def]
    """Append the neighbours of a number with a digit too few or too many to found; returns how many there are then."""
    length = np.int64(number >> np.uint64(56))
    top, body = np.uint64(n_digits) << np.uint64(56), number & np.uint64((1 << 56) - 1)
    lower = np.uint64(10)  # the digit before the place; none
    if length != n_digits - 1 and length != n_digits + 1:
        return n_found
    for place in range(max(length, n_digits)):
        shift = np.uint64(4 * place)
        below, digit = body & ((np.uint64(1) << shift) - np.uint64(1)), (body >> shift) & np.uint64(15)
        # Beside an equal digit it is the same which of both is put in, or left out.
        if length > n_digits:
            neighbour = top | below | (body >> (shift + np.uint64(4))) << shift
            found[n_found] = neighbour
            n_found += _is_known(large, few, has_few, _hash(neighbour, hashes)) & np.uint64(digit != lower)
        else:
            above = top | below | (body >> shift) << (shift + np.uint64(4))
            for other in range(10):
                neighbour = above | np.uint64(other) << shift
                found[n_found] = neighbour
                n_found += _is_known(large, few, has_few, _hash(neighbour, hashes)) & np.uint64(other != lower)
        lower = digit
    return n_found


@kernel
def lay_out(found, counts, neighbours):  # type: ignore[no-untyped-def]
    """neighbours[s, :counts[s]] = the next counts[s] of found."""
    place = 0
    for s in range(counts.shape[0]):
        for k in range(counts[s]):
            neighbours[s, k] = found[place]
            place += 1
