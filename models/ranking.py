"""The best candidates of each claim and the sum of its Bayes factors, in parts that merge to the same bytes.

Candidates stand by factor, those with equal ones by a key of the person. Should two persons have one key, the caller is
told, and ranks again by keys that differ. The sum is exact up to one rounding, whatever the order of the candidates and
however they are parted: factors are cut into digits of `DIGIT_BITS` bits at places that do not depend on them, and the
digits of each place are added up by themselves. Only the `N_DIGITS` places from that of the highest factor on are kept;
this is the highest of every part too that has it, so a part keeps what is needed of it (the binned sums of Demmel and
Nguyen, 2015, https://doi.org/10.1109/TC.2014.2345391, cut off instead of rounded). Double
precision adds up 2**27 digits of a place without a rounding.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

kernel = njit(cache=True, nogil=True, error_model="numpy")
# Of sums of which any order gives the same.
reordering_kernel = njit(cache=True, nogil=True, error_model="numpy", fastmath={"reassoc"})

DIGIT_BITS = 26  # half the bits of double precision
N_DIGITS = 3  # of a claim's sum: the highest factor reaches into the first, so 53 bits of it are always there
_BASE = 2.0**DIGIT_BITS


@kernel
def rank(offsets, factors, rows, keys, least, best, best_factors, digits):  # type: ignore[no-untyped-def]
    """The best candidates of each claim and the digits of the sum of its Bayes factors, see `round_sums`.

    factors: float64[n], from 2**-900 to 2**900; rows: uint32[n] of the candidates' persons; keys: (uint64[n_large],
    uint64[n_few]) by row, of equal factors the lower key goes first; least: the factor of a pair that counts. best:
    int64[n_claims, n_best] places in the tile, -1 where there are fewer; best_factors: float64 alike, 0 there; digits:
    float64[n_claims, N_DIGITS], of candidates that count only. Returns how many were met that only their order tells
    from another that stood among the best, for factor and key are equal.
    """
    (large, few), n_best = keys, best.shape[1]
    n_large, n_few = np.uint64(large.shape[0]), np.uint64(few.shape[0])
    longest, n_even = 0, 0
    for s in range(best.shape[0]):
        longest = max(longest, offsets[s + 1] - offsets[s])
    rivals, rival_keys, best_keys = (
        np.empty(longest, np.uint32),
        np.empty(longest, np.uint64),
        np.empty(n_best, np.uint64),
    )
    for s in range(best.shape[0]):
        best[s, :] = -1
        best_factors[s, :] = 0.0
        values, people = factors[offsets[s] : offsets[s + 1]], rows[offsets[s] : offsets[s + 1]]
        # Only a few are put in order, for that takes branches of which half are guessed wrong.
        lowest = max(least, _fifth_highest(values)) if n_best <= 5 else least
        n_rivals = np.uint64(0)
        for k in range(values.shape[0]):
            rivals[n_rivals] = k
            n_rivals += np.uint64(values[k] >= lowest)
        # One key after the other, for a look into memory need not wait for the look before it.
        for r in range(n_rivals):
            row = np.uint64(people[rivals[r]])
            if row < n_large:
                rival_keys[r] = large[row]
            else:  # behind both, where only a damaged file can point to, all are alike
                rival_keys[r] = few[row - n_large] if row - n_large < n_few else np.uint64(0)
        for r in range(n_rivals):
            factor, key, place = values[rivals[r]], rival_keys[r], n_best
            while place > 0 and _is_better(factor, key, best_factors[s, place - 1], best_keys[place - 1]):
                place -= 1
            # Damaged rows have no key, and no order that anybody could tell.
            is_even = place > 0 and key > 0 and factor == best_factors[s, place - 1] and key == best_keys[place - 1]
            n_even += is_even
            if place < n_best:
                for i in range(n_best - 1, place, -1):
                    best[s, i] = best[s, i - 1]
                    best_factors[s, i] = best_factors[s, i - 1]
                    best_keys[i] = best_keys[i - 1]
                best[s, place] = rivals[r]
                best_factors[s, place] = factor
                best_keys[place] = key
        high, middle, low = _digits_of(values, least, _unit(best_factors[s, 0]))
        digits[s, 0], digits[s, 1], digits[s, 2] = high, middle, low
        for i in range(n_best):
            best[s, i] += offsets[s] if best[s, i] >= 0 else 0
    return n_even


@kernel
def _fifth_highest(factors):  # type: ignore[no-untyped-def]
    """Of factors that are numbers, not below 0; 0 where there are fewer. Without branches, each is handed down past the
    higher ones."""
    a = b = c = d = e = 0.0
    for factor in factors:
        a, factor = max(a, factor), min(a, factor)
        b, factor = max(b, factor), min(b, factor)
        c, factor = max(c, factor), min(c, factor)
        d, factor = max(d, factor), min(d, factor)
        e = max(e, factor)
    return e


@kernel
def _is_better(factor, key, other_factor, other_key):  # type: ignore[no-untyped-def]
    """Whether a candidate stands before another in the ranking; an empty place has the factor 0."""
    return factor > other_factor or (factor == other_factor and key < other_key)


@kernel
def _unit(highest):  # type: ignore[no-untyped-def]
    """log2 of the first digit's unit: the multiple of DIGIT_BITS at or next under log2 of the highest factor."""
    return (math.frexp(highest)[1] - 1) // DIGIT_BITS * DIGIT_BITS


