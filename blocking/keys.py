"""Blocking keys: 64-bit numbers made from the values that two records must share.

The upper 48 bits are a hash of the parts of the key, the lower 16 bits a hash of a second, narrowing part. All
records of a block are thus one contiguous range of the sorted keys, and an over-full block can be narrowed without a
second index. A collision of 48 bits only adds a candidate, which its comparisons then refuse. Key 0: a part is
missing, in no block.

The first 12 bits are a hash of the first part, the commune where there is one: its blocks lie together in every pass,
and its people in the registry, so claims taken by commune meet what is in memory already.
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


def _steps(salt: int) -> int:
    """The golden ratio of 64 bits, once more with each salt."""
    return 0x9E3779B97F4A7C15 * (salt + 1) & 0xFFFFFFFFFFFFFFFF


NO_SALT = np.uint64(_steps(0))


def mix(values: Keys, salt: int = 0) -> Keys:
    """Scramble uint64 values (any shape) bijectively; the finaliser of splitmix64 (Steele et al. 2014)."""
    z = values.astype(np.uint64, copy=True)
    with np.errstate(over="ignore"):
        z += np.uint64(_steps(salt))
        z ^= z >> np.uint64(30)
        z *= np.uint64(0xBF58476D1CE4E5B9)
        z ^= z >> np.uint64(27)
        z *= np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    return z


def _hashes(parts: Sequence[Keys]) -> tuple[Keys, Keys]:
    """Hashes of all parts, and their leading bits, which are a hash of the first part alone, 0 where any part is 0:
    uint64[n, product of the widths], for alternatives of several parts are crossed."""
    n = parts[0].shape[0]
    total, lead = np.zeros((n, 1), np.uint64), np.ones((n, 1), np.uint64)
    for salt, part in enumerate(parts):
        columns = part[:, None] if part.ndim == 1 else part
        crossed, leads = (np.empty((n, total.shape[1] * columns.shape[1]), np.uint64) for _ in range(2))
        cross(total, lead, columns, np.uint64(_steps(salt)), salt == 0, crossed, leads)
        total, lead = crossed, leads
    return total, lead


@kernel
def _mixed(z, step):  # type: ignore[no-untyped-def]
    """What ``mix`` makes of one value; step: that of its salt."""
    z += step
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@kernel
def cross(total, lead, part, step, is_first, crossed, leads):  # type: ignore[no-untyped-def]
    """Every hash of a record with every alternative of the next part of its key.

    total, lead: uint64[n, w], the hashes and their leading bits so far, lead 0 where a part is missing; part: uint64[n,
    v]; crossed, leads: uint64[n, w * v] out, contiguous, alike, both 0 where a part is missing.
    """
    n_before, n_more = total.shape[1], part.shape[1]
    if n_before == n_more == 1:
        # By far most keys. One loop, so that the compiler makes vector instructions of it.
        totals, knowns, values = total.ravel(), lead.ravel(), part.ravel()
        out, out_leads = crossed.ravel(), leads.ravel()
        for s in range(totals.shape[0]):
            out[s], out_leads[s] = _crossed(totals[s], knowns[s], values[s], step, is_first)
        return
    for s in range(total.shape[0]):
        for i in range(n_before):
            for j in range(n_more):
                place = i * n_more + j
                crossed[s, place], leads[s, place] = _crossed(total[s, i], lead[s, i], part[s, j], step, is_first)


@kernel
def _crossed(total, lead, value, step, is_first):  # type: ignore[no-untyped-def]
    """The hash of one with one alternative, and its leading bits."""
    both, none = _mixed(total ^ _mixed(value, step), step), np.uint64(0)
    known = (both if is_first else lead) | np.uint64(1)
    is_there = (lead != 0) & (value != 0)
    return both if is_there else none, known if is_there else none


@kernel
def assemble(total, lead, narrow, keys):  # type: ignore[no-untyped-def]
    """The bits of keys in their places: LEAD_BITS of lead, then those of total, then NARROW_BITS of what ``mix`` makes
    of narrow.

    total, lead, keys: uint64[n, w]; narrow: uint64[n], or uint64[0] where nothing narrows. A key is 0 where lead is 0,
    and nowhere else.
    """
    for s in range(keys.shape[0]):
        low = _mixed(narrow[s], NO_SALT) if narrow.shape[0] > 0 else np.uint64(0)
        for j in range(keys.shape[1]):
            block = ((lead[s, j] & _LEAD_MASK) | (total[s, j] & ~_LEAD_MASK)) & ~_NARROW_MASK
            key = max(block | (low & _NARROW_MASK), np.uint64(1 << NARROW_BITS))
            keys[s, j] = key if lead[s, j] != 0 else np.uint64(0)


def block_keys(parts: Sequence[Keys], narrow: Keys | None) -> Keys:
    """Keys of one pass: uint64[n, number of alternatives].

    Parameters
    ----------
    parts : uint64[n] each, or uint64[n, w] for alternatives; no key where any part is 0
    narrow : uint64[n], or None; 0 (missing) is a value like any other, since records without it must stay in the block
    """
    total, lead = _hashes(parts)
    keys = np.empty_like(total)
    assemble(total, lead, np.empty(0, np.uint64) if narrow is None else narrow, keys)
    return keys


def within(values: Keys, wholes: Keys) -> Keys:
    """Hashes of a value within a whole, such as a commune: uint64[n], 0 where either is missing."""
    hashed = np.empty(values.size, np.uint64)
    hash_within(values, wholes, hashed)
    return hashed


@kernel
def hash_within(values, wholes, hashed):  # type: ignore[no-untyped-def]
    """hashed[k] = a hash of a value within a whole, never 0; 0 where either is. All uint64[n]."""
    for k in range(hashed.shape[0]):
        both = _mixed(values[k] ^ _mixed(wholes[k], NO_SALT), NO_SALT) | np.uint64(1)
        hashed[k] = both if values[k] != 0 and wholes[k] != 0 else np.uint64(0)
