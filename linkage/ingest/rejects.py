"""What a user does with rejected records: count them, show them, and write them out to be mended and read again."""

from __future__ import annotations

import codecs
import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import xlsxwriter
from xlsxwriter.exceptions import XlsxWriterException

from linkage.cell_text import csv_cell, visible
from linkage.errors import InputError, UsageError
from linkage.ingest.batch import LAYOUTS
from linkage.ingest.rows import Layout
from linkage.schema import REJECTED
from linkage.work_folders import replacing

_EXPORT_COLUMNS = ("file", "position", "reasons", "raw")
_SHEET_RECORDS = 1_048_575
_CELL_CHARACTERS = 32_767


def list_rejects(path: Path) -> pa.Table:
    """Counts the rejected records of a run.

    Parameters: ``path`` of ``rejected.parquet``. Returns file (string), reason (string), records (int64), sorted; a
    record with two reasons counts under both. Raises InputError when the file is no table of rejected records.
    """
    rejected = _read(path)
    reasons = rejected["reasons"].combine_chunks()
    pairs = pa.table(
        {"file": rejected["file"].take(pc.list_parent_indices(reasons)), "reason": pc.list_flatten(reasons)}
    )
    counts = pairs.group_by(["file", "reason"]).aggregate([([], "count_all")])
    counts = counts.select(["file", "reason", "count_all"]).rename_columns(["file", "reason", "records"])
    return counts.sort_by([("file", "ascending"), ("reason", "ascending")])


