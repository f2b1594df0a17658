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
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from linkage.errors import InputError, VerificationError
from linkage.ingest.beginnings import Beginnings
from linkage.ingest.cleaning import normal_name
from linkage.ingest.code_pages import ENCODING_NAMES, VIETNAMESE
from linkage.ingest.csv_kernels import INVALID_ENCODING, copy_values, scan_records, split_fields
from linkage.ingest.csv_text import Lines, Text, read_text
from linkage.ingest.header import SEARCHED_ROWS, Header, find_header, header_notes, is_header, match_header, n_known
from linkage.ingest.reasons import REPEATED_HEADER
from linkage.ingest.rows import FileRows, Layout, Originals, Sink, derived_prefix, schema_rows, value_faults
from linkage.machine.threads import in_order
from linkage.schema import TableSchema

DELIMITERS = ",;\t|"
_LEAST_ALIKE = 0.75  # of the columns that the best row names, those that another row names to be a header too
_MAX_HEADER_BYTES = 1 << 20
_MAX_RECORD_BYTES = 1 << 30  # Arrow's binary type ends at 2 GiB
_CHUNK_RECORDS = 1 << 15  # columns are cut one after the other: the text of a chunk should stay in the cache
_CHUNK_BYTES = 1 << 26


@dataclass(frozen=True)
class _Body:
    """The layout of a CSV file, or of a part of one that was joined, and where its first record begins."""

    header: Header
    delimiter: str
    start: int
    n_titles: int
    composes: bool = False  # whether its encoding writes tones as marks behind the letter

    @property
    def n_columns(self) -> int:
        return len(self.header.names)

    @property
    def n_least(self) -> int:
        """Columns up to the last one with a name: records need no more."""
        return max(place for place, name in enumerate(self.header.names, start=1) if name.strip())


@dataclass(frozen=True)
class _Scan:
    """Boundaries (int64) and fault bits (uint16) of consecutive records."""

    starts: np.ndarray
    ends: np.ndarray
    faults: np.ndarray

    def first(self, n: int) -> _Scan:
        """A copy of the first n records."""
        return _Scan(self.starts[:n].copy(), self.ends[:n].copy(), self.faults[:n].copy())


@dataclass(frozen=True)
class _Part:
    """Consecutive records: the sound ones as rows, the others as places (int64, from 0) with fault bits (uint16).

    start : the byte from which the records are scanned, by the layout ``body``
    """

    start: int
    body: _Body
    n_records: int
    sound: pa.Table
    bad: np.ndarray
    faults: np.ndarray


def read_csv(
    path: Path, table: TableSchema, columns: Mapping[str, str] | None, file: str, sink: Sink, scratch: Path | None
) -> FileRows:
    """Reads one CSV file, a few parts of it in memory.

    Raises InputError when it cannot be used at all, VerificationError when bytes are unaccounted for.
    """
    text = read_text(path, file, scratch)
    body = _find_body(text, table, columns, file)
    if body.header.lacks_key(table):
        body = replace(body, header=replace(body.header, key_prefix=derived_prefix(text.sha256())))
    first = [0]  # of each part its first record
    places: list[tuple[int, _Body]] = []  # of each part the byte where that is looked for, and the layout
    positions, faults = [np.zeros(0, np.int64)], [np.zeros(0, np.uint16)]
    n_cores = os.cpu_count() or 1
    with ThreadPoolExecutor(n_cores + 1) as pool:
        digest = pool.submit(text.sha256)
        headers = Headers(table, columns, file, body.header.names)
        for part in in_order(_parts(text, body, headers), pool, 2 * n_cores):
            sink(part.sound)
            positions.append(part.bad + first[-1] + 1)
            faults.append(part.faults)
            places.append((part.start, part.body))
            first.append(first[-1] + part.n_records)
        sha256 = digest.result()
    all_faults, lines = np.concatenate(faults), Lines(text.utf8)
    return FileRows(
        format="csv",
        sha256=sha256,
        n_records=first[-1],
        bad_positions=np.concatenate(positions),
        faults=all_faults,
        originals=lambda wanted: _originals(text, lines, np.array(first), places, wanted),
        notes=tuple(_notes(body, text, all_faults)),
        names=body.header.names,
        read=body.header.columns(table),
        layout=Layout(body.header.names, body.delimiter, text.encoding),
    )


