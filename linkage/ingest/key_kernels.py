"""A 64-bit hash of every key: equal keys have equal hashes, so that only keys whose hash comes again are compared."""

from __future__ import annotations

import numba as nb
import numpy as np

kernel = nb.njit(cache=True, nogil=True, error_model="numpy")


@kernel
def hash_texts(
    text: np.ndarray,  # uint8[n_bytes]
    offsets: np.ndarray,  # int32[n + 1], where each key begins in ``text``
    hashes: np.ndarray,  # uint64[n], out
) -> None:
    """h = mix(h ^ w) over the words w of eight bytes (the last one filled with zeros), from h = mix(length)."""
    for row in range(hashes.size):
        i, end = offsets[row], offsets[row + 1]
        h = _mix(np.uint64(end - i))
        while i < end:
            word = np.uint64(0)
            for place in range(min(8, end - i)):
                word |= np.uint64(text[i + place]) << np.uint64(8 * place)
            h = _mix(h ^ word)
            i += 8
        hashes[row] = h


@kernel
def _mix(x: np.uint64) -> np.uint64:
    """The finaliser of SplitMix64 (Steele, Lea and Flood 2014): one to one, and every bit moves half the others."""
    x += np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
