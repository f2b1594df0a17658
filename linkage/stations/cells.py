"""Where doses come from: a cell is a facility's doses in one file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from linkage.doses.claims import grouped
from linkage.ingest.records import Records

Rows = NDArray[np.int64]
# Of a key to sort by; those between hold the first bits of the record's own key.
_CELL_BITS, _TIE_BITS = 24, 16


@dataclass(frozen=True)
class Cells:
    """Cells in the order of their files, then of their facilities.

    of_record: int32[n_records], the cell of each; keys: uint64[n_records], a hash of what each states, by which records
    are chosen whatever their order; by_key: int32[n_records], the records by cell, then by key; file, facility:
    int32[n_cells], numbers of names; facilities: None for the doses that state no facility.
    """

    of_record: NDArray[np.int32]
    keys: NDArray[np.uint64]
    by_key: NDArray[np.int32]
    file: NDArray[np.int32]
    facility: NDArray[np.int32]
    files: tuple[str, ...]
    facilities: tuple[str | None, ...]

    @property
    def is_coded(self) -> NDArray[np.bool_]:
        """Whether the doses of each cell state a facility: bool[n_cells]."""
        return np.array([name is not None for name in self.facilities], np.bool_)[self.facility]

    def count(self, rows: Rows) -> NDArray[np.int64]:
        """How many of some records each cell has: int64[n_cells]."""
        return np.bincount(self.of_record[rows], minlength=self.file.size)

    def rows_of(self, cells: NDArray[np.bool_]) -> Rows:
        """The records of the cells that are True, bool[n_cells], ascending."""
        return np.flatnonzero(cells[self.of_record])

    def sample(self, is_eligible: NDArray[np.bool_], n_most: int) -> Rows:
        """At most so many of the eligible records of each cell, bool[n_records]: those with the least of their keys,
        one of each key."""
        rows = self.by_key[is_eligible[self.by_key]].astype(np.int64)
        cell, key = self.of_record[rows], self.keys[rows]
        is_new = np.append(True, (cell[1:] != cell[:-1]) | (key[1:] != key[:-1]))[: rows.size]
        rows, cell = rows[is_new], cell[is_new]
        starts = np.flatnonzero(np.append(True, cell[1:] != cell[:-1])[: cell.size])
        place = np.arange(cell.size) - np.repeat(starts, np.diff(np.append(starts, cell.size)))
        return np.asarray(rows[place < n_most])


def cells_of(
    records: Records,
    facility_hashes: NDArray[np.uint64],
    keys: NDArray[np.uint64],
    ties: NDArray[np.uint16],
    files: Sequence[tuple[str, int]],
) -> Cells:
    """The cells of records.

    Parameters
    ----------
    facility_hashes : uint64[n_records], a hash of each one's facility code, 0 where it states none
    keys : uint64[n_records], hashes of the claims
    ties : uint16[n_records], hashes of the doses: of a claim's doses the same one is chosen whatever their order
    files : names and numbers of records of the files that the records come from, in their order
    """
    hashes, facility, first = grouped(facility_hashes)
    codes = records.take(first.astype(np.int64), ["facility_code"]).column(0)
    texts = pc.utf8_trim_whitespace(pc.fill_null(codes, "")).to_pylist()
    names = tuple(text if hash_ else None for text, hash_ in zip(texts, hashes.tolist(), strict=True))
    both = np.repeat(np.arange(len(files)), [n for _, n in files]) * max(1, hashes.size) + facility
    is_present = np.bincount(both) > 0
    number = np.cumsum(is_present, dtype=np.int32) - np.int32(1)
    file_of_cell, facility_of_cell = np.divmod(np.flatnonzero(is_present), max(1, hashes.size))
    of_record = number[both]
    by_cell = of_record.astype(np.uint64) << np.uint64(64 - _CELL_BITS)
    by_cell |= keys >> np.uint64(_CELL_BITS + _TIE_BITS) << np.uint64(_TIE_BITS) | ties
    return Cells(
        of_record,
        keys,
        np.argsort(by_cell).astype(np.int32),
        file_of_cell.astype(np.int32),
        facility_of_cell.astype(np.int32),
        tuple(name for name, _ in files),
        names,
    )
