"""Finds blocks: a pass is a sorted array of keys with the row of each, and a bucket table over their leading bits.

Keys are hashes, hence uniform, so a bucket holds a handful of keys and finding a block costs two cache misses
whatever the size of the registry.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from blocking.keys import NARROW_BITS, Keys

kernel = njit(cache=True, nogil=True, error_model="numpy")

_KEYS_PER_BUCKET = 8


@dataclass(frozen=True)
class PassIndex:
    """A pass over the registry.

    keys: uint64[k] ascending; rows: uint32[k] registry row of each key, ascending within a key; starts: int64[2**b +
    1], position of the first key of each bucket of the b leading bits.
    """

    keys: Keys
    rows: NDArray[np.uint32]
    starts: NDArray[np.int64]


def build_pass(keys: Keys, *, keep_missing: bool = False) -> PassIndex:
    """Index of one pass from the keys of the registry rows, uint64[n_persons]; rows with key 0 are in no block.

    They are left out, or with ``keep_missing`` kept in front, so that positions in sorted keys are rows.
    """
    order = np.argsort(keys, kind="stable")
    if not keep_missing:
        order = order[np.searchsorted(keys, 1, sorter=order) :]
    in_order = keys[order]
    n_bits = max(1, int(in_order.size // _KEYS_PER_BUCKET).bit_length())
    edges = np.arange(1 << n_bits, dtype=np.uint64) << np.uint64(64 - n_bits)
    starts = np.append(np.searchsorted(in_order, edges), in_order.size).astype(np.int64)
    return PassIndex(in_order, order.astype(np.uint32), starts)


@kernel
def _first_at_least(keys, starts, key):  # type: ignore[no-untyped-def]
    """Position of the first key >= key: binary search within its bucket."""
    bucket = key >> np.uint64(65 - _bits_of(starts.shape[0]))
    low, high = starts[bucket], starts[bucket + 1]
    while low < high:
        middle = (low + high) >> 1
        if keys[middle] < key:
            low = middle + 1
        else:
            high = middle
    return low


@kernel
def _bits_of(n):  # type: ignore[no-untyped-def]
    """Number of binary digits of n."""
    bits = 0
    while n > 0:
        n >>= 1
        bits += 1
    return bits


@kernel
def find_blocks(keys, starts, queries, max_block, first, last, narrowed):  # type: ignore[no-untyped-def]
    """Positions [first, last) of each query's block; blocks over max_block are narrowed to equal narrowing parts.

    queries: uint64[n, w], 0 for none; first, last: int64[n, w] out; narrowed: int64[n, w] out, the size of the block
    before narrowing, 0 where it was not over-full.
    """
    low_bits = np.uint64((1 << NARROW_BITS) - 1)
    for s in range(queries.shape[0]):
        for w in range(queries.shape[1]):
            key = queries[s, w]
            first[s, w] = last[s, w] = narrowed[s, w] = 0
            if key == 0:
                continue
            low = _first_at_least(keys, starts, key & ~low_bits)
            high = low
            while high < keys.shape[0] and high - low <= max_block and keys[high] <= key | low_bits:
                high += 1
            if high - low > max_block:
                above = key | low_bits
                end = keys.shape[0]
                if above < keys[end - 1]:
                    end = _first_at_least(keys, starts, above + np.uint64(1))
                narrowed[s, w] = end - low
                low = _first_at_least(keys, starts, key)
                high = low
                while high < keys.shape[0] and keys[high] == key:
                    high += 1
            first[s, w] = low
            last[s, w] = high


def find(
    index: PassIndex, queries: Keys, max_block: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Blocks of queries uint64[n, w] in a pass: (first, last, size before narrowing or 0), int64[n, w] each."""
    first, last, narrowed = (np.empty(queries.shape, np.int64) for _ in range(3))
    find_blocks(index.keys, index.starts, np.ascontiguousarray(queries), max_block, first, last, narrowed)
    return first, last, narrowed


def contains(index: PassIndex, queries: Keys) -> NDArray[np.bool_]:
    """Whether each query uint64[n] has a block in the pass."""
    first, last, _ = find(index, queries[:, None], np.iinfo(np.int64).max)
    return (last > first)[:, 0]
