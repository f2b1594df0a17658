"""What every reader hands over for one file, and the checks that are the same for all formats."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from linkage.ingest import csv_kernels
from linkage.ingest.reasons import MISSING_KEY, REPEATED_HEADER, TOTAL_ROW
from linkage.schema import TableSchema


@dataclass(frozen=True)
class Layout:
    """How the records of a CSV file are written, kept so that rejected ones can be written out again."""

    header: tuple[str, ...]
    delimiter: str
    encoding: str


Sink = Callable[[pa.Table], None]


@dataclass(frozen=True)
class FileRows:
    """What became of the records of one file: the positions and reasons of those that are not sound.

    The sound ones went, in their order, to the sink the reader was given: the schema's columns in its order. ``raw``
    returns the bytes of the records at given positions (int64 ascending, from 1), reading the file again where it must.
    """

    format: str
    sha256: str
    n_records: int
    bad_positions: np.ndarray  # int64[n_bad], ascending
    faults: np.ndarray  # uint16[n_bad], reason bits
    raw: Callable[[np.ndarray], list[bytes]]
    notes: tuple[str, ...]
    names: tuple[str, ...]  # of its columns
    layout: Layout | None = None


def blank_to_null(values: pa.Array) -> pa.Array:
    """Text values with empty strings turned into nulls."""
    empty = pc.equal(pc.binary_length(values), 0)
    return pc.if_else(empty, pa.scalar(None, values.type), values) if pc.any(empty).as_py() else values


def select_columns(table: TableSchema, columns: Sequence[pa.Array | None], n_rows: int) -> pa.Table:
    """The schema's table from its columns in order; None, a column the file does not have, becomes nulls."""
    schema = table.arrow()
    arrays = [pa.nulls(n_rows, pa.string()) if column is None else column for column in columns]
    return pa.Table.from_arrays(arrays, schema=schema)


def value_faults(rows: pa.Table, table: TableSchema, key_in_file: str | None) -> np.ndarray:
    """Faults that show in the values: uint16[n_rows] of reason bits.

    ``key_in_file`` is what the file's header calls the key column; a row that has it as its key is the header again.
    Rows of a table without a key cannot lack it.
    """
    faults = np.zeros(rows.num_rows, np.uint16)
    if rows.num_rows == 0:
        return faults
    if table.key is not None:
        key = rows[table.key]
        blank = pc.fill_null(pc.equal(pc.utf8_trim_whitespace(key), ""), True)
        faults[blank.to_numpy()] |= MISSING_KEY
        again = pc.fill_null(pc.equal(key, key_in_file), False)
        faults[again.to_numpy()] |= REPEATED_HEADER
        faults[_total_rows(rows, table.key)] |= TOTAL_ROW
    for column in rows.columns:
        longest = pc.max(pc.binary_length(column)).as_py()
        if longest is not None and longest > csv_kernels.MAX_FIELD_BYTES:
            long = pc.fill_null(pc.greater(pc.binary_length(column), csv_kernels.MAX_FIELD_BYTES), False)
            faults[long.to_numpy()] |= csv_kernels.FIELD_TOO_LONG
        if _may_have_nul(column):
            faults[pc.fill_null(pc.match_substring(column, "\0"), False).to_numpy()] |= csv_kernels.NUL_BYTE
    return faults


def _may_have_nul(column: pa.ChunkedArray) -> bool:
    """Whether a zero byte lies in the buffers of a text column: quick, and true for every column that has a NUL."""
    buffers = [chunk.buffers()[2] for chunk in column.chunks]
    return any(buffer is not None and buffer.size and not np.frombuffer(buffer, np.uint8).all() for buffer in buffers)


_TOTAL = r"(?i)^\s*(tổng|cộng|total|sum)\b"


def _total_rows(rows: pa.Table, key: str) -> np.ndarray:
    """Numbers of the rows that are the sum under a list: a word for it as the key, and nothing else stated."""
    candidates = np.flatnonzero(pc.fill_null(pc.match_substring_regex(rows[key], _TOTAL), False).to_numpy())
    if not candidates.size:
        return candidates
    others = rows.take(pa.array(candidates)).drop_columns([key])
    is_bare = np.ones(candidates.size, np.bool_)
    for column in others.columns:
        stated = pc.fill_null(pc.utf8_trim_whitespace(column), "")
        is_bare &= pc.equal(stated, "").to_numpy()
    return candidates[is_bare]