@reordering_kernel
def _digits_of(factors, least, unit):  # type: ignore[no-untyped-def]
    """The sums, by place, of the digits of the factors that are at least ``least``."""
    units = math.ldexp(1.0, -unit)
    high, middle, low = 0.0, 0.0, 0.0
    for k in range(factors.shape[0]):
        factor = factors[k] * units if factors[k] >= least else 0.0
        whole = np.floor(factor)
        rest = (factor - whole) * _BASE
        part = np.floor(rest)
        high += whole
        middle += part
        low += np.floor((rest - part) * _BASE)
    return high, middle, low


@kernel
def round_sums(best_factors, digits, sums):  # type: ignore[no-untyped-def]
    """sums[s] = the sum of a claim's Bayes factors: (high + middle / 2**26 + low / 2**52) * unit, rounded once.

    best_factors: float64[n, n_best]; digits: float64[n, N_DIGITS] as of `rank` or `merge_ranked`; sums: float64[n].
    """
    for s in range(sums.shape[0]):
        high, middle, low = digits[s, 0], digits[s, 1], digits[s, 2]
        carry = np.floor(low / _BASE)
        low, middle = low - carry * _BASE, middle + carry
        carry = np.floor(middle / _BASE)
        middle, high = middle - carry * _BASE, high + carry
        behind = (middle * _BASE + low) / _BASE / _BASE
        sums[s] = math.ldexp(high + behind, _unit(best_factors[s, 0]))


@kernel
def merge_ranked(one, other, places, best_factors, ties, digits):  # type: ignore[no-untyped-def]
    """Claims whose candidates were ranked in two parts, as if they had been ranked at once.

    one, other: (best_factors: float64[n, n_best], ties: uint64[n, n_best] of these, digits: float64[n, N_DIGITS]); no
    candidate is in both, and no two with equal factors have one tie. places: int64[n, n_best] out, where each stands in
    the list of ``one``, or behind its end in that of ``other``, -1 where there are fewer; best_factors, ties (0 where
    there are fewer), digits: out.
    """
    n_best = places.shape[1]
    for s in range(places.shape[0]):
        taken, taken_of_other = 0, 0
        for place in range(n_best):
            mine, theirs = one[0][s, taken], other[0][s, taken_of_other]
            is_mine = mine > theirs or (mine == theirs and one[1][s, taken] < other[1][s, taken_of_other])
            best_factors[s, place] = max(mine, theirs)
            places[s, place] = -1
            ties[s, place] = 0
            if best_factors[s, place] > 0.0:
                places[s, place] = taken if is_mine else n_best + taken_of_other
                ties[s, place] = one[1][s, taken] if is_mine else other[1][s, taken_of_other]
                taken += is_mine
                taken_of_other += not is_mine
        digits[s, :] = 0.0
        _add_digits(one[0][s, 0], best_factors[s, 0], one[2][s], digits[s])
        _add_digits(other[0][s, 0], best_factors[s, 0], other[2][s], digits[s])


@kernel
def _add_digits(highest_of_part, highest, digits_of_part, digits):  # type: ignore[no-untyped-def]
    """Add the digits of a part to those of the whole, place by place; places under the last one kept are left out."""
    if highest_of_part > 0.0:
        first = (_unit(highest) - _unit(highest_of_part)) // DIGIT_BITS
        for d in range(first, digits.shape[0]):
            digits[d] += digits_of_part[d - first]
