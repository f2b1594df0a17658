"""What both sides of a linkage must share to be comparable."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from linkage.encode.plain_texts import nickname_groups
from linkage.encode.syllables import SyllableDictionary
from linkage.encode.words import WordTable, word_table
from linkage.machine.text_hashes import content_hashes
from linkage.plan.kinds import COMPARISON_KINDS, TEXT_MEASURES
from linkage.plan.sections import Field, Plan
from linkage.standardise.places import Units

Columns = dict[str, NDArray[np.generic]]


@dataclass
class Dictionaries:
    """What both sides must share to be comparable; state that grows while a table is encoded.

    words: one list per text field, word 0 the empty one. units and commune_date fix what a commune id means;
    latest_date is the latest possible date of birth. hashes: by field and number of letters, those of the words that
    were asked for, 0 for the others. tables, groups: by field, made of its words when they were last asked for.
    """

    units: Units
    commune_date: str
    latest_date: datetime.date
    syllables: SyllableDictionary = field(default_factory=SyllableDictionary)
    words: dict[str, list[str]] = field(default_factory=dict)
    hashes: dict[tuple[str, int | None], NDArray[np.uint64]] = field(default_factory=dict, init=False, repr=False)
    tables: dict[str, WordTable] = field(default_factory=dict, init=False, repr=False)
    groups: dict[str, NDArray[np.uint32]] = field(default_factory=dict, init=False, repr=False)

    def word_table(self, name: str) -> WordTable:
        """The words of a field as kernels read them."""
        known = self.tables.get(name)
        if known is None or known.n_words < len(self.words[name]):
            known = self.tables[name] = word_table(self.words[name])
        return known

    def nickname_groups(self, spec: Field) -> NDArray[np.uint32]:
        """The groups of the user's table that each word of a field is in: uint32[n_words, w]."""
        known = self.groups.get(spec.name)
        if known is None or known.shape[0] < len(self.words[spec.name]):
            known = self.groups[spec.name] = nickname_groups(self.words[spec.name], spec.nicknames)
        return known

    def word_hashes(self, name: str, ids: NDArray[Any], n_letters: int | None = None) -> NDArray[np.uint64]:
        """Content hashes of words of a field, or of their first letters: uint64[n], 0 for the empty word."""
        words, known = self.words[name], self.hashes.get((name, n_letters), np.zeros(0, np.uint64))
        if known.size < len(words):
            known = np.append(known, np.zeros(len(words) - known.size, np.uint64))
            self.hashes[name, n_letters] = known
        # Threads may work out a hash twice, and find the same.
        new = np.unique(ids[known[ids] == 0])
        known[new] = content_hashes([words[i][:n_letters] for i in new.tolist()])
        return np.asarray(known[ids])

    def beyond(self, other: Dictionaries) -> tuple[list[str], dict[str, list[str]]]:
        """Syllables and words by which these go beyond those that they were copied from."""
        words = {name: texts[len(other.words.get(name, ())) :] for name, texts in self.words.items()}
        return self.syllables.syllables[len(other.syllables.syllables) :], words

    def with_more(self, syllables: list[str], words: dict[str, list[str]]) -> Dictionaries:
        """A copy that goes beyond these by as much."""
        more = self.copy()
        more.syllables = SyllableDictionary([*self.syllables.syllables, *syllables])
        more.words = {name: [*self.words.get(name, ()), *texts] for name, texts in words.items()}
        return more

    def copy(self) -> Dictionaries:
        """Dictionaries that a batch can extend without changing those of the index."""
        words = {name: list(texts) for name, texts in self.words.items()}
        return Dictionaries(self.units, self.commune_date, self.latest_date, self.syllables.copy(), words)


def read_words(dictionaries: Dictionaries, plan: Plan) -> None:
    """Make the tables of words that kernels read, before threads ask for them."""
    for comparison in plan.comparisons:
        if set(COMPARISON_KINDS[comparison.kind].measures) & set(TEXT_MEASURES):
            dictionaries.word_table(comparison.left[0])