def export_rejects(path: Path, out: Path) -> int:
    """Writes rejected records for people to read: file, position, reasons, raw text; bytes that are no text as \\xNN.

    Parameters: ``path`` of ``rejected.parquet``; ``out`` ends in .csv (UTF-8 with mark, so that Excel reads it) or
    .xlsx (all cells text; a record longer than a cell is cut and ends in "…"). Returns the number of records.
    Raises UsageError for another extension, InputError when they do not fit in a sheet.
    """
    rejected = _read(path)
    rows = _export_rows(rejected, _layouts(rejected))
    if out.suffix.lower() == ".csv":
        with replacing(out) as part, part.open("w", encoding="utf-8-sig", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(_EXPORT_COLUMNS)
            writer.writerows(
                [csv_cell(file), position, reasons, csv_cell(raw)] for file, position, reasons, raw in rows
            )
    elif out.suffix.lower() == ".xlsx":
        if rejected.num_rows > _SHEET_RECORDS:
            raise InputError(f"{path.name}: {rejected.num_rows} records do not fit in a sheet: export to .csv")
        with replacing(out) as part:
            _write_sheet(part, rows)
    else:
        raise UsageError(f"{out.name}: cannot export to {out.suffix or 'no extension'}: use .csv or .xlsx")
    return int(rejected.num_rows)


def replayable(path: Path, out: Path, *, file: str | None = None, header: Sequence[str] | None = None) -> int:
    """Writes rejected records back as one CSV file (UTF-8) that can be mended and given to ``ingest``.

    Records of CSV files are written as they stood, under the header of their file; records of Excel and Parquet as
    CSV, under the names of their columns.

    Parameters
    ----------
    path : ``rejected.parquet`` of a run
    out : the file to write
    file : only the records of this input file; needed when the files differ in their header
    header : the column names of the CSV file, where the table does not tell them

    Returns
    -------
    The number of records written.

    Raises
    ------
    UsageError : no such records, headers that differ, or a header that is not known
    """
    rejected = _read(path)
    if file is not None:
        rejected = rejected.filter(pc.equal(rejected["file"], file))
    if rejected.num_rows == 0:
        raise UsageError(f"{path.name}: no rejected records{f' of {file}' if file else ''}: nothing to replay")
    layouts = _layouts(rejected)
    records: list[bytes] = []
    heads: dict[bytes, str] = {}
    for name in pc.unique(rejected["file"]).to_pylist():
        raw = rejected.filter(pc.equal(rejected["file"], name))["raw"].to_pylist()
        head, lines = _replay_lines(name, raw, layouts.get(name), header)
        heads.setdefault(head, name)
        records += lines
    if len(heads) > 1:
        raise UsageError(f"{path.name}: {' and '.join(heads.values())} have different headers: replay them one by one")
    with replacing(out) as part:
        part.write_bytes(b"\n".join([*heads, *records, b""]))
    return len(records)


def _replay_lines(
    name: str, raw: Sequence[bytes], layout: Layout | None, header: Sequence[str] | None
) -> tuple[bytes, list[bytes]]:
    """The header line and the record lines of one file."""
    if layout is not None:
        return _csv_line(layout.header, layout.delimiter), [_to_utf8(record, layout.encoding) for record in raw]
    cells = [_json_cells(record) for record in raw]
    if all(record is not None for record in cells):
        rows = [record for record in cells if record is not None]
        names = list(dict.fromkeys(column for row in rows for column in row))
        return _csv_line(names, ","), [_csv_line([_plain(row.get(column)) for column in names], ",") for row in rows]
    if header is None:
        raise UsageError(f"{name}: its header is not stored with the rejected records: give the column names")
    return _csv_line(header, ","), list(raw)


def _json_cells(record: bytes) -> Mapping[str, Any] | None:
    """The cells of an Excel or Parquet record; None when the record is something else."""
    try:
        cells = json.loads(record)
    except ValueError:
        return None
    return cells if isinstance(cells, dict) else None


def _plain(cell: Any) -> str:
    """A JSON cell as the text that ingest makes of it."""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return "" if cell is None else str(cell)


def _csv_line(cells: Sequence[str], delimiter: str) -> bytes:
    """Cells as one CSV record without its line end."""
    special = (delimiter, '"', "\n", "\r")
    quoted = ['"' + cell.replace('"', '""') + '"' if any(s in cell for s in special) else cell for cell in cells]
    return delimiter.join(quoted).encode()


def _to_utf8(record: bytes, encoding: str) -> bytes:
    """A record of a file in UTF-8; bytes that cannot be decoded show as replacement characters."""
    return record if encoding == "utf-8" else record.decode(encoding, "replace").encode()


def _export_rows(rejected: pa.Table, layouts: Mapping[str, Layout]) -> Iterator[tuple[str, int, str, str]]:
    for batch in rejected.to_batches(max_chunksize=1 << 16):
        for file, position, raw, reasons in zip(
            *(batch.column(name).to_pylist() for name in REJECTED.names), strict=True
        ):
            encoding = layouts[file].encoding if file in layouts else "utf-8"
            yield file, position, "; ".join(reasons), visible(raw.decode(encoding, "backslashreplace"))


def _write_sheet(out: Path, rows: Iterator[tuple[str, int, str, str]]) -> None:
    """One sheet; records are written as text, so that none becomes a formula or a number.

    Raises OSError when it cannot be written.
    """
    book = xlsxwriter.Workbook(out, {"constant_memory": True, "tmpdir": str(out.parent)})
    try:
        _write_records(book, rows)
        book.close()
    except XlsxWriterException as error:
        raise OSError(str(error)) from error


def _write_records(book: xlsxwriter.Workbook, rows: Iterator[tuple[str, int, str, str]]) -> None:
    sheet = book.add_worksheet("rejected")
    for place, name in enumerate(_EXPORT_COLUMNS):
        sheet.write_string(0, place, name)
    for number, (file, position, reasons, raw) in enumerate(rows, start=1):
        sheet.write_string(number, 0, file)
        sheet.write_number(number, 1, position)
        sheet.write_string(number, 2, reasons)
        fits = len(raw) <= _CELL_CHARACTERS
        sheet.write_string(number, 3, raw if fits else raw[: _CELL_CHARACTERS - 1] + "…")


def _read(path: Path) -> pa.Table:
    try:
        rejected = pq.read_table(path)
    except (pa.ArrowException, OSError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{path.name}: cannot be read ({reason}): name the rejected.parquet of a run") from error
    if not rejected.schema.equals(REJECTED.arrow(), check_metadata=False):
        missing = [name for name in REJECTED.names if name not in rejected.schema.names]
        fault = f"columns {', '.join(missing)} missing" if missing else "column types differ"
        raise InputError(f"{path.name}: no table of rejected records ({fault}): name the rejected.parquet of a run")
    return rejected


def _layouts(rejected: pa.Table) -> dict[str, Layout]:
    """The layouts of the CSV files that the table knows of."""
    stored = json.loads((rejected.schema.metadata or {}).get(LAYOUTS, b"{}"))
    return {
        file: Layout(tuple(layout["header"]), layout["delimiter"], codecs.lookup(layout["encoding"]).name)
        for file, layout in stored.items()
    }
