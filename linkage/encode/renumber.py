"""Dictionary ids that depend on the content of a registry alone.

While a registry is read in chunks, syllables and words get their ids in the order in which they are met. Renumbered,
they are in the order of their texts, so that the order of the rows does not show in an index.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from linkage.encode.dictionaries import Columns, Dictionaries
from linkage.encode.syllables import SyllableDictionary
from linkage.plan.sections import Plan
from models.comparators.name import signatures_of


@dataclass(frozen=True)
class Renumbering:
    """New ids by old id: syllables uint16[V]; words: by field, uint32[V]; and the dictionaries that the new ones are
    of."""

    syllables: NDArray[np.uint16]
    words: dict[str, NDArray[np.uint32]]
    dictionaries: Dictionaries


def renumbering_of(dictionaries: Dictionaries) -> Renumbering:
    """The dictionaries in the order of their texts, the empty text first as ever."""
    syllables, of_syllable = _sorted(dictionaries.syllables.syllables)
    words = {name: _sorted(texts) for name, texts in dictionaries.words.items()}
    ordered = replace(
        dictionaries,
        syllables=SyllableDictionary(syllables),
        words={name: texts for name, (texts, _) in words.items()},
    )
    return Renumbering(of_syllable.astype(np.uint16), {name: of_word for name, (_, of_word) in words.items()}, ordered)


def renumber(columns: Columns, plan: Plan, renumbering: Renumbering) -> Columns:
    """Encoded columns with the new ids, and all that is made of ids made again."""
    renumbered = dict(columns)
    _, plain, _, letters, _ = renumbering.dictionaries.syllables.tables()
    for field in plan.fields:
        if field.kind == "vietnamese_name" and field.name in columns:
            names = renumbering.syllables[columns[field.name]]
            renumbered[field.name] = names
            renumbered[f"{field.name}.signature"] = signatures_of(names, plain, letters)
        if field.name in renumbering.words:
            for name in columns.keys() & {field.name, f"{field.name}.first", f"{field.name}.second"}:
                renumbered[name] = renumbering.words[field.name][columns[name]]
    return renumbered


def _sorted(texts: list[str]) -> tuple[list[str], NDArray[np.uint32]]:
    """The texts in order, and the place there of each: uint32[V]. The empty text is the first of any order."""
    order = sorted(range(len(texts)), key=texts.__getitem__)
    place = np.empty(len(texts), np.uint32)
    place[order] = np.arange(len(texts), dtype=np.uint32)
    return [texts[i] for i in order], place
