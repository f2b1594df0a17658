"""Joins the blocks of all passes into one candidate list per subject, each pair once, with the passes that found it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

kernel = njit(cache=True, nogil=True, error_model="numpy")

PASS_BITS = 16  # a candidate carries one bit per pass
_ROW_SHIFT = np.uint64(PASS_BITS)


@dataclass(frozen=True)
class Blocks:
    """The blocks of a tile's subjects in one pass: positions [first, last) of ``rows``, int64[n_subjects, w].

    rows: uint32[k], or an empty array when the registry is sorted by this pass and a position is a row.
    """

    first: NDArray[np.int64]
    last: NDArray[np.int64]
    rows: NDArray[np.uint32]


@dataclass(frozen=True)
class Candidates:
    """Subject s meets rows[offsets[s]:offsets[s + 1]], ascending; passes: uint16[n], bit p set when pass p found the
    pair."""

    offsets: NDArray[np.int64]
    rows: NDArray[np.uint32]
    passes: NDArray[np.uint16]


@kernel
def append_blocks(first, last, rows, bit, fill, packed):  # type: ignore[no-untyped-def]
    """Append row << 16 | bit of every block position to the subjects' segments of packed; fill: int64[n] next free
    place."""
    for s in range(first.shape[0]):
        place = fill[s]
        for w in range(first.shape[1]):
            for k in range(first[s, w], last[s, w]):
                row = np.uint64(rows[k]) if rows.shape[0] > 0 else np.uint64(k)
                packed[place] = (row << _ROW_SHIFT) | bit
                place += 1
        fill[s] = place


@kernel
def merge_segments(starts, packed, offsets, rows, passes):  # type: ignore[no-untyped-def]
    """Sort each segment packed[starts[s]:starts[s + 1]] by row and join equal rows; returns the number of candidates.

    A segment mostly starts with one long ascending run, the block of the pass that the registry is sorted by; only what
    follows it is sorted, and both are merged.
    """
    low = np.uint64((1 << PASS_BITS) - 1)
    n_out = 0
    for s in range(starts.shape[0] - 1):
        offsets[s] = n_out
        a, end = starts[s], starts[s + 1]
        split = a + 1
        while split < end and packed[split] > packed[split - 1]:
            split += 1
        b = min(split, end)
        a_end = b
        if end - b > 1:
            packed[b:end].sort()
        previous = np.int64(-1)
        while a < a_end or b < end:
            if b >= end or (a < a_end and packed[a] <= packed[b]):
                item = packed[a]
                a += 1
            else:
                item = packed[b]
                b += 1
            row = np.int64(item >> _ROW_SHIFT)
            if row == previous:
                passes[n_out - 1] |= np.uint16(item & low)
            else:
                rows[n_out] = row
                passes[n_out] = np.uint16(item & low)
                previous = row
                n_out += 1
    offsets[starts.shape[0] - 1] = n_out
    return n_out


@kernel
def drop_own(offsets, rows, passes, own):  # type: ignore[no-untyped-def]
    """Take each subject's own row (own: int64[n_subjects], -1 for none) out of its candidates, in place; the number left."""
    kept = 0
    first = offsets[0]
    for s in range(own.shape[0]):
        last = offsets[s + 1]
        offsets[s] = kept
        for k in range(first, last):
            if np.int64(rows[k]) != own[s]:
                rows[kept] = rows[k]
                passes[kept] = passes[k]
                kept += 1
        first = last
    offsets[own.shape[0]] = kept
    return kept


def gather(blocks: Sequence[Blocks]) -> Candidates:
    """Candidates of a tile from the blocks of its passes (at most 16), in the order of the passes."""
    sizes = sum((b.last - b.first).sum(axis=1) for b in blocks)
    starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes, dtype=np.int64)])
    packed = np.empty(int(starts[-1]), np.uint64)
    fill = starts[:-1].copy()
    for number, block in enumerate(blocks):
        append_blocks(block.first, block.last, block.rows, np.uint64(1 << number), fill, packed)
    offsets = np.empty_like(starts)
    rows, passes = np.empty(packed.size, np.uint32), np.empty(packed.size, np.uint16)
    n = merge_segments(starts, packed, offsets, rows, passes)
    return Candidates(offsets, rows[:n], passes[:n])
