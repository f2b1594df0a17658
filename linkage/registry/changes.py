"""The changes since an index was built: the second part of a registry, beside the large one that is left as it is.

A changed person is gone from the large part and stands among the few rows of the changes, as a new one does. These are
encoded and sorted as the large part is, in a folder ``changes`` of the version; dictionaries go on where those of the
large part end. Term frequencies are recounted for the values that a row that went or came bears. Nothing depends on the
order or the number of the files that the changes came in, and an answer is that of an index built afresh, as long as
this has as many buckets (blocking.lookup): with another number of them other hashes of keys collide by accident, in
some of a thousand million searches, and add or spare a candidate that does not reach the floor.

Row numbers of the changes follow those of the large part. Where the order of the rows matters, it is that of an index
built afresh: of the order of the plan's pass for it, then the id (see ``Changes.places``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blocking.lookup import PassIndex
from blocking.parts import RemovedRows
from linkage.encode.dictionaries import Columns, Dictionaries
from linkage.encode.syllables import SyllableDictionary
from linkage.ingest.records import Records, nth_absent
from linkage.registry.frequencies import Frequencies, recounted_tables
from linkage.registry.persons import open_persons
from linkage.registry.sums import CheckedFiles
from linkage.registry.versions import CHANGES, map_arrays, read_json


@dataclass(frozen=True)
class Changes:
    """What changed since the large part of n_large rows was built.

    removed: its rows that are gone; positions: by pass, uint32[k] ascending, where they stand in it; places: uint32[m]
    ascending, the rows of the large part that go before each row of the changes; columns, passes, persons: of the m
    rows; frequencies: of the registry as it is; dictionaries: those of the large part and what goes on there.
    """

    n_large: int
    removed: RemovedRows
    positions: dict[str, NDArray[np.uint32]]
    places: NDArray[np.uint32]
    columns: Columns
    passes: dict[str, PassIndex]
    persons: Records
    frequencies: dict[str, Frequencies]
    dictionaries: Dictionaries

    def nth(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """The rows that have these numbers in an index built afresh."""
        place = np.searchsorted(self._numbers, numbers)
        is_few = np.append(self._numbers, -1)[place] == numbers
        return np.where(is_few, place + self.n_large, nth_absent(self.removed.rows.astype(np.int64), numbers - place))

    @cached_property
    def _numbers(self) -> NDArray[np.int64]:
        """The number of each row of the changes in an index built afresh: int64[m], ascending."""
        places = self.places.astype(np.int64)
        return places - np.searchsorted(self.removed.rows, self.places) + np.arange(places.size)


def open_changes(
    files: CheckedFiles,
    n_large: int,
    passes: Mapping[str, PassIndex],
    frequencies: Mapping[str, Frequencies],
    dictionaries: Dictionaries,
) -> Changes:
    """The changes that ``write_changes`` wrote, among the files of a version, to a large part of n_large rows with
    these passes and so on."""
    few, texts = map_arrays(files, f"{CHANGES}/passes"), read_json(files[f"{CHANGES}/dictionaries.json"])
    rows, counts = map_arrays(files, CHANGES), map_arrays(files, f"{CHANGES}/frequencies")
    grown = replace(
        dictionaries,
        syllables=SyllableDictionary([*dictionaries.syllables.syllables, *texts["syllables"]]),
        words={name: [*words, *texts["words"][name]] for name, words in dictionaries.words.items()},
    )
    return Changes(
        n_large,
        RemovedRows.of(rows["removed"], n_large),
        map_arrays(files, f"{CHANGES}/positions"),
        rows["places"],
        map_arrays(files, f"{CHANGES}/columns"),
        {name: _few_pass(name, few, index.n_bits) for name, index in passes.items()},
        open_persons(files, f"{CHANGES}/", rows["places"].size),
        recounted_tables(frequencies, counts),
        grown,
    )


def _few_pass(name: str, arrays: Mapping[str, NDArray[Any]], n_bits: int) -> PassIndex:
    remainders, rows, starts = (arrays[f"{name}.{part}"] for part in ("remainders", "rows", "starts"))
    return PassIndex(remainders, rows, starts, n_bits)
