"""The syllable dictionary of names, and names as fixed-width rows of syllable ids.

The inventory of Vietnamese syllables is small (some 1,450 with diacritics), so a name is six 16-bit ids and
everything that two syllables can have in common is read from tables by id. The dictionary belongs to the registry
index and grows by appending: a batch extends a copy of it by the syllables that only its doses have. Keys of whole
names are made from hashes of the syllables' content, so they are the same in every index and every batch.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from blocking.keys import mix
from linkage.machine.text_hashes import content_hashes
from linkage.standardise.names import ascii_fold, sound_key, toneless
from linkage.standardise.names_words import COMMON_SYLLABLES
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


@dataclass(frozen=True)
class SplitNames:
    """Names of n rows as far as no dictionary is needed: k distinct ones, made of v words.

    words : the words, word 0 the empty one
    places : uint32[k, 6], the words of each distinct name
    rows : int32[n], the distinct name of each row
    key, plain, given : uint64[n], see EncodedNames
    """

    words: list[str]
    places: NDArray[np.uint32]
    rows: NDArray[np.int32]
    key: NDArray[np.uint64]
    plain: NDArray[np.uint64]
    given: NDArray[np.uint64]


Tables = tuple[NDArray[np.uint16], NDArray[np.uint16], NDArray[np.uint16], NDArray[np.uint64], NDArray[np.uint8]]


class SyllableDictionary:
    """Syllables in the order of their ids; id 0 is the empty one."""

    def __init__(self, syllables: list[str] | None = None) -> None:
        self._syllables = list(syllables or [""])
        self._ids = {syllable: i for i, syllable in enumerate(self._syllables)}
        self._tables: Tables | None = None  # of as many syllables as there were when they were asked for
        self._plain: list[str] = []  # without diacritics, of as many syllables as were asked for so far

    def copy(self) -> SyllableDictionary:
        """A dictionary that can grow without changing this one."""
        return SyllableDictionary(self._syllables)

    @property
    def syllables(self) -> list[str]:
        return list(self._syllables)

    def ids(self, syllables: list[str]) -> NDArray[np.uint16]:
        """Ids of distinct syllables, new ones appended in sorted order so that row order does not matter; 0 for those
        that the dictionary has no place for."""
        room = MAX_SYLLABLES - len(self._syllables)
        for syllable in sorted(set(syllables) - self._ids.keys())[:room]:
            self._ids[syllable] = len(self._syllables)
            self._syllables.append(syllable)
        return np.array([self._ids.get(syllable, 0) for syllable in syllables], np.uint16)

    def tables(self) -> Tables:
        """(toneless, plain, sound: uint16[V], letters: uint64[V], common: uint8[V]) as models.comparators.name takes
        them."""
        if self._tables is None or self._tables[0].size < len(self._syllables):
            plain, letters = self._plain_tables()
            sounds = _group_ids([sound_key(p) for p in self._plain])
            common = np.array([p in COMMON_SYLLABLES for p in self._plain], np.uint8)
            self._tables = _group_ids([toneless(s) for s in self._syllables]), plain, sounds, letters, common
        return self._tables

    def _plain_tables(self) -> tuple[NDArray[np.uint16], NDArray[np.uint64]]:
        """The tables of the syllables without diacritics: (plain: uint16[V], letters: uint64[V])."""
        self._plain += [ascii_fold(s) for s in self._syllables[len(self._plain) :]]
        letters = [int.from_bytes(p.encode("ascii")[:8], "little") for p in self._plain]
        return _group_ids(self._plain), np.array(letters, np.uint64)

    def signatures(self, names: NDArray[np.uint16]) -> NDArray[np.uint64]:
        """The signatures of names of syllables, uint16[n, 6], as of `EncodedNames`."""
        return signatures_of(names, *self._plain_tables())

    def encode(self, names: SplitNames) -> EncodedNames:
        """Give the words of names their ids; the dictionary grows. A name with a word that it has no place for is
        unknown: there are some thousand syllables, and such a column holds no names."""
        syllables = self.ids(names.words)[names.places]
        syllables[((syllables == 0) & (names.places > 0)).any(axis=1)] = 0
        signatures = self.signatures(syllables)
        rows = names.rows
        return EncodedNames(syllables[rows], names.key, names.plain, names.given, signatures[rows])


def split_names(canonical: pa.StringArray) -> SplitNames:
    """Split canonical names (syllables parted by one space, empty or null: missing) into words."""
    names = pc.fill_null(canonical, "").dictionary_encode()
    parts = pc.split_pattern(names.dictionary, " ")
    flat = parts.flatten().dictionary_encode()
    words = ["", *flat.dictionary.to_pylist()]
    codes = flat.indices.to_numpy(zero_copy_only=False).astype(np.uint32) + np.uint32(1)
    starts = parts.offsets.to_numpy().astype(np.int64) - parts.offsets[0].as_py()
    # The empty name splits into one empty word.
    is_missing = pc.equal(names.dictionary, "").to_numpy(zero_copy_only=False)
    n_words = np.where(is_missing, 0, np.diff(starts))
    places, *hashes = _word_columns(words, codes, starts, n_words)
    rows = names.indices.to_numpy(zero_copy_only=False)
    return SplitNames(words, places, rows, *(column[rows] for column in hashes))


def _word_columns(
    words: list[str], codes: NDArray[np.uint32], starts: NDArray[np.int64], n_words: NDArray[np.int64]
) -> tuple[NDArray[np.uint32], NDArray[np.uint64], NDArray[np.uint64], NDArray[np.uint64]]:
    """(places, key, plain, given) of distinct names; a name's words are ``codes`` from its start on."""
    written, folded = content_hashes(words), content_hashes([ascii_fold(word) for word in words])
    places = np.zeros((n_words.size, N_SYLLABLES), np.uint32)
    key, plain, given = (np.zeros(n_words.size, np.uint64) for _ in range(3))
    for place in range(int(n_words.max(initial=0))):
        rows = np.flatnonzero(n_words > place)
        here = codes[starts[rows] + place]
        key[rows] = mix(key[rows] ^ written[here])
        plain[rows] = mix(plain[rows] ^ folded[here])
        given[rows] = folded[here]
        # A longer name keeps its first and last three syllables: the family name and the given name are at the ends.
        column = np.where(
            n_words[rows] <= N_SYLLABLES, place, np.where(place < 3, place, place - n_words[rows] + N_SYLLABLES)
        )
        fits = (column < N_SYLLABLES) & ((column == place) | (column >= 3))
        places[rows[fits], column[fits]] = here[fits]
    return places, key, plain, given


def _group_ids(keys: list[str]) -> NDArray[np.uint16]:
    """An id per distinct key, that of its first holder: uint16[V]."""
    first: dict[str, int] = {}
    return np.array([first.setdefault(key, i) for i, key in enumerate(keys)], np.uint16)
