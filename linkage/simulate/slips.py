"""Every way a word of a name can go wrong, worked out once per word: tables from a word's number to its misspellings'.

Errors then are lookups of numbers, and a million names cost as much as their distinct words.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from linkage.simulate import spelling
from linkage.simulate.names import Vocabulary
from linkage.simulate.randomness import Int32s

N_TYPING_SLIPS = 8
N_SOUND_SLIPS = 4


@dataclass(frozen=True)
class Slips:
    """``tables[kind]`` has shape (n_words, variants); a word without such a slip stands for itself."""

    n_words: int  # of the vocabulary before the misspellings
    words: list[str]  # by number, misspellings after the true words
    tables: dict[str, Int32s]


def _spread(variants: list[str], n: int) -> list[str]:
    """``n`` of the variants, spread over the list, repeated when there are fewer."""
    step = max(1, len(variants) // n)
    chosen = variants[::step][:n]
    return [chosen[i % len(chosen)] for i in range(n)]


def _one(change: Callable[[str], str]) -> Callable[[str], list[str]]:
    return lambda word: [change(word)]


def _shorter(word: str) -> str:
    """Thị Thu → Thu; a single word vanishes."""
    return word.split(" ", 1)[1] if " " in word else ""


def _with(marker: str) -> Callable[[str], str]:
    return lambda word: word if word.startswith(marker) else f"{marker} {word}".strip()


def _without_marker(word: str) -> str:
    return " ".join(syllable for syllable in word.split(" ") if syllable not in ("Thị", "Văn"))


_KINDS: dict[str, Callable[[str], list[str]]] = {
    "plain": _one(spelling.without_diacritics),
    "tone_moved": _one(spelling.tone_moved),
    "hook_tilde": _one(spelling.hook_tilde),
    "i_for_y": _one(spelling.i_for_y),
    "sound": lambda word: _spread(spelling.sound_slips(word), N_SOUND_SLIPS),
    "typing": lambda word: _spread(spelling.typing_slips(word), N_TYPING_SLIPS),
    "telex": _one(spelling.telex),
    "vni": _one(spelling.vni_as_latin),
    "shorter": _one(_shorter),
    "with_thi": _one(_with("Thị")),
    "with_van": _one(_with("Văn")),
    "without_marker": _one(_without_marker),
    "abbreviated": _one(lambda word: "Ng." if word == "Nguyễn" else spelling.abbreviated(word)),
}


def build_slips(vocabulary: Vocabulary) -> Slips:
    """Misspell every word of the vocabulary; the vocabulary itself stays as it is."""
    words = list(vocabulary.words)
    extended = Vocabulary(list(words), dict(vocabulary.numbers))
    tables = {
        kind: np.array([extended.numbers_of(misspell(word)) for word in words], np.int32)
        for kind, misspell in _KINDS.items()
    }
    # Nothing written has no misspelling, only markers can be put in its place.
    for kind, table in tables.items():
        if not kind.startswith("with_"):
            table[0] = 0
    return Slips(len(words), extended.words, tables)
