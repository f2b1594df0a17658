"""Which texts are in the form that a claim id is made of as they stand, as nearly all are, and the hash of each.

Millions of short texts are hashed a night: hashlib, which gives the same, takes longer to be called than to hash.
"""

from __future__ import annotations

import numba as nb
import numpy as np

kernel = nb.njit(cache=True, nogil=True, error_model="numpy")

# Kinds of bytes. Text of ASCII, Latin letters under U+0300 and U+1E80 to U+1EFF is of plain bytes, and of E1 with BA or
# BB behind it; C2 leads U+0080 to U+00BF, and CC and what follows lead U+0300 and all letters that NFC could change.
_PLAIN, _SPACE, _LINE, _OTHER, _E1, _BEHIND_E1 = range(6)
_N_KINDS = 6


def _kinds() -> np.ndarray:
    kinds = np.full(256, _PLAIN, np.uint8)
    kinds[[*range(0x20), 0x7F, 0xC2, *range(0xCC, 0x100)]] = _OTHER
    kinds[[0x20, 0x0A, 0xE1]] = _SPACE, _LINE, _E1
    kinds[[0xBA, 0xBB]] = _BEHIND_E1
    return kinds


def _refused() -> np.ndarray:
    """By the kinds of a byte and of the one behind it, whether both are in no canonical text."""
    refused = np.zeros((_N_KINDS, _N_KINDS), np.bool_)
    refused[_OTHER], refused[:, _OTHER] = True, True
    refused[_SPACE, _SPACE] = refused[_SPACE, _LINE] = refused[_LINE, _SPACE] = True
    refused[_E1], refused[_E1, _BEHIND_E1] = True, False
    return refused.reshape(-1)


_KINDS, _REFUSED = _kinds(), _refused()


@kernel
def are_canonical(
    text: np.ndarray,  # uint8[n_bytes], UTF-8
    offsets: np.ndarray,  # int32[n + 1], where each text begins in it
    n_lines: int,  # line feeds that each must have
    found: np.ndarray,  # bool[n], out
) -> None:
    """Whether a text surely is canonical: that many line feeds, single inner spaces, no other blank or control
    character, and no letter that NFC could change.

    Of what is not found here most is canonical too, and has to be looked at."""
    for row in range(found.size):
        before, n_found, is_refused = _LINE, 0, False
        for i in range(offsets[row], offsets[row + 1]):
            kind = _KINDS[text[i]]
            is_refused |= _REFUSED[before * _N_KINDS + kind]
            n_found += kind == _LINE
            before = kind
        found[row] = not (is_refused or _REFUSED[before * _N_KINDS + _LINE]) and n_found == n_lines


# BLAKE2b of RFC 7693: the initial state, the rotations, and the order of the words of a message in each round.
_STATE = np.array(
    [
        *(0x6A09E667F3BCC908, 0xBB67AE8584CAA73B, 0x3C6EF372FE94F82B, 0xA54FF53A5F1D36F1),
        *(0x510E527FADE682D1, 0x9B05688C2B3E6C1F, 0x1F83D9ABFB41BD6B, 0x5BE0CD19137E2179),
    ],
    np.uint64,
)
_ORDER = np.array(
    [
        (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
        (14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3),
        (11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4),
        (7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8),
        (9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13),
        (2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9),
        (12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11),
        (13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10),
        (6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5),
        (10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0),
        (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
        (14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3),
    ],
    np.uint8,
)
_COLUMNS = np.array(
    [
        (0, 4, 8, 12),
        (1, 5, 9, 13),
        (2, 6, 10, 14),
        (3, 7, 11, 15),
        (0, 5, 10, 15),
        (1, 6, 11, 12),
        (2, 7, 8, 13),
        (3, 4, 9, 14),
    ],
    np.uint8,
)
_BLOCK, _DIGEST = 128, 16  # bytes
_PARAMETERS = np.uint64(0x01010000 | _DIGEST)  # no key, one leaf


@kernel
def digest_texts(
    text: np.ndarray,  # uint8[n_bytes]
    offsets: np.ndarray,  # int32[n + 1], where each text begins in it
    digests: np.ndarray,  # uint64[n, 2], out: the first and the last eight bytes, the first byte highest
) -> None:
    """BLAKE2b of 16 bytes of each text."""
    state, message, work = np.empty(8, np.uint64), np.empty(16, np.uint64), np.empty(16, np.uint64)
    for row in range(digests.shape[0]):
        start, end = offsets[row], offsets[row + 1]
        for i in range(8):
            state[i] = _STATE[i]
        state[0] ^= _PARAMETERS
        while True:
            stop = min(start + _BLOCK, end)
            _load(text, start, stop, message)
            is_last = stop == end
            _compress(state, message, work, np.uint64(stop - offsets[row]), is_last)
            start = stop
            if is_last:
                break
        digests[row, 0], digests[row, 1] = _swapped(state[0]), _swapped(state[1])


@kernel
def _load(text: np.ndarray, start: int, stop: int, message: np.ndarray) -> None:
    """The bytes of a block as 16 words, the lowest byte first; zeros behind the last."""
    for i in range(16):
        message[i] = np.uint64(0)
    for k in range(stop - start):
        message[k >> 3] |= np.uint64(text[start + k]) << np.uint64(8 * (k & 7))


@kernel
def _compress(state: np.ndarray, message: np.ndarray, v: np.ndarray, n_bytes: np.uint64, is_last: bool) -> None:
    for i in range(8):
        v[i], v[i + 8] = state[i], _STATE[i]
    v[12] ^= n_bytes
    if is_last:
        v[14] = ~v[14]
    for r in range(12):
        for g in range(8):
            a, b, c, d = _COLUMNS[g]
            x, y = message[_ORDER[r, 2 * g]], message[_ORDER[r, 2 * g + 1]]
            v[a] += v[b] + x
            v[d] = _rotated(v[d] ^ v[a], 32)
            v[c] += v[d]
            v[b] = _rotated(v[b] ^ v[c], 24)
            v[a] += v[b] + y
            v[d] = _rotated(v[d] ^ v[a], 16)
            v[c] += v[d]
            v[b] = _rotated(v[b] ^ v[c], 63)
    for i in range(8):
        state[i] ^= v[i] ^ v[i + 8]


@kernel
def _rotated(word: np.uint64, bits: int) -> np.uint64:
    """To the right."""
    return (word >> np.uint64(bits)) | (word << np.uint64(64 - bits))


@kernel
def _swapped(word: np.uint64) -> np.uint64:
    """With its eight bytes in the other order."""
    swapped = np.uint64(0)
    for k in range(8):
        swapped = (swapped << np.uint64(8)) | ((word >> np.uint64(8 * k)) & np.uint64(255))
    return swapped
