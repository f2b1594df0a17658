"""Blocking keys: 64-bit numbers made from the values that two records must share.

The upper 48 bits are a hash of the parts of the key, the lower 16 bits a hash of a second, narrowing part. All
records of a block are thus one contiguous range of the sorted keys, and an over-full block can be narrowed without a
second index. A collision of 48 bits only adds a candidate, which its comparisons then refuse. Key 0: a part is
missing, in no block.

The first 12 bits are a hash of the first part, the commune where there is one: its blocks lie together in every pass,
and its people in the registry, so subjects taken by commune meet what is in memory already.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numba import njit
from numpy.typing import NDArray

kernel = njit(cache=True, nogil=True, error_model="numpy")

Keys = NDArray[np.uint64]

NARROW_BITS = 16
LEAD_BITS = 12
_LEAD_MASK = ~np.uint64((1 << (64 - LEAD_BITS)) - 1)
_NARROW_MASK = np.uint64((1 << NARROW_BITS) - 1)


def mix(values: Keys, salt: int = 0) -> Keys:
    """Scramble uint64 values (any shape) bijectively; the finaliser of splitmix64 (Steele et al. 2014)."""
    z = values.astype(np.uint64, copy=True)
    with np.errstate(over="ignore"):
        z += np.uint64((0x9E3779B97F4A7C15 * (salt + 1)) & 0xFFFFFFFFFFFFFFFF)
        z ^= z >> np.uint64(30)
        z *= np.uint64(0xBF58476D1CE4E5B9)
        z ^= z >> np.uint64(27)
        z *= np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    return z


def combine(parts: Sequence[Keys]) -> Keys:
    """One hash of several parts: uint64[n] each, or uint64[n, w] for alternatives; 0 where any part is 0.

    The leading bits are a hash of the first part alone. Alternatives of several parts are crossed: the result is
    uint64[n, product of the widths].
    """
    total = np.zeros((parts[0].shape[0], 1), np.uint64)
    lead = total
    known = np.ones((parts[0].shape[0], 1), np.bool_)
    for salt, part in enumerate(parts):
        columns = part[:, None] if part.ndim == 1 else part
        width = total.shape[1] * columns.shape[1]
        total = mix(total[:, :, None] ^ mix(columns, salt)[:, None, :], salt).reshape(-1, width)
        lead = total if salt == 0 else np.repeat(lead, columns.shape[1], axis=1)
        known = (known[:, :, None] & (columns != 0)[:, None, :]).reshape(-1, width)
    keys = (lead & _LEAD_MASK) | (total & ~_LEAD_MASK)
    return np.where(known, keys | np.uint64(1), np.uint64(0))


def block_keys(parts: Sequence[Keys], narrow: Keys | None) -> Keys:
    """Keys of one pass: uint64[n, number of alternatives].

    narrow: uint64[n], or None; 0 (missing) is a value like any other, since records without it must stay in the block.
    """
    block = combine(parts)
    low = np.zeros(block.shape[0], np.uint64) if narrow is None else mix(narrow) & _NARROW_MASK
    keys = (block & ~_NARROW_MASK) | low[:, None]
    return np.where(block == 0, np.uint64(0), np.maximum(keys, np.uint64(1 << NARROW_BITS)))


@kernel
def number_neighbours(numbers, n_digits, neighbours):  # type: ignore[no-untyped-def]
    """All packed numbers one wrong digit, or two swapped neighbours, away from each of n_digits digits.

    numbers: uint64[n], four bits a digit, the number of digits in the top byte; others are left out (zeros).
    neighbours: uint64[n, 10 * n_digits - 1] out.
    """
    for s in range(numbers.shape[0]):
        number = numbers[s]
        neighbours[s, :] = 0
        if number >> 56 != n_digits:
            continue
        filled = 0
        for place in range(n_digits):
            shift = np.uint64(4 * place)
            digit = (number >> shift) & np.uint64(15)
            for other in range(10):
                if np.uint64(other) != digit:
                    neighbours[s, filled] = number ^ ((digit ^ np.uint64(other)) << shift)
                    filled += 1
            if place + 1 < n_digits:
                next_digit = (number >> (shift + np.uint64(4))) & np.uint64(15)
                if next_digit != digit:
                    swap = digit ^ next_digit
                    neighbours[s, filled] = number ^ (swap << shift) ^ (swap << (shift + np.uint64(4)))
                    filled += 1
