"""Joins the blocks of all passes into the candidates of each claim, each pair once, with the passes that found it.

Nearly all candidates are runs of neighbouring rows: the blocks of the pass that the registry is sorted by. They stay
runs, to be compared where they lie, until most of them have been ruled out; what the other passes find is a list.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from blocking.parts import Blocks, RemovedRows, n_within

kernel = njit(cache=True, nogil=True, error_model="numpy")

PASS_BITS = 16  # a candidate carries one bit per pass
RUN_BIT = np.uint16(1)  # the first pass, the only one that can be the order of the registry
_ROW_SHIFT = np.uint64(PASS_BITS)
_SPREAD = np.uint64(0x9E3779B9)  # the golden ratio: Fibonacci hashing, of neighbouring rows too


@dataclass(frozen=True)
class Candidates:
    """Claim s meets rows[offsets[s]:offsets[s + 1]]; passes: uint16[n], bit p set when pass p found the
    pair."""

    offsets: NDArray[np.int64]
    rows: NDArray[np.uint32]
    passes: NDArray[np.uint16]


@dataclass(frozen=True)
class Found:
    """Claim s meets the rows [first, last) of its runs, int64[n_claims, w], ascending, w may be 0; and others.

    others: what else was found, rows in any order; where a row stands in a run too, its passes say so. n_candidates:
    int64[n_claims], distinct rows of both; a claim's own row is not counted, nor are rows that are gone, which may
    stand in runs but not among the others.
    """

    first: NDArray[np.int64]
    last: NDArray[np.int64]
    others: Candidates
    n_candidates: NDArray[np.int64]


@kernel
def append_blocks(first, last, rows, removed, bit, fill, packed):  # type: ignore[no-untyped-def]
    """Append row << 16 | bit of every block position to the claims' segments of packed; fill: int64[n] next free
    place. removed: uint8[k], bit r % 8 of byte r / 8 is set for a row r that is left out."""
    for s in range(first.shape[0]):
        place = fill[s]
        for w in range(first.shape[1]):
            for k in range(first[s, w], last[s, w]):
                row = np.uint64(rows[k])
                packed[place] = (row << _ROW_SHIFT) | bit
                byte = np.int64(row >> np.uint64(3))
                place += byte >= removed.shape[0] or removed[byte] >> (row & np.uint64(7)) & 1 == 0
        fill[s] = place


@kernel
def merge_segments(starts, ends, packed, slots, offsets, rows, passes):  # type: ignore[no-untyped-def]
    """The rows of each claim's segment packed[starts[s]:ends[s]], each once with all its passes' bits, in the order
    in which they are first met; the number of them.

    slots: uint64[2**b] zeros, more than the longest segment has rows; a hash table of one claim after the other, an
    entry says whose it is. Cheaper than to sort what will mostly be ruled out.
    """
    low, entry = np.uint64((1 << PASS_BITS) - 1), np.uint64(0xFFFFFFFF)
    mask, shift = np.uint64(slots.shape[0] - 1), np.uint64(32)
    n_out = 0
    for s in range(ends.shape[0]):
        offsets[s] = n_out
        owner = np.uint64(s + 1)
        for place in range(starts[s], ends[s]):
            row, bits = packed[place] >> _ROW_SHIFT, np.uint16(packed[place] & low)
            slot = ((row * _SPREAD) >> np.uint64(16)) & mask
            while slots[slot] >> shift == owner and rows[slots[slot] & entry] != row:
                slot = (slot + np.uint64(1)) & mask
            if slots[slot] >> shift == owner:
                passes[slots[slot] & entry] |= bits
            else:
                slots[slot] = (owner << shift) | np.uint64(n_out)
                rows[n_out] = row
                passes[n_out] = bits
                n_out += 1
    offsets[ends.shape[0]] = n_out
    return n_out


@kernel
def mark_in_runs(first, last, offsets, rows, passes, own, n_candidates):  # type: ignore[no-untyped-def]
    """Add RUN_BIT to the passes of the listed rows that stand in a run of their claim, and count the candidates.

    first, last: int64[n_claims, w]; own: int64[n_claims], a row that is no candidate, -1 for none. n_candidates:
    int64[n_claims] out.
    """
    for s in range(first.shape[0]):
        listed, bits = rows[offsets[s] : offsets[s + 1]], passes[offsets[s] : offsets[s + 1]]
        # Each listed row once and not the own one, then the runs without those and without the own one. Without
        # branches, so that the compiler makes vector instructions of it.
        n = 0
        for k in range(listed.shape[0]):
            n += np.int64(listed[k]) != own[s]
        for w in range(first.shape[1]):
            low, size = np.uint64(first[s, w]), np.uint64(last[s, w] - first[s, w])
            n += np.int64(size) - (first[s, w] <= own[s] < last[s, w])
            for k in range(listed.shape[0] if size > 0 else 0):
                is_in_run = np.uint64(listed[k]) - low < size
                bits[k] |= RUN_BIT * np.uint16(is_in_run)
                n -= is_in_run & (np.int64(listed[k]) != own[s])
        n_candidates[s] = n


@kernel
def merge_lists(runs, listed, out):  # type: ignore[no-untyped-def]
    """Put together two lists in CSR form over the claims; of a row in both the second's is taken, at the first's
    place.

    runs: (offsets, rows: uint32[n], ascending, codes: uint32[n]); listed: (offsets, rows: uint32[k], passes: uint16[k],
    codes: uint32[k]), RUN_BIT set where the row stands in a run; out: (offsets, rows, passes, codes) of what is merged.
    Returns the number of merged candidates.
    """
    run_offsets, run_rows, run_codes = runs
    offsets, rows, passes, codes = listed
    out_offsets, out_rows, out_passes, out_codes = out
    n_out = 0
    for s in range(offsets.shape[0] - 1):
        out_offsets[s] = n_out
        own = slice(run_offsets[s], run_offsets[s + 1])
        own_rows, own_codes = run_rows[own], run_codes[own]
        n_merged, end = own_rows.shape[0], n_out + own_rows.shape[0] + offsets[s + 1] - offsets[s]
        to_rows, to_passes, to_codes = out_rows[n_out:end], out_passes[n_out:end], out_codes[n_out:end]
        # One loop each, so that the compiler makes vector instructions of them.
        for k in range(own_rows.shape[0]):
            to_rows[k] = own_rows[k]
        for k in range(own_rows.shape[0]):
            to_passes[k] = RUN_BIT
        for k in range(own_rows.shape[0]):
            to_codes[k] = own_codes[k]
        for k in range(offsets[s], offsets[s + 1]):
            place = n_merged
            if passes[k] & RUN_BIT:
                there = np.searchsorted(own_rows, rows[k])
                if there < own_rows.shape[0] and own_rows[there] == rows[k]:
                    place = there
            to_rows[place] = rows[k]
            to_passes[place] = passes[k]
            to_codes[place] = codes[k]
            n_merged += place == n_merged
        n_out += n_merged
    out_offsets[offsets.shape[0] - 1] = n_out
    return n_out


def gather(
    passes: Sequence[Sequence[Blocks]], removed: RemovedRows, own_rows: NDArray[np.int64] | None = None
) -> Found:
    """Candidates of a tile from the blocks that its passes (at most 16) found, by pass and part.

    removed: rows that are gone; own_rows: int64[n_claims], where the claims are records of the registry. Neither
    are candidates, but may be found in the runs, and the own rows among the others.
    """
    run_blocks = passes[0][0]
    n_claims = run_blocks.first.shape[0]
    has_runs = run_blocks.rows.size == 0
    listed = [(number, block) for number, blocks in enumerate(passes) for block in blocks][has_runs:]
    sizes = np.zeros(n_claims, np.int64)
    for _, block in listed:
        sizes += (block.last - block.first).sum(axis=1)
    starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])
    packed = np.empty(int(starts[-1]), np.uint64)
    ends = starts[:-1].copy()
    for number, block in listed:
        append_blocks(block.first, block.last, block.rows, removed.bits, np.uint64(1 << number), ends, packed)
    offsets, rows, bits = np.empty_like(starts), np.empty(packed.size, np.uint32), np.empty(packed.size, np.uint16)
    slots = np.zeros(1 << (2 * int((ends - starts[:-1]).max(initial=0)) + 1).bit_length(), np.uint64)
    n = merge_segments(starts, ends, packed, slots, offsets, rows, bits)
    others = Candidates(offsets, rows[:n], bits[:n])
    # Runs do not overlap, so sorting both ends by themselves keeps them together.
    first, last = (np.sort(side[:, : side.shape[1] * has_runs], axis=1) for side in (run_blocks.first, run_blocks.last))
    own, n_candidates = np.full(n_claims, -1) if own_rows is None else own_rows, np.empty(n_claims, np.int64)
    mark_in_runs(first, last, others.offsets, others.rows, others.passes, own, n_candidates)
    if removed.rows.size:
        n_candidates -= n_within(removed.rows, first, last).sum(axis=1)
    return Found(first, last, others, n_candidates)


def merge(
    offsets: NDArray[np.int64],
    rows: NDArray[np.uint32],
    codes: NDArray[np.uint32],
    others: Candidates,
    other_codes: NDArray[np.uint32],
) -> tuple[Candidates, NDArray[np.uint32]]:
    """The candidates of runs and of a list, and the code that each was given, uint32.

    offsets, rows, codes: of the runs in CSR form, rows ascending; of a row in both the one of ``others`` is taken,
    whose passes hold the run's.
    """
    size = rows.size + others.rows.size
    out_rows, out_passes, out_codes = np.empty(size, np.uint32), np.empty(size, np.uint16), np.empty(size, np.uint32)
    out_offsets = np.empty_like(offsets)
    listed = (others.offsets, others.rows, others.passes, other_codes)
    n = merge_lists((offsets, rows, codes), listed, (out_offsets, out_rows, out_passes, out_codes))
    return Candidates(out_offsets, out_rows[:n], out_passes[:n]), out_codes[:n]
