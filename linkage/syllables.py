"""The syllable dictionary of names, and names as fixed-width rows of syllable ids.

The inventory of Vietnamese syllables is small (some 1,450 with diacritics), so a name is six 16-bit ids and
everything that two syllables can have in common is read from tables by id. The dictionary belongs to the registry
index and grows by appending: a batch extends a copy of it by the syllables that only its doses have. Keys of whole
names are made from hashes of the syllables' content, so they are the same in every index and every batch.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from blocking.keys import mix
from linkage.errors import LinkageError
from linkage.standardise.names import ascii_fold, sound_key, toneless
from models.comparators.name import N_SYLLABLES, signatures_of

MAX_SYLLABLES = 65_535


@dataclass(frozen=True)
class EncodedNames:
    """Names of n rows. syllables: uint16[n, 6], 0 after the end; key, plain, given: uint64[n] content hashes, 0
    missing.

    key is of the whole name, plain of the name without diacritics, given of the last syllable without diacritics;
    signature is made of syllable ids, see models.comparators.name.signatures_of.
    """

    syllables: NDArray[np.uint16]
    key: NDArray[np.uint64]
    plain: NDArray[np.uint64]
    given: NDArray[np.uint64]
    signature: NDArray[np.uint64]


class SyllableDictionary:
    """Syllables in the order of their ids; id 0 is the empty one."""

    def __init__(self, syllables: list[str] | None = None) -> None:
        self._syllables = list(syllables or [""])
        self._ids = {syllable: i for i, syllable in enumerate(self._syllables)}

    def copy(self) -> SyllableDictionary:
        """A dictionary that can grow without changing this one."""
        return SyllableDictionary(self._syllables)

    @property
    def syllables(self) -> list[str]:
        return list(self._syllables)

    def ids(self, syllables: list[str]) -> NDArray[np.uint16]:
        """Ids of distinct syllables, new ones appended in sorted order so that row order does not matter."""
        new = sorted(set(syllables) - self._ids.keys())
        if len(self._syllables) + len(new) > MAX_SYLLABLES:
            raise LinkageError(
                f"names: more than {MAX_SYLLABLES} distinct syllables; check the encoding of the name column"
            )
        for syllable in new:
            self._ids[syllable] = len(self._syllables)
            self._syllables.append(syllable)
        return np.array([self._ids[syllable] for syllable in syllables], np.uint16)

    def tables(self) -> tuple[NDArray[np.uint16], NDArray[np.uint16], NDArray[np.uint16], NDArray[np.uint64]]:
        """(toneless, plain, sound: uint16[V], letters: uint64[V]) as models.comparators.name takes them."""
        plain = [ascii_fold(s) for s in self._syllables]
        letters = [int.from_bytes(p.encode("ascii")[:8], "little") for p in plain]
        return (
            _group_ids([toneless(s) for s in self._syllables]),
            _group_ids(plain),
            _group_ids([sound_key(p) for p in plain]),
            np.array(letters, np.uint64),
        )

    def hashes(self) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
        """Content hashes of the syllables as written and without diacritics: uint64[V] each, 0 for the empty one."""
        return content_hashes(self._syllables), content_hashes([ascii_fold(s) for s in self._syllables])

    def encode(self, canonical: pa.StringArray) -> EncodedNames:
        """Encode canonical names (syllables parted by one space, empty or null: missing); the dictionary grows."""
        names = pc.fill_null(canonical, "").dictionary_encode()
        distinct = _encode_distinct(self, names.dictionary)
        row = names.indices.to_numpy(zero_copy_only=False)
        return EncodedNames(**{name: column[row] for name, column in vars(distinct).items()})


def content_hashes(texts: list[str]) -> NDArray[np.uint64]:
    """A 64-bit hash of each text (BLAKE2b), the same on every machine and night; 0 for the empty text."""
    digests = [hashlib.blake2b(t.encode(), digest_size=8).digest() if t else bytes(8) for t in texts]
    return np.frombuffer(b"".join(digests), "<u8").astype(np.uint64)


def _group_ids(keys: list[str]) -> NDArray[np.uint16]:
    """An id per distinct key, that of its first holder: uint16[V]."""
    first: dict[str, int] = {}
    return np.array([first.setdefault(key, i) for i, key in enumerate(keys)], np.uint16)


def _encode_distinct(dictionary: SyllableDictionary, names: pa.StringArray) -> EncodedNames:
    """Encode distinct names."""
    parts = pc.split_pattern(names, " ")
    flat = parts.flatten().dictionary_encode()
    ids = dictionary.ids(flat.dictionary.to_pylist())[flat.indices.to_numpy(zero_copy_only=False)]
    starts = parts.offsets.to_numpy().astype(np.int64) - parts.offsets[0].as_py()
    n_syllables = np.diff(starts)
    # The empty name splits into one empty syllable, whose id is 0.
    n_syllables = np.where(pc.equal(names, "").to_numpy(zero_copy_only=False), 0, n_syllables)
    written, plain = dictionary.hashes()
    syllables = np.zeros((len(names), N_SYLLABLES), np.uint16)
    key, plain_key, given = (np.zeros(len(names), np.uint64) for _ in range(3))
    for place in range(int(n_syllables.max(initial=0))):
        rows = np.flatnonzero(n_syllables > place)
        here = ids[starts[rows] + place]
        key[rows] = mix(key[rows] ^ written[here])
        plain_key[rows] = mix(plain_key[rows] ^ plain[here])
        given[rows] = plain[here]
        # A longer name keeps its first and last three syllables: the family name and the given name are at the ends.
        column = np.where(
            n_syllables[rows] <= N_SYLLABLES, place, np.where(place < 3, place, place - n_syllables[rows] + N_SYLLABLES)
        )
        fits = (column < N_SYLLABLES) & ((column == place) | (column >= 3))
        syllables[rows[fits], column[fits]] = here[fits]
    _, plain_ids, _, letters = dictionary.tables()
    return EncodedNames(syllables, key, plain_key, given, signatures_of(syllables, plain_ids, letters))
