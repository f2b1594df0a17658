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

    rows: uint32[k], or an empty array when the registry is sorted by this pass and a position is a row; only the first
    pass can be such a one, and its alternatives w must not overlap.
    """

    first: NDArray[np.int64]
    last: NDArray[np.int64]
    rows: NDArray[np.uint32]


@dataclass(frozen=True)
class Candidates:
    """Subject s meets rows[offsets[s]:offsets[s + 1]]; passes: uint16[n], bit p set when pass p found the
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
def _emit_runs(first, last, s, bit, n_out, rows, passes):  # type: ignore[no-untyped-def]
    """Write out the runs of rows of subject s in the pass that the registry is sorted by; returns the new n_out."""
    for w in range(first.shape[1]):
        for row in range(first[s, w], last[s, w]):
            rows[n_out] = row
            passes[n_out] = bit
            n_out += 1
    return n_out


@kernel
def _mark_in_runs(first, last, s, row, bits, start, passes):  # type: ignore[no-untyped-def]
    """Add bits to the row where it stands in a run of subject s, whose runs were written from start; whether it
    does."""
    for w in range(first.shape[1]):
        if first[s, w] <= row < last[s, w]:
            passes[start + row - first[s, w]] |= bits
            return True
        start += last[s, w] - first[s, w]
    return False


@kernel
def merge_segments(first, last, run_bit, starts, packed, offsets, rows, passes):  # type: ignore[no-untyped-def]
    """The candidates of each subject: its runs, then the other rows ascending, each row once with all its passes' bits.

    first, last: int64[n_subjects, w] runs of rows of the pass that the registry is sorted by (w may be 0), which are
    nearly all candidates and need no sorting; packed[starts[s]:starts[s + 1]]: what the other passes found. Returns the
    number of candidates.
    """
    low = np.uint64((1 << PASS_BITS) - 1)
    n_out = 0
    for s in range(starts.shape[0] - 1):
        offsets[s] = n_out
        start = n_out
        n_out = _emit_runs(first, last, s, run_bit, n_out, rows, passes)
        if starts[s + 1] - starts[s] > 1:
            packed[starts[s] : starts[s + 1]].sort()
        previous = np.int64(-1)
        for place in range(starts[s], starts[s + 1]):
            row, bits = np.int64(packed[place] >> _ROW_SHIFT), np.uint16(packed[place] & low)
            if row == previous:
                passes[n_out - 1] |= bits
            elif not _mark_in_runs(first, last, s, row, bits, start, passes):
                rows[n_out] = row
                passes[n_out] = bits
                n_out += 1
                previous = row
    offsets[starts.shape[0] - 1] = n_out
    return n_out


@kernel
def drop_own(offsets, rows, passes, own):  # type: ignore[no-untyped-def]
    """Take each subject's own row (own: int64[n_subjects], -1 for none) out of its candidates, in place; the number
    left."""
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
    n_subjects = blocks[0].first.shape[0]
    has_runs = blocks[0].rows.size == 0
    no_runs = np.empty((n_subjects, 0), np.int64)
    runs = blocks[0] if has_runs else Blocks(no_runs, no_runs, blocks[0].rows)
    sizes = np.zeros(n_subjects, np.int64)
    for block in blocks[has_runs:]:
        sizes += (block.last - block.first).sum(axis=1)
    starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])
    packed = np.empty(int(starts[-1]), np.uint64)
    fill = starts[:-1].copy()
    for number, block in enumerate(blocks):
        if number > 0 or not has_runs:
            append_blocks(block.first, block.last, block.rows, np.uint64(1 << number), fill, packed)
    n_most = packed.size + int((runs.last - runs.first).sum())
    offsets, rows, passes = np.empty_like(starts), np.empty(n_most, np.uint32), np.empty(n_most, np.uint16)
    n = merge_segments(runs.first, runs.last, np.uint16(1), starts, packed, offsets, rows, passes)
    return Candidates(offsets, rows[:n], passes[:n])