def _find_body(text: Text, table: TableSchema, columns: Mapping[str, str] | None, file: str) -> _Body:
    """The header among the first records, under the delimiter that shows most columns of the schema."""
    heads = []
    for delimiter in DELIMITERS:
        scan = _empty_scan(SEARCHED_ROWS)
        n, _, _ = scan_records(
            *(text.utf8, 0, text.utf8.size, ord(delimiter), 0, 0, False), scan.starts, scan.ends, scan.faults
        )
        spans = [
            span for span in zip(scan.starts[:n], scan.ends[:n], strict=True) if span[1] - span[0] <= _MAX_HEADER_BYTES
        ]
        rows = [_header_names(text.utf8[start:end].tobytes(), delimiter) for start, end in spans]
        known = [n_known(row, table, columns) for row in rows]
        heads.append((known, delimiter, spans, rows))
    most = max(max(known, default=0) for known, *_ in heads)

    def fitness(head: tuple[list[int], str, list[tuple[int, int]], list[list[str]]]) -> tuple[int, int, int]:
        # A file joined of two with other delimiters begins with the first header: what is under it is no title.
        known, _, _, rows = head
        first = next((place for place, n in enumerate(known) if 0 < _LEAST_ALIKE * most <= n), SEARCHED_ROWS)
        return -first, max(known, default=0), max(map(len, rows), default=0)

    _, delimiter, spans, rows = max(heads, key=fitness)
    number, header = find_header(rows, table, columns, file)
    return _Body(header, delimiter, int(spans[number][1]), number, text.encoding == VIETNAMESE)


def _header_names(record: bytes, delimiter: str) -> list[str]:
    """The cells of one record of the head; bytes that are no UTF-8 match no column name."""
    cells = csv.reader([record.decode("utf-8", "replace").replace("\0", "\ufffd")], delimiter=delimiter)
    try:
        return next(cells, [])
    except csv.Error:  # a cell beyond the module's limit of 128 KiB
        return []


def _empty_scan(n: int) -> _Scan:
    return _Scan(np.empty(n, np.int64), np.empty(n, np.int64), np.empty(n, np.uint16))


class Headers:
    """Finds further headers in a file that was joined from several."""

    def __init__(
        self, table: TableSchema, columns: Mapping[str, str] | None, file: str, names: Sequence[str] = ()
    ) -> None:
        """``names``: of the first header, which may be typed in an older character set."""
        self.table, self.file = table, file
        self._columns = columns
        self._names = Beginnings.of({*table.names, *(columns or ()), *names})

    def next_one(self, utf8: np.ndarray, scan: _Scan, body: _Body, position: int) -> tuple[int, _Body] | None:
        """The first record that is a header in another order than that of ``body``, and the layout from it on.

        Those in the same order are marked in the faults of the scan. ``position``: of its first record in the file.
        Raises InputError when a header lacks a required column: what is under it cannot be read.
        """
        found = self._names.are_at(utf8, scan.starts, scan.ends)
        for place in np.flatnonzero(found).tolist():
            start, end = scan.starts[place], scan.ends[place]
            if end - start > _MAX_HEADER_BYTES:
                continue
            names = _header_names(utf8[start:end].tobytes(), body.delimiter)
            if not is_header(names, self.table, self._columns):
                continue
            if [normal_name(name) for name in names] == [normal_name(name) for name in body.header.names]:
                scan.faults[place] |= REPEATED_HEADER
                continue
            where = f"{self.file}: record {position + place} is another header"
            header = match_header(names, self.table, self._columns, where)
            header = replace(header, key_prefix=body.header.key_prefix)
            return place, replace(body, header=header, start=int(end))
        return None


def _parts(text: Text, body: _Body, headers: Headers) -> Iterator[Callable[[], _Part]]:
    """Scans all records; gives the work of cutting them into columns, part by part."""
    utf8, check_bytes = text.utf8, not text.is_clean
    position, n_passed, n_records = body.start, 0, 0
    begin = body.start
    buffer = _empty_scan(_CHUNK_RECORDS)
    while position < utf8.size:
        start, stop = position, min(position + _CHUNK_BYTES, utf8.size)
        n, n_breaks, position = scan_records(
            *(utf8, start, stop, ord(body.delimiter), body.n_columns, body.n_least, check_bytes),
            *(buffer.starts, buffer.ends, buffer.faults),
        )
        scan = buffer.first(n)
        other = headers.next_one(utf8, scan, body, n_records + 1)
        if other is not None:
            # The records under it are scanned again, by its number of columns.
            scan, position = scan.first(other[0] + 1), other[1].start
            scan.faults[-1] = REPEATED_HEADER
            n_breaks = position - start - int((scan.ends - scan.starts).sum())
        lengths = scan.ends - scan.starts
        if lengths.size and lengths.max() > _MAX_RECORD_BYTES:
            raise InputError(f"{headers.file}: a record of {lengths.max()} bytes: this is no CSV file: send it again")
        n_passed += int(lengths.sum()) + n_breaks
        yield partial(_cut, utf8, start, n_records, scan, body, headers.table)
        n_records += scan.starts.size
        body = body if other is None else other[1]
    if n_passed != utf8.size - begin:
        raise VerificationError(
            f"{headers.file}: {utf8.size - begin} bytes after the header, {n_passed} read: report this"
        )


