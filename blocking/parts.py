"""Finds blocks in a registry of two parts: a large one some of whose rows are gone, and a few rows that came since.

A query finds what it would find in one pass over all rows that are there: whether a block is over-full goes by both
parts together and by the living rows alone.
"""

from __future__ import annotations

from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from blocking.keys import Keys
from blocking.lookup import PassIndex, find
from blocking.sizes import BlockSizes

kernel = njit(cache=True, nogil=True, error_model="numpy")

_ANY_SIZE = np.iinfo(np.int64).max
_ROWS_AT_ONCE = 1 << 20
Ends = NDArray[np.int64]


@dataclass(frozen=True)
class RemovedRows:
    """Rows of the large part that are gone: rows uint32[k] ascending, and a bit for every row, uint8[n / 8]."""

    rows: NDArray[np.uint32]
    bits: NDArray[np.uint8]

    @classmethod
    def of(cls, rows: NDArray[np.uint32], n_rows: int) -> RemovedRows:
        """The rows given, ascending and each once, of a part of n_rows; of none there are no bits."""
        bits = np.zeros((n_rows + 7) // 8 if rows.size else 0, np.uint8)
        if rows.size:
            byte, bit = rows >> np.uint32(3), np.uint8(1) << (rows & np.uint32(7)).astype(np.uint8)
            first = np.flatnonzero(np.diff(byte, prepend=byte[0] + 1))
            bits[byte[first]] = np.bitwise_or.reduceat(bit, first)
        return cls(rows, bits)

    @classmethod
    def none(cls) -> RemovedRows:
        """No row is gone."""
        return cls.of(np.empty(0, np.uint32), 0)

    def include(self, rows: NDArray[np.integer[Any]]) -> NDArray[np.bool_]:
        """Whether each row is gone: bool[n]; rows of the other part are not."""
        are_gone = np.zeros(rows.size, np.bool_)
        if self.bits.size > 0:
            positions = np.empty(rows.size, np.uint32)
            n = find_removed(rows, self.bits, positions)
            are_gone[positions[:n]] = True
        return are_gone


@kernel
def find_removed(rows, removed, positions):  # type: ignore[no-untyped-def]
    """positions[:n] = the places in rows of those whose bit is set; n is returned.

    rows: uint32[k]; removed: uint8[m], m > 0, bit r % 8 of byte r / 8 is of row r, and rows behind them have none;
    positions: uint32[k] out.
    """
    n, last = np.uint64(0), np.uint64(removed.shape[0] - 1)
    for k in range(rows.shape[0]):
        row = np.uint64(rows[k])
        byte = row >> np.uint64(3)
        positions[n] = k
        n += np.uint64((byte <= last) & (removed[min(byte, last)] >> (row & np.uint64(7)) & 1 == 1))
    return n


@kernel
def take_rows(large, few, rows, values):  # type: ignore[no-untyped-def]
    """values[k] = large[rows[k]], or of ``few`` for the rows from ``large.shape[0]`` on, or 0 behind these, where only
    a damaged file can point to; much faster than numpy, which makes 64 bits of each row first and checks it."""
    n, m = np.uint64(large.shape[0]), np.uint64(few.shape[0])
    for k in range(rows.shape[0]):
        row = np.uint64(rows[k])
        if row < n:
            values[k] = large[row]
        elif row - n < m:
            values[k] = few[row - n]
        else:
            values[k] = 0


@kernel
def take_rows_of_spans(large, few, rows, offsets, is_wanted, values):  # type: ignore[no-untyped-def]
    """The same for the k of the spans [offsets[i], offsets[i + 1]) with is_wanted[i]: bool[n_spans]; the others are
    left as they are."""
    for i in range(is_wanted.shape[0]):
        if is_wanted[i]:
            span = slice(offsets[i], offsets[i + 1])
            take_rows(large, few, rows[span], values[span])


@dataclass(frozen=True, eq=False)  # no two are alike, so that what was gathered can be kept by them
class PartedColumn:
    """A column over both parts: large [n, ...], few [m, ...] alike, the rows from n on, or None."""

    large: NDArray[Any]
    few: NDArray[Any] | None = None

    @property
    def _few(self) -> NDArray[Any]:
        return self.large[:0] if self.few is None else self.few

    @property
    def parts(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """Both, the second of no rows where there is none."""
        return self.large, self._few

    def of_spans(
        self, rows: NDArray[np.uint32], offsets: NDArray[np.int64], is_wanted: NDArray[np.bool_]
    ) -> NDArray[Any]:
        """The values of the rows of the spans that are wanted, at their places; what stands at the others means
        nothing."""
        if self.large.ndim > 1:
            return self[rows]
        values: NDArray[Any] = np.empty(rows.size, self.large.dtype)
        take_rows_of_spans(self.large, self._few, rows, offsets, is_wanted, values)
        return values

    def __getitem__(self, rows: NDArray[np.integer[Any]]) -> NDArray[Any]:
        """The values of rows, int[k]; copied."""
        if self.large.ndim == 1:
            values: NDArray[Any] = np.empty(rows.size, self.large.dtype)
            take_rows(self.large, self._few, rows, values)
            return values
        if self.few is None:
            return np.asarray(np.take(self.large, rows, axis=0))
        n = self.large.shape[0]
        is_few = rows >= n
        values = np.take(self.large, np.minimum(rows, n - 1), axis=0)
        values[is_few] = self.few[rows[is_few] - n]
        return values


@dataclass(frozen=True)
class PartedPass:
    """A pass over both parts.

    removed: uint32[k] ascending, positions in ``large`` of rows that are gone; few: the rows that came since, None
    where there are none.
    """

    large: PassIndex
    removed: NDArray[np.uint32]
    few: PassIndex | None


@dataclass(frozen=True)
class Blocks:
    """The blocks of n queries in one part: positions [first, last) of ``rows``, int64[n, w].

    rows: uint32[k], or an empty array when the part is sorted by this pass and a position is a row; only the large part
    is, by the first pass, and its alternatives w must not overlap.
    """

    first: Ends
    last: Ends
    rows: NDArray[np.uint32]


@dataclass(frozen=True)
class FoundBlocks:
    """The blocks of queries in a pass.

    blocks: by part, the large one first; rows that are gone are among them. sizes: int64[n, w] living rows of both;
    narrowed: int64[n, w] living rows, of the whole registry, before narrowing, 0 where the block was not over-full.
    """

    blocks: list[Blocks]
    sizes: Ends
    narrowed: Ends


def find_in_parts(parts: PartedPass, queries: Keys, max_block: int, whole: BlockSizes | None = None) -> FoundBlocks:
    """Blocks of queries uint64[n, w]; those over max_block are narrowed to equal narrowing parts.

    whole: the blocks with more than max_block rows of the registry that ``parts`` are a partition of, see
    `BlockSizes.over`; None where they are all of it.
    """
    if whole is None and parts.few is None and parts.removed.size == 0:
        first, last, narrowed = find(parts.large, queries, max_block)
        return FoundBlocks([Blocks(first, last, parts.large.rows)], last - first, narrowed)
    indexes = [index for index in (parts.large, parts.few) if index is not None]
    ends = [find(index, queries, _ANY_SIZE)[:2] for index in indexes]
    sizes = _living(parts, ends)
    before = sizes if whole is None else whole.of_queries(queries)
    is_over = before > max_block
    narrowed = np.where(is_over, before, 0)
    if is_over.any():
        for index, (first, last) in zip(indexes, ends, strict=True):
            narrow_first, narrow_last, _ = find(index, queries[is_over][:, None], 0)
            first[is_over], last[is_over] = narrow_first[:, 0], narrow_last[:, 0]
        sizes = _living(parts, ends)
    blocks = [Blocks(first, last, index.rows) for index, (first, last) in zip(indexes, ends, strict=True)]
    return FoundBlocks(blocks, sizes, narrowed)


def positions_of(index: PassIndex, removed: RemovedRows, pool: Executor) -> NDArray[np.uint32]:
    """Where rows that are gone stand in a pass of the large part: uint32[k] ascending.

    The pass is read from front to back: to look every row up by its keys would be to read most of the registry, row by
    row.
    """
    if index.rows.size == 0 or removed.rows.size == 0:
        return removed.rows

    def work(start: int) -> NDArray[np.uint32]:
        rows = index.rows[start : start + _ROWS_AT_ONCE]
        positions = np.empty(rows.size, np.uint32)
        n = find_removed(rows, removed.bits, positions)
        return positions[:n] + np.uint32(start)

    return np.concatenate(list(pool.map(work, range(0, index.rows.size, _ROWS_AT_ONCE))))


def n_living(parts: PartedPass, queries: Keys) -> NDArray[np.int64]:
    """How many living rows the block of each query uint64[n] has: int64[n]."""
    return find_in_parts(parts, queries[:, None], _ANY_SIZE).sizes[:, 0]


def n_within(positions: NDArray[np.uint32], first: Ends, last: Ends) -> Ends:
    """How many of positions, ascending, lie in each [first, last): int64 of their shape."""
    n = np.zeros(first.shape, np.int64)
    is_there = last > first
    high, low = (np.searchsorted(positions, ends[is_there].astype(np.uint32)) for ends in (last, first))
    n[is_there] = high - low
    return n


def _living(parts: PartedPass, ends: list[tuple[Ends, Ends]]) -> Ends:
    """Living rows of blocks in both parts."""
    sizes = np.sum([last - first for first, last in ends], axis=0)
    return np.asarray(sizes - n_within(parts.removed, *ends[0]))
