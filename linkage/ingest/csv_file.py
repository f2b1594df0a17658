"""Reads CSV: every record is either sound, and becomes a row of text columns, or kept as bytes with its reasons.

One lane for clean and for damaged files. A record scanner of our own finds boundaries and faults first; only records it
finds sound are cut into fields. Rejected: DuckDB's reader with ``store_rejects`` (its rejects depend on the projection,
and an unclosed quote takes the next good line), and a general CSV parser for the sound records (a second grammar that
would have to agree with the scanner's on every byte). The scan is sequential, because whether a line end is inside
quotes depends on all bytes before it; fields are cut on all cores while the scan goes on.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from linkage.errors import InputError, VerificationError
from linkage.ingest.csv_kernels import INVALID_ENCODING, copy_values, scan_records, split_fields
from linkage.ingest.csv_text import Text, read_text
from linkage.ingest.header import SEARCHED_ROWS, Header, find_header, header_notes, n_known
from linkage.ingest.rows import FileRows, Layout, select_columns, value_faults
from linkage.schema import TableSchema

DELIMITERS = ",;\t|"
_MAX_HEADER_BYTES = 1 << 20
_MAX_RECORD_BYTES = 1 << 30  # Arrow's binary type ends at 2 GiB
_CHUNK_RECORDS = 1 << 15  # columns are cut one after the other: the text of a chunk should stay in the cache
_CHUNK_BYTES = 1 << 26


@dataclass(frozen=True)
class _Body:
    """The layout of a CSV file and where its first record begins."""

    header: Header
    delimiter: str
    start: int
    n_titles: int


@dataclass(frozen=True)
class _Scan:
    """Boundaries (int64) and fault bits (uint16) of consecutive records."""

    starts: np.ndarray
    ends: np.ndarray
    faults: np.ndarray


@dataclass(frozen=True)
class _Part:
    """Records that the scan found sound: their fault bits uint16[n_records], and the columns of those without any."""

    faults: np.ndarray
    sound: pa.Table


def read_csv(path: Path, table: TableSchema, columns: Mapping[str, str] | None, file: str) -> FileRows:
    """Reads one CSV file.

    Raises InputError when it cannot be used at all, VerificationError when bytes are unaccounted for.
    """
    text = read_text(path, file)
    body = _find_body(text, table, columns, file)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        digest = pool.submit(text.sha256)
        scans, futures = _scan_all(text, body, table, file, pool)
        parts = [future.result() for future in futures]
        sha256 = digest.result()
    starts = np.concatenate([scan.starts for scan in scans])
    ends = np.concatenate([scan.ends for scan in scans])
    faults = np.concatenate([scan.faults for scan in scans])
    faults[faults == 0] = np.concatenate([np.zeros(0, np.uint16), *[part.faults for part in parts]])
    empty = select_columns(table, [None] * len(table.columns), 0)
    encoding = text.encoding
    bad = faults != 0
    positions = np.arange(1, starts.size + 1)

    def raw(wanted: np.ndarray) -> list[bytes]:
        again = read_text(path, file)
        if again.sha256() != sha256:
            raise InputError(f"{file}: the file changed while it was read: run again when it is complete")
        return [again.raw(*span) for span in zip(starts[wanted - 1], ends[wanted - 1], strict=True)]

    return FileRows(
        format="csv",
        sha256=sha256,
        n_records=int(starts.size),
        sound=pa.concat_tables([empty, *[part.sound for part in parts]]),
        positions=positions[~bad],
        bad_positions=positions[bad],
        faults=faults[bad],
        raw=raw,
        notes=tuple(_notes(body, encoding, faults)),
        layout=Layout(body.header.names, body.delimiter, encoding),
    )


def _find_body(text: Text, table: TableSchema, columns: Mapping[str, str] | None, file: str) -> _Body:
    """The header among the first records, under the delimiter that shows most columns of the schema."""
    heads = []
    for delimiter in DELIMITERS:
        scan = _empty_scan(SEARCHED_ROWS)
        n, _, _ = scan_records(
            text.utf8, 0, text.utf8.size, ord(delimiter), 0, False, scan.starts, scan.ends, scan.faults
        )
        spans = [
            span for span in zip(scan.starts[:n], scan.ends[:n], strict=True) if span[1] - span[0] <= _MAX_HEADER_BYTES
        ]
        rows = [_header_names(text.utf8[start:end].tobytes(), delimiter) for start, end in spans]
        heads.append((max((n_known(row, table, columns), len(row)) for row in rows or [[]]), delimiter, spans, rows))
    _, delimiter, spans, rows = max(heads, key=lambda head: head[0])
    number, header = find_header(rows, table, columns, file)
    return _Body(header, delimiter, int(spans[number][1]), number)


def _header_names(record: bytes, delimiter: str) -> list[str]:
    """The cells of one record of the head; bytes that are no UTF-8 match no column name."""
    cells = csv.reader([record.decode("utf-8", "replace").replace("\0", "\ufffd")], delimiter=delimiter)
    return next(cells, [])


def _empty_scan(n: int) -> _Scan:
    return _Scan(np.empty(n, np.int64), np.empty(n, np.int64), np.empty(n, np.uint16))


def _scan_all(
    text: Text, body: _Body, table: TableSchema, file: str, pool: ThreadPoolExecutor
) -> tuple[list[_Scan], list[Future[_Part]]]:
    """Scans all records and has the sound ones cut into columns, chunk by chunk, while the scan goes on."""
    utf8, n_columns = text.utf8, len(body.header.names)
    check_bytes = not text.is_clean()
    scans: list[_Scan] = [_empty_scan(0)]
    parts: list[Future[_Part]] = []
    position, n_passed = body.start, 0
    buffer = _empty_scan(_CHUNK_RECORDS)
    while position < utf8.size:
        stop = min(position + _CHUNK_BYTES, utf8.size)
        n, n_breaks, position = scan_records(
            utf8, position, stop, ord(body.delimiter), n_columns, check_bytes, buffer.starts, buffer.ends, buffer.faults
        )
        scan = _Scan(buffer.starts[:n].copy(), buffer.ends[:n].copy(), buffer.faults[:n].copy())
        lengths = scan.ends - scan.starts
        if n and lengths.max() > _MAX_RECORD_BYTES:
            raise InputError(f"{file}: a record of {lengths.max()} bytes: this is no CSV file: send it again")
        n_passed += int(lengths.sum()) + n_breaks
        scans.append(scan)
        parts.append(pool.submit(_cut_columns, utf8, scan.starts[scan.faults == 0], body, table))
    if body.start + n_passed != utf8.size:
        raise VerificationError(
            f"{file}: {utf8.size - body.start} bytes after the header, {n_passed} read: report this"
        )
    return scans, parts


def _cut_columns(utf8: np.ndarray, starts: np.ndarray, body: _Body, table: TableSchema) -> _Part:
    """The columns of the records that begin at ``starts``, and the faults that show in the values."""
    present = [place for place in body.header.index if place >= 0]
    slots = np.full(len(body.header.names), -1, np.int32)
    slots[present] = np.arange(len(present), dtype=np.int32)
    begins = np.empty((len(present), starts.size), np.int64)
    lengths = np.empty((len(present), starts.size), np.int32)
    split_fields(utf8, starts, ord(body.delimiter), slots, begins, lengths)
    columns = [
        None if place < 0 else _text_column(utf8, begins[slots[place]], lengths[slots[place]])
        for place in body.header.index
    ]
    rows = select_columns(table, columns, starts.size)
    faults = value_faults(rows, table, body.header.name_of(table, table.key))
    return _Part(faults, rows.filter(pa.array(faults == 0)) if faults.any() else rows)


def _text_column(utf8: np.ndarray, begins: np.ndarray, lengths: np.ndarray) -> pa.Array:
    """One Arrow string column; an empty value is null."""
    offsets = np.zeros(begins.size + 1, np.int32)
    np.cumsum(lengths, out=offsets[1:])
    values = np.empty(offsets[-1], np.uint8)
    copy_values(utf8, begins, offsets, values)
    valid = np.packbits(lengths > 0, bitorder="little")
    buffers = [pa.py_buffer(valid), pa.py_buffer(offsets), pa.py_buffer(values)]
    return pa.Array.from_buffers(pa.string(), begins.size, buffers)


def _notes(body: _Body, encoding: str, faults: np.ndarray) -> list[str]:
    notes = header_notes(body.header, body.n_titles)
    if encoding != "utf-8":
        notes.append(f"read as {encoding.upper()}")
    n_invalid = int(np.count_nonzero(faults & INVALID_ENCODING))
    if n_invalid and encoding == "utf-8":
        notes.append(f"records that are not UTF-8: {n_invalid} (if the file is of an older encoding, save it as UTF-8)")
    return notes
