"""Reads the first sheet with a header of an Excel or OpenDocument workbook.

Cells become the text that a person sees in them where that text is certain: a whole number up to 15 digits without
".0", a date in ISO form. The zero that an ID lost when it was stored as a number is not restored here, and a number
beyond the 15 digits that a cell holds exactly keeps its exponent, so that it shows as damaged.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import python_calamine

from linkage.errors import InputError
from linkage.ingest.archive import SheetFindings, check_archive
from linkage.ingest.header import SEARCHED_ROWS, Header, find_header, header_notes
from linkage.ingest.rows import FileRows, Sink, blank_to_null, schema_rows, value_faults
from linkage.schema import TableSchema

Cell = int | float | str | bool | datetime.time | datetime.date | datetime.datetime | datetime.timedelta

_OLD_FORMAT = ".xls"
_EXACT_INTEGER = 10**15


def read_excel(
    path: Path, table: TableSchema, columns: Mapping[str, str] | None, file: str, sink: Sink, scratch: Path | None
) -> FileRows:
    """Reads one workbook, which is in memory meanwhile.

    Raises InputError when it is damaged, unsafe, protected, empty, or has no sheet with the required columns.
    """
    findings = SheetFindings(0, 0) if path.suffix.lower() == _OLD_FORMAT else check_archive(path, file)
    with path.open("rb") as stream:
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    try:
        rows, n_titles, header, notes = _read_sheet(path, table, columns, file)
    except InputError:
        raise
    except BaseException as error:
        # The parser is compiled code: on some damaged files it panics, and a panic is not an Exception.
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{file}: not a readable workbook ({reason}): save it again, without a password") from error
    by_column = list(zip(*rows, strict=True))
    arrays = {place: _text_column(by_column[place] if rows else ()) for place in header.places}
    texts = schema_rows(table, header, arrays, len(rows))
    faults = value_faults(texts, table, header)
    bad = np.flatnonzero(faults)
    sink(texts.filter(pa.array(faults == 0)) if bad.size else texts)
    return FileRows(
        format="excel",
        sha256=sha256,
        n_records=len(rows),
        bad_positions=bad + 1,
        faults=faults[bad],
        raw=lambda wanted: [_row_json(header.names, rows[number - 1]) for number in wanted.tolist()],
        notes=(*header_notes(header, n_titles), *notes, *_finding_notes(findings)),
        names=header.names,
    )


def _read_sheet(
    path: Path, table: TableSchema, columns: Mapping[str, str] | None, file: str
) -> tuple[list[list[Cell]], int, Header, list[str]]:
    """Records of the first sheet that has the header: (rows that are not blank, titles above it, header, notes)."""
    first_error: InputError | None = None
    with python_calamine.CalamineWorkbook.from_path(path) as book:
        for name in book.sheet_names:
            rows = [row for row in book.get_sheet_by_name(name).to_python() if any(cell != "" for cell in row)]
            if not rows:
                continue
            head = [[_cell_text(cell) for cell in row] for row in rows[:SEARCHED_ROWS]]
            try:
                number, header = find_header(head, table, columns, file)
            except InputError as error:
                first_error = first_error or error
                continue
            others = [other for other in book.sheet_names if other != name]
            notes = [f"sheet {name} read, others ignored: {', '.join(others)}"] if others else []
            return rows[number + 1 :], number, header, notes
    raise first_error or InputError(f"{file}: the workbook is empty: send it again")


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
    return float(value).is_integer() and abs(value) < _EXACT_INTEGER


def _finding_notes(findings: SheetFindings) -> list[str]:
    notes = []
    if findings.n_errors:
        notes.append(f"error cells (such as #N/A) read as empty: {findings.n_errors}")
    if findings.n_bare_formulas:
        notes.append(f"formulas without a stored value read as empty: {findings.n_bare_formulas}")
    return notes
