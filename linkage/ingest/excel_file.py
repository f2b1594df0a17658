"""Reads all visible sheets with a header of an Excel or OpenDocument workbook.

Cells become the text that a person sees in them where that text is certain: a whole number up to 15 digits without
".0", a date in ISO form. The zero that an ID lost when it was stored as a number is not restored here, and a number
beyond the 15 digits that a cell holds exactly keeps its exponent, so that it shows as damaged.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from linkage.errors import InputError
from linkage.ingest.cleaning import normal_name
from linkage.ingest.header import SEARCHED_ROWS, Header, find_header, header_notes, is_header, key_notes, match_header
from linkage.ingest.reasons import REPEATED_HEADER
from linkage.ingest.rows import (
    EXACT_INTEGER,
    FileRows,
    Originals,
    Sink,
    blank_to_null,
    derived_prefix,
    schema_rows,
    value_faults,
)
from linkage.ingest.unread import EXCUSED, NEVER_EXCUSED
from linkage.schema import TableSchema
from linkage.workbooks.archive import Findings
from linkage.workbooks.reading import read_workbook
from linkage.workbooks.sheets import Cell, Sheet

_EPOCH_OF_1904 = datetime.date(1904, 1, 1)
_DAY_COUNT = re.compile(r"\s{0,9}([0-9]{4,5})(?:[.,][0-9]{1,15})?\s{0,9}")
_SERIALS_OF_1904 = range(10_000 - 1462, 60_000 - 1462)  # the dates of 10,000 to 60,000 days from 1899-12-30


@dataclass(frozen=True)
class _Table:
    """Rows under one header, their numbers in the sheet and the column that they begin with, from 1; ``is_joined``: the
    header stands in the midst of a sheet, as its first row."""

    header: Header
    rows: list[list[Cell]]
    sheet: str
    numbers: list[int]
    first_column: int
    is_joined: bool = False


def read_excel(
    path: Path, table: TableSchema, columns: Mapping[str, str] | None, file: str, sink: Sink, scratch: Path | None
) -> FileRows:
    """Reads one workbook, which is in memory meanwhile.

    Raises InputError when it is damaged, unsafe, protected, empty, or has no sheet with the required columns.
    """
    answer = read_workbook(path, file, SEARCHED_ROWS)
    findings = answer.findings
    with path.open("rb") as stream:
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    tables, notes = _tables(answer.sheets, table, columns, file)
    faults, stated, lost = list[np.ndarray](), set[str](), set[str]()
    for part in tables:
        n_before = sum(found.size for found in faults)
        if part.header.lacks_key(table):
            part = replace(part, header=replace(part.header, key_prefix=derived_prefix(sha256)))
            notes += key_notes(part.header)
        texts = _texts(part, n_before, table, findings.has_epoch_1904)
        found = value_faults(texts, table, part.header)
        if part.is_joined:
            found[0] |= REPEATED_HEADER
        sound = texts.filter(pa.array(found == 0)) if found.any() else texts
        sink(sound)
        stated |= {name for name in table.names if sound.column(name).null_count < len(sound)}
        lost |= _with_lost_cells(part, table, findings)
        faults.append(found)
    all_faults = np.concatenate(faults)
    bad = np.flatnonzero(all_faults)
    lost -= stated
    ends = np.cumsum([len(part.rows) for part in tables])

    def originals(wanted: np.ndarray) -> Originals:
        parts = [tables[number] for number in np.searchsorted(ends, wanted).tolist()]
        starts = dict(zip(map(id, tables), (ends - [len(part.rows) for part in tables]).tolist(), strict=True))
        found = [(part, place - 1 - starts[id(part)]) for part, place in zip(parts, wanted.tolist(), strict=True)]
        return Originals(
            [_row_json(part.header.names, part.rows[row]) for part, row in found],
            [part.numbers[row] for part, row in found],
            [part.sheet for part in parts],
        )

    return FileRows(
        format="excel",
        sha256=sha256,
        n_records=int(ends[-1]),
        bad_positions=bad + 1,
        faults=all_faults[bad],
        originals=originals,
        notes=(*dict.fromkeys(notes), *_finding_notes(findings), *map(_lost_note, sorted(lost))),
        names=tuple(dict.fromkeys(name for part in tables for name in part.header.names)),
        read=frozenset[str]().union(*(part.header.columns(table) for part in tables)),
        unread=frozenset(lost - NEVER_EXCUSED),
    )


def _tables(
    sheets: list[Sheet], table: TableSchema, columns: Mapping[str, str] | None, file: str
) -> tuple[list[_Table], list[str]]:
    """The tables of all visible sheets that have the header, and what to tell of the file."""
    found: list[_Table] = []
    notes: list[str] = []
    read: list[str] = []
    skipped: dict[str, list[str]] = {"hidden": [], "without the header": []}
    errors: list[InputError] = []
    for sheet in sheets:
        if not sheet.rows:
            continue
        head = [[_cell_text(cell) for cell in row] for row in sheet.head]
        try:
            number, header = find_header(head, table, columns, file)
        except InputError as error:
            skipped["without the header"].append(sheet.name)
            errors += [error] if sheet.is_visible else []
            continue
        if not sheet.is_visible:
            skipped["hidden"].append(sheet.name)
            continue
        read.append(sheet.name)
        notes += header_notes(header, number)
        found += _split(header, sheet, number + 1, table, columns, f"{file}: sheet {sheet.name}")
    if not found:
        if skipped["hidden"]:
            raise InputError(
                f"{file}: only the hidden sheet {skipped['hidden'][0]} has the columns: show it, or save it"
            )
        raise errors[0] if errors else InputError(f"{file}: the workbook is empty: send it again")
    ignored = ", ".join(f"{name} ({why})" for why, names in skipped.items() for name in names)
    if len(read) > 1 or ignored:
        notes.insert(0, f"sheets read: {', '.join(read)}{f', ignored: {ignored}' if ignored else ''}")
    return found, list(dict.fromkeys(notes))


def _split(
    header: Header, sheet: Sheet, begin: int, table: TableSchema, columns: Mapping[str, str] | None, where: str
) -> Iterator[_Table]:
    """The rows of a sheet from ``begin`` on, by the headers in their midst that have another order than the one
    before."""
    rows, numbers = sheet.rows[begin:], sheet.numbers[begin:]
    start, is_joined = 0, False
    known = {normal_name(name) for name in (*table.names, *(columns or ()), *header.names)}
    beginnings = {name[:2] for name in known}
    # Where no column is wanted, only the names of all are, there is none to find a header by.
    for number, row in enumerate(rows if header.places else []):
        first = row[header.places[0]]
        # Few rows get further than their first letters, for there may be a million.
        if not isinstance(first, str) or (first.isascii() and first.strip()[:2].lower() not in beginnings):
            continue
        if normal_name(first) not in known:
            continue
        names = [_cell_text(cell) for cell in row]
        if not is_header(names, table, columns) or _are_same(names, header.names):
            continue
        yield _Table(header, rows[start:number], sheet.name, numbers[start:number], sheet.first_column, is_joined)
        header = match_header(names, table, columns, f"{where}: row {number + 1} under the header is another header")
        start, is_joined = number, True
    yield _Table(header, rows[start:], sheet.name, numbers[start:], sheet.first_column, is_joined)


def _are_same(names: Sequence[str], others: Sequence[str]) -> bool:
    return [normal_name(name) for name in names] == [normal_name(name) for name in others]


def _texts(part: _Table, n_before: int, table: TableSchema, has_epoch_1904: bool) -> pa.Table:
    """The rows as text; n_before: records of the file before them."""
    by_column = list(zip(*part.rows, strict=True))
    dates = {
        place
        for column, place in zip(table.columns, part.header.index, strict=True)
        if has_epoch_1904 and column.is_date
    }
    arrays = {}
    for place in part.header.places:
        cells = by_column[place] if part.rows else ()
        arrays[place] = _text_column([_date_of_1904(cell) for cell in cells] if place in dates else cells)
    return schema_rows(table, part.header, arrays, n_before + 1 + np.arange(len(part.rows)))


def _date_of_1904(cell: Cell) -> Cell:
    """A day count of a workbook that counts from 1904, in a cell that is not formatted as a date, as the date; a number
    stored as text, too."""
    count = _day_count(cell)
    is_date = count is not None and count in _SERIALS_OF_1904
    return _EPOCH_OF_1904 + datetime.timedelta(count or 0) if is_date else cell


def _day_count(cell: Cell) -> int | None:
    """The whole days that a number states, one stored as text too; None where the cell holds none."""
    if isinstance(cell, str):
        found = _DAY_COUNT.fullmatch(cell)
        return None if found is None else int(found[1])
    if isinstance(cell, bool) or not isinstance(cell, int | float) or not math.isfinite(cell):
        return None
    return int(cell)


def _text_column(cells: Sequence[Cell]) -> pa.Array:
    """One Arrow string column; an empty cell is null."""
    try:
        return blank_to_null(pa.array(cells, pa.string()))
    except (pa.ArrowTypeError, pa.ArrowInvalid):
        return blank_to_null(pa.array([_cell_text(cell) for cell in cells], pa.string()))


def _cell_text(cell: Cell) -> str:
    """The text of a cell."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, int | float):
        if _is_whole(cell):
            return str(int(cell))
        return repr(cell).removesuffix(".0")
    if isinstance(cell, datetime.datetime):
        # A date cell may come as midnight of its day.
        return cell.date().isoformat() if cell.time() == datetime.time() else cell.isoformat(" ")
    if isinstance(cell, datetime.timedelta):
        return str(cell)
    return cell.isoformat()


