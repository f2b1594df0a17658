"""Which texts are in the form that a claim id is made of as they stand, as nearly all are."""

from __future__ import annotations

import numba as nb
import numpy as np

kernel = nb.njit(cache=True, nogil=True, error_model="numpy")

_SPACE, _LINE, _DELETE = 0x20, 0x0A, 0x7F
_LATIN_1, _FIRST_COMBINING = 0xC2, 0xCC  # leading bytes of U+0080 to U+00BF, and of U+0300 and all that follows
_VIETNAMESE = 0xE1  # leading byte of U+1000 to U+1FFF; the second byte of U+1E80 to U+1EFF is BA or BB


@kernel
def are_canonical(
    text: np.ndarray,  # uint8[n_bytes], UTF-8
    offsets: np.ndarray,  # int32[n + 1], where each text begins in it
    n_lines: int,  # line feeds that each must have
    found: np.ndarray,  # bool[n], out
) -> None:
    """Whether a text surely is canonical: that many line feeds, single inner spaces, no other blank or control
    character, and no letter that NFC could change: ASCII, Latin letters under U+0300, U+1E80 to U+1EFF.

    Of what is not found here most is canonical too, and has to be looked at."""
    for row in range(found.size):
        before, n_found, is_plain = _LINE, 0, True
        for i in range(offsets[row], offsets[row + 1]):
            byte = text[i]
            if byte == _LINE:
                n_found += 1
                is_plain = is_plain and before != _SPACE
            elif byte == _SPACE:
                is_plain = is_plain and before != _SPACE and before != _LINE
            elif byte < _SPACE or byte in (_DELETE, _LATIN_1):
                is_plain = False
            elif byte >= _FIRST_COMBINING:
                is_plain = is_plain and byte == _VIETNAMESE and i + 1 < text.size and text[i + 1] in (0xBA, 0xBB)
            before = byte
        found[row] = is_plain and n_found == n_lines and before != _SPACE