def _cut(utf8: np.ndarray, start: int, first: int, scan: _Scan, body: _Body, table: TableSchema) -> _Part:
    """The part whose records begin at ``start``, the first of them is number ``first`` of the file, from 0; the scan's
    faults are completed."""
    faults = scan.faults
    sound_places = np.flatnonzero(faults == 0)
    rows = _cut_columns(utf8, scan.starts[sound_places], sound_places + first + 1, body, table)
    late = value_faults(rows, table, body.header)
    sound = rows.filter(pa.array(late == 0)) if late.any() else rows
    faults[faults == 0] = late
    bad = np.flatnonzero(faults)
    return _Part(start, body, scan.starts.size, sound, bad, faults[bad])


def _cut_columns(
    utf8: np.ndarray, starts: np.ndarray, positions: np.ndarray, body: _Body, table: TableSchema
) -> pa.Table:
    """The columns of the records that begin at ``starts`` and have these positions in the file, from 1."""
    wanted = body.header.places
    slots = np.full(max(wanted, default=-1) + 1, -1, np.int32)
    slots[list(wanted)] = np.arange(len(wanted), dtype=np.int32)
    begins = np.empty((len(wanted), starts.size), np.int64)
    lengths = np.empty((len(wanted), starts.size), np.int32)
    split_fields(utf8, starts, ord(body.delimiter), slots, begins, lengths)
    columns = {place: _text_column(utf8, begins[slots[place]], lengths[slots[place]]) for place in wanted}
    if body.composes:
        columns = {place: pc.utf8_normalize(values, "NFC") for place, values in columns.items()}
    return schema_rows(table, body.header, columns, positions)


def _originals(
    text: Text, lines: Lines, first: np.ndarray, places: Sequence[tuple[int, _Body]], wanted: np.ndarray
) -> Originals:
    """The records at positions ``wanted`` (from 1, ascending): their parts are scanned again.

    first, places : of each part its first record, from 0 (and the number of all), the byte it is scanned from and how.
    """
    found: list[bytes] = []
    starts = [np.zeros(0, np.int64)]
    for number, (position, body) in enumerate(places):
        low, high = np.searchsorted(wanted, first[number : number + 2], side="right")
        if low < high:
            scan = _empty_scan(first[number + 1] - first[number])
            scan_records(
                *(text.utf8, position, text.utf8.size, ord(body.delimiter), body.n_columns, body.n_least, False),
                *(scan.starts, scan.ends, scan.faults),
            )
            chosen = wanted[low:high] - 1 - first[number]
            found += [text.raw(*span) for span in zip(scan.starts[chosen], scan.ends[chosen], strict=True)]
            starts.append(scan.starts[chosen])
    return Originals(found, lines.of(np.concatenate(starts)))


def _text_column(utf8: np.ndarray, begins: np.ndarray, lengths: np.ndarray) -> pa.Array:
    """One Arrow string column; an empty value is null."""
    offsets = np.zeros(begins.size + 1, np.int32)
    np.cumsum(lengths, out=offsets[1:])
    values = np.empty(offsets[-1], np.uint8)
    copy_values(utf8, begins, offsets, values)
    valid = np.packbits(lengths > 0, bitorder="little")
    buffers = [pa.py_buffer(valid), pa.py_buffer(offsets), pa.py_buffer(values)]
    return pa.Array.from_buffers(pa.string(), begins.size, buffers)


def _notes(body: _Body, text: Text, faults: np.ndarray) -> list[str]:
    notes = header_notes(body.header, body.n_titles)
    encoding = text.encoding
    if text.lines is not None:
        notes.append("some lines are UTF-8 and others Windows-1258: read line by line")
    if encoding != "utf-8":
        notes.append(f"read as {ENCODING_NAMES.get(encoding, encoding.upper())}")
    n_invalid = int(np.count_nonzero(faults & INVALID_ENCODING))
    if n_invalid and encoding == "utf-8":
        notes.append(f"records that are not UTF-8: {n_invalid} (if the file is of an older encoding, save it as UTF-8)")
    return notes