def _row_json(names: Sequence[str], row: Sequence[Cell]) -> bytes:
    """A record as JSON: cells by column name, or by number from 1 where the name is empty or comes again."""
    cells: dict[str, object] = {}
    for place, (name, cell) in enumerate(zip(names, row, strict=True)):
        known = name and name not in cells
        cells[name if known else str(place + 1)] = _json_value(cell)
    return json.dumps(cells, ensure_ascii=False, allow_nan=False).encode()


def _json_value(cell: Cell) -> str | bool | int | float | None:
    """A cell as JSON holds it: numbers and truth values stay what they are, dates become text."""
    if cell == "":
        return None
    if isinstance(cell, float) and math.isfinite(cell):
        return int(cell) if _is_whole(cell) else cell
    return cell if isinstance(cell, bool | int) else _cell_text(cell)


def _is_whole(value: float) -> bool:
    """Whether a number is an integer that a cell holds exactly."""
    return float(value).is_integer() and abs(value) < EXACT_INTEGER


def _finding_notes(findings: Findings) -> list[str]:
    notes = []
    if findings.n_errors:
        notes.append(f"error cells (such as #N/A) read as empty: {findings.n_errors}")
    if findings.n_bare_formulas:
        notes.append(f"formulas without a stored value read as empty: {findings.n_bare_formulas}")
    if findings.has_epoch_1904:
        notes.append("day counts read from 1904, as the workbook says")
    return notes


def _with_lost_cells(part: _Table, table: TableSchema, findings: Findings) -> set[str]:
    """The columns of the schema in which cells read as empty although they hold something."""
    places = zip(table.names, part.header.index, strict=True)
    return {name for name, place in places if place >= 0 and part.first_column + place in findings.columns}


def _lost_note(name: str) -> str:
    """What is told of a column without any value, in which cells are formulas or errors."""
    excused = "" if name in NEVER_EXCUSED else EXCUSED
    return f"column {name}: none of its values is stored{excused}: open the workbook, mend its formulas and save it"
