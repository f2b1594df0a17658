"""Counts in a hundred million values those that are asked for."""

from __future__ import annotations

import numba as nb
import numpy as np

kernel = nb.njit(cache=True, nogil=True, error_model="numpy")

_SPREAD = np.uint64(0x9E3779B97F4A7C15)  # the golden ratio: Fibonacci hashing, so that small numbers spread too

_GUESSES = 3  # each after the first takes the root of the distance left, ten thousand places of 10^8
_AT_ONCE = 32  # values looked for
ONE_GROUP = np.empty(0, np.uint8)  # the groups of values that are in one


@kernel
def fill_slots(
    listed: np.ndarray,  # uint64[v], distinct
    slots: np.ndarray,  # int32[2**b], b > 0, more than v; -1 all over, then the place of a value in ``listed``
) -> None:
    """A hash table of values: each in the first free slot from the b leading bits of value * spread on."""
    mask, shift = np.uint64(slots.size - 1), _shift(slots.size)
    for place in range(listed.size):
        slot = (listed[place] * _SPREAD) >> shift
        while slots[slot] >= 0:
            slot = (slot + np.uint64(1)) & mask
        slots[slot] = place


def slots_of(listed: np.ndarray) -> np.ndarray:
    """The hash table of distinct values uint64[v], more than half of it free."""
    slots = np.full(1 << (2 * listed.size + 1).bit_length(), -1, np.int32)
    fill_slots(listed, slots)
    return slots


@kernel
def count_listed(
    values: np.ndarray,  # uint64[n]
    groups: np.ndarray,  # uint8[n] in 0 ... n_groups - 1, or empty for one group
    listed: np.ndarray,  # uint64[v]
    slots: np.ndarray,  # int32[2**b] that ``slots_of`` made of them
    counts: np.ndarray,  # int64[v, n_groups], added to: group 0 counts everybody
) -> None:
    """counts[place of a value, 0 and the group of the row] += 1 for every row whose value is listed."""
    mask, shift = np.uint64(slots.size - 1), _shift(slots.size)
    for row in range(values.size):
        slot = (values[row] * _SPREAD) >> shift
        while slots[slot] >= 0 and listed[slots[slot]] != values[row]:
            slot = (slot + np.uint64(1)) & mask
        place = slots[slot]
        if place >= 0:
            counts[place, 0] += 1
            if groups.size > 0 and groups[row] > 0:
                counts[place, groups[row]] += 1


@kernel
def _shift(n_slots):  # type: ignore[no-untyped-def]
    """64 - log2(n_slots)."""
    shift = 64
    while n_slots > 1:
        n_slots >>= 1
        shift -= 1
    return np.uint64(shift)


@kernel
def look_up(
    wanted: np.ndarray,  # uint64[n]
    values: np.ndarray,  # uint64[v] ascending
    counts: np.ndarray,  # uint32[v, n_groups]
    found: np.ndarray,  # uint32[n, n_groups] out: the counts of each wanted value, 0 where it is not there
    is_there: np.ndarray,  # bool[n] out
) -> None:
    """Interpolation search: values are hashes or numbers one after the other, so a value stands near where its size
    says. Where they are not spread evenly, the steps double until they enclose the value, so that nothing costs more
    than twice a binary search.

    Some are looked for at once, step by step, for a guess has to wait for memory and not for the guesses beside it.
    """
    n = values.size
    lowest = np.float64(values[0])
    per_value = (n - 1) / max(np.float64(values[n - 1]) - lowest, 1.0)
    places = np.empty(_AT_ONCE, np.int64)
    for start in range(0, wanted.size, _AT_ONCE):
        some = wanted[start : start + _AT_ONCE]
        for i in range(some.size):
            places[i] = int(min(max((np.float64(some[i]) - lowest) * per_value, 0.0), n - 1.0))
        for _ in range(_GUESSES):
            for i in range(some.size):
                # Held within the table before it is a whole number: the next value may be 2**64 places away.
                place = places[i] + (np.float64(some[i]) - np.float64(values[places[i]])) * per_value
                places[i] = int(min(max(place, 0.0), n - 1.0))
        for i in range(some.size):
            places[i] = _first_not_under(values, some[i], places[i])
            is_there[start + i] = values[places[i]] == some[i]
        for i in range(some.size):
            for group in range(counts.shape[1]):
                found[start + i, group] = counts[places[i], group] if is_there[start + i] else 0


@kernel
def _first_not_under(values, value, place):  # type: ignore[no-untyped-def]
    """The place of the first that is not under value, the last if all are; looked for from a place on."""
    low, high, step = place, place, 1
    while low > 0 and values[low] > value:
        low = max(low - step, 0)
        step *= 2
    while high < values.size - 1 and values[high] < value:
        high = min(high + step, values.size - 1)
        step *= 2
    while low < high:
        middle = (low + high) >> 1
        if values[middle] < value:
            low = middle + 1
        else:
            high = middle
    return low


@kernel
def count_each(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The distinct among uint64[n] as they are first met, uint64[v], and how often each is there, int64[v].

    For many values of which few are distinct: a hash table that grows with these stays in the processor's cache, where
    a sort goes through all of them again and again.
    """
    slots = np.full(1 << 12, -1, np.int64)
    distinct, counts = np.empty(slots.size // 2, np.uint64), np.empty(slots.size // 2, np.int64)
    mask, shift, n = np.uint64(slots.size - 1), _shift(slots.size), 0
    for value in values:
        slot = (value * _SPREAD) >> shift
        while slots[slot] >= 0 and distinct[slots[slot]] != value:
            slot = (slot + np.uint64(1)) & mask
        if slots[slot] >= 0:
            counts[slots[slot]] += 1
            continue
        if n == distinct.size:
            distinct, counts = _twice_as_long(distinct), _twice_as_long(counts)
            slots = np.full(2 * slots.size, -1, np.int64)
            mask, shift = np.uint64(slots.size - 1), _shift(slots.size)
            for place in range(n):
                slot = _free_slot(slots, distinct[place], mask, shift)
                slots[slot] = place
            slot = _free_slot(slots, value, mask, shift)
        slots[slot] = n
        distinct[n], counts[n] = value, 1
        n += 1
    return distinct[:n], counts[:n]


@kernel
def _free_slot(slots, value, mask, shift):  # type: ignore[no-untyped-def]
    """Where a value that is not in the hash table belongs."""
    slot = (value * _SPREAD) >> shift
    while slots[slot] >= 0:
        slot = (slot + np.uint64(1)) & mask
    return slot


@kernel
def _twice_as_long(values):  # type: ignore[no-untyped-def]
    """The values in an array with room for as many more."""
    longer = np.empty(2 * values.size, values.dtype)
    longer[: values.size] = values
    return longer
