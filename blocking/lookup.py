"""Finds blocks: a pass is a sorted array of keys with the row of each, and a bucket table over their leading bits.

Keys are hashes, hence uniform, so a bucket holds a handful of keys and finding a block costs two cache misses
whatever the size of the registry. The bucket says what the leading bits of a key are, so an entry stores the rest
alone, and of that what 32 bits hold: 8 bytes an entry with its row, where the passes of a hundred million people must
stay in memory beside their columns. What is left out, the last bits of a block's hash and half of the narrowing
part's, adds a candidate in some millions of searches, which its comparisons then refuse.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from blocking.keys import Keys

kernel = njit(cache=True, nogil=True, error_model="numpy")

_KEYS_PER_BUCKET = 8
_LEAST_BITS, _MOST_BITS = 16, 24  # of the bucket table
_BLOCK_BITS = 24  # of an entry, beside those that the bucket says; at most 24 + 24 there are
_NARROW_MASK = 255  # the narrowing bits of an entry
_REMAINDER_BITS = 32  # of an entry, where there are as many buckets as n_bits tell apart
_FEW = 16  # entries that are gone through one by one
_AT_ONCE = 32  # queries


@dataclass(frozen=True)
class PassIndex:
    """A pass over the registry, or over some rows of it.

    remainders: uint32[k] or, with more than 32 bits, uint64[k], what stands of each key after the bits of its bucket,
    ascending within a bucket; rows: uint32[k] registry row of each key, ascending within a key, or empty when positions
    are rows; starts: uint32[2**b + 1], position of the first key of each bucket of the b leading bits; n_bits: an entry
    stands for the n_bits + 24 leading bits of its key and the 8 lowest, n_bits >= b.
    """

    remainders: NDArray[np.uint32] | NDArray[np.uint64]
    rows: NDArray[np.uint32]
    starts: NDArray[np.uint32]
    n_bits: int


def bucket_bits(n_keys: int) -> int:
    """The b of a pass of so many keys."""
    return min(max(_LEAST_BITS, (n_keys // _KEYS_PER_BUCKET).bit_length()), _MOST_BITS)


def sort_keys(keys: Keys, n_rows: int) -> Keys:
    """What a pass of n_rows keys sorts them by, uniform over all 64 bits: uint64[n]; 0, before all others, where the
    key is 0."""
    ordered: Keys = np.empty(keys.size, np.uint64)
    n_bits = bucket_bits(n_rows)
    stored_keys(keys, n_bits, ordered)
    return ordered << np.uint64(32 - n_bits)


def build_pass(keys: Keys) -> PassIndex:
    """Index of one pass from the keys of the registry rows, uint64[n_persons]; rows with key 0 are in no block."""
    n_keys = int(np.count_nonzero(keys))
    n_bits = bucket_bits(n_keys)
    starts, packed = np.zeros((1 << n_bits) + 1, np.uint32), np.empty(n_keys, np.uint64)
    sort_by_bucket(keys, n_bits, starts, packed)
    return PassIndex((packed >> np.uint64(32)).astype(np.uint32), packed.astype(np.uint32), starts, n_bits)


def build_row_order(keys: Keys) -> PassIndex:
    """Index of the pass that the rows are sorted by (see ``sort_keys``): positions are rows, those without a key in
    front."""
    n_bits = bucket_bits(keys.size)
    starts, remainders = np.zeros((1 << n_bits) + 1, np.uint32), np.empty(keys.size, np.uint32)
    index_in_order(keys, n_bits, starts, remainders)
    return PassIndex(remainders, np.empty(0, np.uint32), starts, n_bits)


def build_few(keys: Keys, first_row: int, n_bits: int) -> PassIndex:
    """Index of a few rows beside a large pass whose entries have n_bits: keys uint64[n] of the rows from first_row on.

    An entry stands for as much of its key as there, so that a query finds here what it would find there, though the
    bucket table is no larger than the rows need.
    """
    stored: Keys = np.empty(keys.size, np.uint64)
    stored_keys(keys, n_bits, stored)
    rows = np.flatnonzero(stored)
    rows = rows[np.argsort(stored[rows], kind="stable")]
    shift = np.uint64(_REMAINDER_BITS + n_bits - min(bucket_bits(rows.size), n_bits))
    edges = np.arange((1 << (_REMAINDER_BITS + n_bits - int(shift))) + 1, dtype=np.uint64) << shift
    starts = np.searchsorted(stored[rows], edges).astype(np.uint32)
    remainders = stored[rows] & ((np.uint64(1) << shift) - np.uint64(1))
    return PassIndex(remainders, (rows + first_row).astype(np.uint32), starts, n_bits)


@kernel
def _stored(key, n_bits):  # type: ignore[no-untyped-def]
    """The n_bits + 24 leading bits of a key and its 8 lowest; never 0, which is no key."""
    kept = ((key >> np.uint64(64 - n_bits - _BLOCK_BITS)) << np.uint64(8)) | (key & np.uint64(_NARROW_MASK))
    return max(kept, np.uint64(1))


@kernel
def stored_keys(keys, n_bits, ordered):  # type: ignore[no-untyped-def]
    """ordered[k] = the bits of keys[k] that a pass of n_bits keeps, 0 for 0."""
    for row in range(keys.shape[0]):
        ordered[row] = _stored(keys[row], n_bits) if keys[row] != 0 else np.uint64(0)


@kernel
def _count_buckets(keys, n_bits, starts):  # type: ignore[no-untyped-def]
    """starts[b + 1] = number of keys in the buckets up to b."""
    for row in range(keys.shape[0]):
        if keys[row] != 0:
            starts[(_stored(keys[row], n_bits) >> np.uint64(32)) + np.uint64(1)] += np.uint32(1)
    for bucket in range(starts.shape[0] - 1):
        starts[bucket + 1] += starts[bucket]


@kernel
def sort_by_bucket(keys, n_bits, starts, packed):  # type: ignore[no-untyped-def]
    """packed = remainder << 32 | row of the keys that are not 0, sorted by key, then row; starts: zeros, filled."""
    _count_buckets(keys, n_bits, starts)
    fill = starts[:-1].copy()
    for row in range(keys.shape[0]):
        if keys[row] != 0:
            stored = _stored(keys[row], n_bits)
            bucket = stored >> np.uint64(32)
            packed[fill[bucket]] = (stored << np.uint64(32)) | np.uint64(row)
            fill[bucket] += np.uint32(1)
    for bucket in range(starts.shape[0] - 1):
        if starts[bucket + 1] - starts[bucket] > 1:
            packed[starts[bucket] : starts[bucket + 1]].sort()


@kernel
def index_in_order(keys, n_bits, starts, remainders):  # type: ignore[no-untyped-def]
    """remainders[row] of keys that stand in order; starts: zeros, filled, the first bucket after the rows without a
    key."""
    _count_buckets(keys, n_bits, starts)
    n_missing = 0
    for row in range(keys.shape[0]):
        stored = _stored(keys[row], n_bits) if keys[row] != 0 else np.uint64(0)
        remainders[row] = np.uint32(stored & np.uint64(0xFFFFFFFF))
        n_missing += keys[row] == 0
    for bucket in range(starts.shape[0]):
        starts[bucket] += np.uint32(n_missing)


@kernel
def _first_over(remainders, low, high, value):  # type: ignore[no-untyped-def]
    """Position in [low, high) of the first remainder > value, high if there is none.

    Most buckets are short, and a branch that is guessed wrong costs more than to go through them.
    """
    while high - low > _FEW:
        middle = (low + high) >> 1
        if np.int64(remainders[middle]) > value:
            high = middle
        else:
            low = middle + 1
    while low < high and np.int64(remainders[low]) <= value:
        low += 1
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
def find_blocks(remainders, starts, n_bits, queries, max_block, first, last, narrowed):  # type: ignore[no-untyped-def]
    """Positions [first, last) of each query's block; blocks over max_block are narrowed to equal narrowing parts.

    queries: uint64[n], 0 for none; first, last: int64[n] out; narrowed: int64[n] out, the size of the block before
    narrowing, 0 where it was not over-full.

    Some are looked for at once, step by step, for a look into memory has to wait, but not for the looks beside it.
    """
    shift = np.uint64(_REMAINDER_BITS + n_bits + 1 - _bits_of(starts.shape[0] - 1))
    mask = (np.uint64(1) << shift) - np.uint64(1)
    for start in range(0, queries.shape[0], _AT_ONCE):
        stop = min(start + _AT_ONCE, queries.shape[0])
        for s in range(start, stop):
            first[s] = last[s] = 0
            if queries[s] != 0:
                bucket = _stored(queries[s], n_bits) >> shift
                # Never behind the end, whatever stands there: damage is found in time, but not before it is met.
                last[s] = min(np.int64(starts[bucket + np.uint64(1)]), remainders.shape[0])
                first[s] = min(np.int64(starts[bucket]), last[s])
        for s in range(start, stop):
            if first[s] < last[s]:
                narrowed[s] = remainders[first[s]]  # for no other reason than to have it near
        for s in range(start, stop):
            narrowed[s] = 0
            if first[s] == last[s]:
                continue
            remainder, end = np.int64(_stored(queries[s], n_bits) & mask), last[s]
            low = _first_over(remainders, first[s], end, (remainder | _NARROW_MASK) - _NARROW_MASK - 1)
            high = _first_over(remainders, low, end, remainder | _NARROW_MASK)
            if high - low > max_block:
                narrowed[s] = high - low
                low = _first_over(remainders, low, high, remainder - 1)
                high = _first_over(remainders, low, high, remainder)
            first[s] = low
            last[s] = high


def find(
    index: PassIndex, queries: Keys, max_block: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Blocks of queries uint64[n, w] in a pass: (first, last, size before narrowing or 0), int64[n, w] each."""
    first, last, narrowed = (np.empty(queries.size, np.int64) for _ in range(3))
    find_blocks(index.remainders, index.starts, index.n_bits, queries.ravel(), max_block, first, last, narrowed)
    return first.reshape(queries.shape), last.reshape(queries.shape), narrowed.reshape(queries.shape)
