"""Rejected records as they were stored: of which file, under which header, and what stands in which column."""

from __future__ import annotations

import codecs
import csv
import io
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from linkage.errors import InputError
from linkage.ingest.cleaning import normal_name
from linkage.ingest.records import mapped_table
from linkage.ingest.rejecting import LAYOUTS
from linkage.ingest.rows import Layout
from linkage.schema import REJECTED

_CHUNK_ROWS, _BUFFER_BYTES = 1 << 14, 1 << 20
_SINCE_THEN = ("line", "sheet")
_QUOTE_FAULTS = frozenset({"unclosed_quote", "stray_quote"})  # quotes of such a record part nothing


@dataclass(frozen=True)
class Record:
    """A rejected record: its place, why it is rejected, and its cells under the header of its file.

    line, sheet : where a person finds it, None where nobody sees such
    names, cells : as far as the record can be parted; a record that is too short has fewer cells than names, and one
    that is too long more. Of a file whose header is not known there are no names and one cell.
    """

    file: str
    position: int
    line: int | None
    sheet: str | None
    reasons: tuple[str, ...]
    raw: bytes
    names: tuple[str, ...]
    cells: tuple[str, ...]

    def value(self, column: str) -> str:
        """What stands in a column; empty where the record does not have it."""
        names = [normal_name(name) for name in self.names]
        place = names.index(normal_name(column)) if normal_name(column) in names else len(self.cells)
        return self.cells[place] if place < len(self.cells) else ""


def read_rejected(path: Path) -> pa.Table:
    """The table of rejected records, which lies in a work file and hardly in memory; InputError when the file is
    none."""
    try:
        with pq.ParquetFile(path, page_checksum_verification=True, buffer_size=_BUFFER_BYTES) as parquet:
            schema = parquet.schema_arrow
            parts = (pa.Table.from_batches([batch], schema) for batch in parquet.iter_batches(_CHUNK_ROWS))
            rejected = mapped_table(parts, schema, Path(tempfile.gettempdir()))
    except (pa.ArrowException, OSError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{path.name}: cannot be read ({reason}): name the rejected.parquet of a run") from error
    for name in _SINCE_THEN:  # a table of an older version has none
        if name not in rejected.schema.names:
            place, field = REJECTED.names.index(name), REJECTED.arrow().field(name)
            rejected = rejected.add_column(
                min(place, rejected.num_columns), field, pa.nulls(rejected.num_rows, field.type)
            )
    if not rejected.schema.equals(REJECTED.arrow(), check_metadata=False):
        missing = [name for name in REJECTED.names if name not in rejected.schema.names]
        fault = f"columns {', '.join(missing)} missing" if missing else "column types differ"
        raise InputError(f"{path.name}: no table of rejected records ({fault}): name the rejected.parquet of a run")
    return rejected


def layouts_of(rejected: pa.Table) -> dict[str, Layout]:
    """The layouts of the CSV files that the table knows of."""
    stored = json.loads((rejected.schema.metadata or {}).get(LAYOUTS, b"{}"))
    return {
        file: Layout(tuple(layout["header"]), layout["delimiter"], codecs.lookup(layout["encoding"]).name)
        for file, layout in stored.items()
    }


def records(rejected: pa.Table) -> Iterator[Record]:
    """The records in their order, a chunk of the table in memory as objects at a time."""
    layouts = layouts_of(rejected)
    for batch in rejected.to_batches(max_chunksize=_CHUNK_ROWS):
        columns = (batch.column(name).to_pylist() for name in REJECTED.names)
        for file, position, line, sheet, raw, reasons in zip(*columns, strict=True):
            names, cells = _parted(raw, layouts.get(file), not _QUOTE_FAULTS.isdisjoint(reasons))
            yield Record(file, position, line, sheet, tuple(reasons), raw, names, cells)


def json_cells(record: bytes) -> Mapping[str, Any] | None:
    """The cells of a record that is kept as JSON of them; None when the record is something else."""
    try:
        cells = json.loads(record)
    except ValueError:
        return None
    return cells if isinstance(cells, dict) else None


def plain(cell: Any) -> str:
    """A JSON cell as the text that ingest makes of it."""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return "" if cell is None else str(cell)


def _parted(raw: bytes, layout: Layout | None, has_quote_fault: bool) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if layout is not None:
        text = raw.decode(layout.encoding, "backslashreplace")
        fields = text.split(layout.delimiter) if has_quote_fault else _fields(text, layout.delimiter)
        return layout.header, tuple(fields)
    cells = json_cells(raw)
    if cells is not None:
        return tuple(cells), tuple(plain(cell) for cell in cells.values())
    return (), (raw.decode("utf-8", "backslashreplace"),)


def _fields(text: str, delimiter: str) -> Sequence[str]:
    """The fields of a CSV record; parted at every delimiter where a field is too long for the parser."""
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    except csv.Error:
        return text.split(delimiter)
    return rows[0] if len(rows) == 1 else text.split(delimiter)
