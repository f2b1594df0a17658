"""Any texts made plain for comparison, and the groups of a user's table that words of them are in."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray


def spaced(texts: list[pa.Array], separator: str = " ") -> pa.StringArray:
    """Columns joined, null as empty. Not with null_handling="skip": it loses rows in which all are null."""
    filled = [pc.fill_null(text, "") for text in texts]
    return filled[0] if len(filled) == 1 else pc.binary_join_element_wise(*filled, separator)


def plain_texts(texts: list[pa.Array], separator: str = " ") -> pa.StringArray:
    """Any text for comparison: the columns joined, NFKC, lower case, single spaces; empty where nothing is stated."""
    lowered = pc.utf8_lower(pc.utf8_normalize(spaced(texts, separator), "NFKC"))
    return pc.utf8_trim_whitespace(pc.replace_substring_regex(lowered, r"\s+", " "))


def nickname_groups(words: Sequence[str], groups: Sequence[Sequence[str]]) -> NDArray[np.uint32]:
    """The groups of each word, from 1 on, 0 after the last: uint32[n_words, w]; groups: words that are one name."""
    of_word: dict[str, list[int]] = {}
    for number, group in enumerate(groups, start=1):
        for word in dict.fromkeys(plain_texts([pa.array(list(group), pa.string())]).to_pylist()):
            of_word.setdefault(word, []).append(number)
    found = [of_word.get(word, []) for word in words]
    table = np.zeros((len(words), max(1, max(map(len, found), default=1))), np.uint32)
    for row, numbers in enumerate(found):
        table[row, : len(numbers)] = numbers
    return table
