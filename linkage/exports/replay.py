"""Writes rejected records back as the files that they came from, to be mended and read again as they are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from linkage.errors import UsageError
from linkage.exports.lists import Cell, ListColumn, write_workbook
from linkage.exports.parts import part_paths
from linkage.exports.rejected_records import json_cells, layouts_of, plain, read_rejected
from linkage.ingest.readers import READERS
from linkage.ingest.rows import Layout
from linkage.storage.output_paths import check_file
from linkage.storage.work_folders import replacing
from linkage.wording.cell_text import guarded_record
from linkage.wording.counted import counted

_BOM = b"\xef\xbb\xbf"
_WORKBOOK = ".xlsx"
_TEXTS = tuple(ending for ending, reader in READERS.items() if reader is READERS[".csv"] and ending.count(".") == 1)
_AT_ONCE = 1 << 14


@dataclass(frozen=True)
class _Records:
    """The rejected records of a file, which stay where they lie: text under its layout, or JSON of the cells of
    what is no text, with the names of all their columns."""

    stored: pa.ChunkedArray
    layout: Layout | None
    names: Sequence[str] = ()

    def raw(self) -> Iterator[bytes]:
        """The bytes of each, some in memory at a time."""
        for start in range(0, len(self.stored), _AT_ONCE):
            yield from self.stored.slice(start, _AT_ONCE).to_pylist()

    def rows(self) -> Iterator[list[Any]]:
        """The cells of each by its columns, of records that have such."""
        for cells in map(json_cells, self.raw()):
            if cells is not None:
                yield [cells.get(name) for name in self.names]


@dataclass(frozen=True)
class Replayed:
    """The files written, and of which files records could not be, all or some: a note each."""

    files: list[Path]
    notes: list[str]


def replay(path: Path, out: Path, inputs: Sequence[Path] = ()) -> Replayed:
    """Write rejected records into one file for each file that they came from, under its own header.

    Records of text are written as they stood, in UTF-8; records of cells as a workbook, or as CSV where ``out`` says
    so. Records that cannot be parted are told, and the others are written.

    Parameters
    ----------
    path : ``rejected.parquet`` of a run
    out : the file to write; of several files a folder, or a name that is completed by the name of each
    inputs : the files that the records came from, which are not written over

    Raises
    ------
    UsageError : there are no records, the header of no file is known, ``out`` ends in what is not written, or a file
        of several is there already
    LinkageError : a file cannot be written
    """
    is_folder = out.is_dir() or not out.suffix
    if not is_folder and out.suffix.lower() not in (*_TEXTS, _WORKBOOK):
        raise UsageError(
            f"{out.name}: rejected records are not written as {out.suffix}: use {_WORKBOOK}, {', '.join(_TEXTS)}, or "
            "name a folder"
        )
    rejected = read_rejected(path)
    if rejected.num_rows == 0:
        raise UsageError(f"{path.name}: no rejected records: nothing to replay")
    layouts = layouts_of(rejected)
    files = pc.unique(rejected["file"]).to_pylist()
    found: dict[str, _Records] = {}
    notes = []
    for file in files:
        records, n_lacking = _records(rejected, file, layouts.get(file))
        if n_lacking < len(records.stored):
            found[file] = records
            lacking = counted(n_lacking, "record", ("is", "are"))
            notes += [f"{file}: {lacking} no row of cells and not written back; --export has all"] if n_lacking else []
        else:
            notes.append(f"{file}: its header is not stored with the rejected records; link it again")
    if not found:
        raise UsageError("; ".join(notes))
    targets = _targets(out, found)
    for target, _ in targets:
        check_file(target, inputs)
        if target != out and target.exists():
            raise UsageError(f"{target}: is there already, and may be mended; name another folder")
    for target, file in targets:
        with replacing(target) as part:
            if target.suffix.lower() == _WORKBOOK:
                _write_workbook(found[file], part)
            else:
                _write_csv(found[file], part)
    return Replayed([target for target, _ in targets], notes)


def _targets(out: Path, found: Mapping[str, _Records]) -> list[tuple[Path, str]]:
    """Where the records of each file go."""
    if len(found) == 1 and out.suffix and not out.is_dir():
        ((file, records),) = found.items()
        if records.layout is not None and out.suffix.lower() == _WORKBOOK:
            raise UsageError(f"{out.name}: the records of {file} are text, written as they stood: end its name in .csv")
        return [(out, file)]
    endings = {file: _ending(out, file, found[file]) for file in found}
    return [(target, file) for file, target in part_paths(out, list(found), endings).items()]


def _ending(out: Path, file: str, records: _Records) -> str:
    """Behind the name of a file: nothing where its own ending says how it is written."""
    written = ".csv" if records.layout is not None else _WORKBOOK
    if out.suffix and not out.is_dir():
        written = out.suffix if records.layout is None else ".csv"
    ending = Path(file).suffix.lower()
    is_csv = written == ".csv" and READERS.get(ending) is READERS[".csv"]
    return "" if ending == written or is_csv else written


def _records(rejected: pa.Table, file: str, layout: Layout | None) -> tuple[_Records, int]:
    """The records of a file, and how many can be parted neither by a layout nor as JSON."""
    places = np.flatnonzero(pc.equal(rejected["file"], file).to_numpy())
    stored = rejected["raw"].slice(int(places[0]), places.size)  # they lie together, in the order of files
    if layout is not None:
        return _Records(stored, layout), 0
    names: dict[str, None] = {}
    n_lacking = 0
    for cells in map(json_cells, _Records(stored, None).raw()):
        n_lacking += cells is None
        names |= dict.fromkeys(cells or ())
    return _Records(stored, None, list(names)), n_lacking


def _write_csv(records: _Records, out: Path) -> None:
    """The header and the records; with the byte order mark that Excel needs where there is a letter to be lost."""
    is_ascii = all(line.isascii() for line in _lines(records))
    with out.open("wb") as sink:
        sink.write(b"" if is_ascii else _BOM)
        for line in _lines(records):
            sink.write(f"{line}\n".encode("utf-8", "surrogateescape"))


def _lines(records: _Records) -> Iterator[str]:
    layout = records.layout
    if layout is None:
        yield _line(records.names, ",")
        for row in records.rows():
            yield guarded_record(_line(map(plain, row), ","), ",")
        return
    yield _line(layout.header, layout.delimiter)
    errors = "surrogateescape" if layout.encoding == "utf-8" else "replace"
    for record in records.raw():
        yield guarded_record(record.decode(layout.encoding, errors), layout.delimiter)


def _line(cells: Iterable[str], delimiter: str) -> str:
    """Cells as one CSV record without its line end."""
    special = (delimiter, '"', "\n", "\r")
    quoted = ['"' + cell.replace('"', '""') + '"' if any(s in cell for s in special) else cell for cell in cells]
    return delimiter.join(quoted)


def _write_workbook(records: _Records, out: Path) -> None:
    """Cells as they were, numbers as numbers and texts as texts."""
    rows = ([_cell(cell) for cell in row] for row in records.rows())
    write_workbook([ListColumn(name) for name in records.names], rows, out, "rejected")


def _cell(value: Any) -> Cell:
    return value if isinstance(value, int | float | str) or value is None else str(value)
