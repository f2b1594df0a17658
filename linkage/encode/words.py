"""The words of a text field as kernels read them: letters as numbers, and signatures of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.comparators.text_bounds import letter_signatures


@dataclass(frozen=True)
class WordTable:
    """letters: uint8[n] or, where there are more than 256, uint32[n] numbers of the words' letters one after the other,
    equal where the letters are, all under n_letters; starts: int64[n_words + 1]; longest: letters of the longest word;
    signatures: uint64[n_words, 3]."""

    letters: NDArray[np.uint8] | NDArray[np.uint32]
    starts: NDArray[np.int64]
    longest: int
    n_letters: int
    signatures: NDArray[np.uint64]

    @property
    def n_words(self) -> int:
        return self.starts.size - 1


def word_table(words: Sequence[str]) -> WordTable:
    """The table of some words."""
    sizes = np.fromiter(map(len, words), np.int64, len(words))
    starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])
    points = np.frombuffer("".join(words).encode("utf-32-le"), np.uint32)
    alphabet = np.zeros(int(points.max(initial=0)) + 1, np.uint32)
    alphabet[points] = 1
    n_letters = int(alphabet.sum())
    numbers = np.cumsum(alphabet, dtype=np.uint32) - np.uint32(1)
    letters = numbers[points] if n_letters > 1 << 8 else numbers.astype(np.uint8)[points]
    signatures = np.empty((len(words), 3), np.uint64)
    letter_signatures(letters, starts, signatures)
    return WordTable(letters, starts, int(sizes.max(initial=0)), n_letters, signatures)
