"""Finds texts that begin with one of some names: records that may be a header, keys that may be no key."""

from __future__ import annotations

import numba as nb
import numpy as np

kernel = nb.njit(cache=True, nogil=True, error_model="numpy")

SPACE, QUOTE, EQUALS = 32, 34, 61


@kernel
def begin_with_names(
    text: np.ndarray,  # uint8[n_bytes]
    starts: np.ndarray,  # int64[n_records]
    ends: np.ndarray,  # int64[n_records]
    names: np.ndarray,  # uint8[n_bytes], end to end, lower case
    offsets: np.ndarray,  # int32[n_names + 1], where each begins
    may_begin: np.ndarray,  # bool[256, 256], whether a name may begin with two bytes
    found: np.ndarray,  # bool[n_records], out
) -> None:
    """Whether a record begins with one of some names, whatever the case of a-z; of a name with other letters only what
    stands before these is compared. Blanks, quotes, "=" and invisible characters before it are passed over."""
    for row in range(starts.size):
        i = _after_marks(text, starts[row], ends[row])
        found[row] = False
        is_likely = i + 1 < ends[row] and may_begin[text[i], text[i + 1]]
        for name in range(offsets.size - 1 if is_likely else 0):
            if _begins_with(text, i, ends[row], names, offsets[name], offsets[name + 1]):
                found[row] = True
                break


@kernel
def _after_marks(text: np.ndarray, i: int, end: int) -> int:
    """The first byte that is no blank, quote, "=", byte order mark or zero-width character (EF BB BF, E2 80 8B-8F)."""
    while i < end:
        if text[i] <= SPACE or text[i] == QUOTE or text[i] == EQUALS:
            i += 1
        elif i + 2 < end and (
            (text[i] == 0xEF and text[i + 1] == 0xBB and text[i + 2] == 0xBF)
            or (text[i] == 0xE2 and text[i + 1] == 0x80 and 0x8B <= text[i + 2] <= 0x8F)
        ):
            i += 3
        else:
            break
    return i


@kernel
def _begins_with(text: np.ndarray, i: int, end: int, names: np.ndarray, begin: int, stop: int) -> bool:
    """Whether the text from ``i`` on begins with the bytes ``begin`` to ``stop`` of the names."""
    for place in range(begin, stop):
        if i >= end:
            return False
        if names[place] >= 0x80:
            return True
        byte = text[i]
        if 65 <= byte <= 90:
            byte += 32
        if byte != names[place]:
            return False
        i += 1
    return True
