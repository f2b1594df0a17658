"""What every reader hands over for one file, and the checks that are the same for all formats."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from linkage.ingest import csv_kernels
from linkage.ingest.cleaning import clean_rows, holds
from linkage.ingest.header import FULL_NAME, Header
from linkage.ingest.layout_rows import layout_faults
from linkage.ingest.reasons import MISSING_KEY
from linkage.schema import TableSchema

EXACT_INTEGER = 10**15  # below it a number that a spreadsheet or Parquet holds as a double is a whole one exactly


@dataclass(frozen=True)
class Layout:
    """How the records of a CSV file are written, kept so that rejected ones can be written out again."""

    header: tuple[str, ...]
    delimiter: str
    encoding: str


@dataclass(frozen=True)
class Originals:
    """Records as they stand in their file, and where a person finds each there: the line of a text on which it begins,
    or the row of its sheet, from 1; None where nobody sees such, as in Parquet."""

    raw: list[bytes]
    lines: list[int] | None = None
    sheets: list[str] | None = None


Sink = Callable[[pa.Table], None]


@dataclass(frozen=True)
class FileRows:
    """What became of the records of one file: the positions and reasons of those that are not sound.

    The sound ones went, in their order, to the sink the reader was given: the schema's columns in its order.
    ``originals`` returns the records at given positions (int64 ascending, from 1) as they stand in the file, reading it
    again where it must.
    ``sha256`` is of all bytes that decide what is read.
    """

    format: str
    sha256: str
    n_records: int
    bad_positions: np.ndarray  # int64[n_bad], ascending
    faults: np.ndarray  # uint16[n_bad], reason bits
    originals: Callable[[np.ndarray], Originals]
    notes: tuple[str, ...]
    names: tuple[str, ...]  # of its columns
    read: frozenset[str]  # columns of the schema that it has
    layout: Layout | None = None
    unread: frozenset[str] = frozenset()  # columns of the schema of which next to no value gives anything


def blank_to_null(values: pa.Array) -> pa.Array:
    """Text values with empty strings turned into nulls."""
    empty = pc.equal(pc.binary_length(values), 0)
    return pc.if_else(empty, pa.scalar(None, values.type), values) if pc.any(empty).as_py() else values


def schema_rows(
    table: TableSchema, header: Header, columns: Mapping[int, pa.Array], positions: NDArray[np.int64]
) -> pa.Table:
    """The schema's table from columns of the file by their place, cleaned; a column that the file does not have becomes
    nulls, one that it has in two (family and given name) is joined by a blank, and keys are derived where none are.

    Parameters: ``positions`` int64[n_rows] of the records in the file, from 1.
    """
    arrays = []
    for name, place in zip(table.names, header.index, strict=True):
        parts = [columns[p] for p in (place, *header.more.get(name, ())) if p >= 0]
        if not parts and name == table.key and header.key_prefix is not None:
            keys = pc.binary_join_element_wise(header.key_prefix, pa.array(positions).cast(pa.string()), "-")
            arrays.append(keys)
        else:
            arrays.append(_joined(parts) if parts else pa.nulls(positions.size, pa.string()))
    return clean_rows(pa.Table.from_arrays(arrays, schema=table.arrow()), table)


def _is_about_somebody(rows: pa.Table) -> NDArray[np.bool_]:
    """Whether a row without a key states more than one value, or a name: bool[n_rows]."""
    stated = sum(column.is_valid().to_numpy().astype(np.int64) for column in rows.columns[1:])
    has_name = pc.match_substring_regex(pc.fill_null(rows.column(FULL_NAME), ""), r"\pL").to_numpy()
    return np.asarray((stated > 1) | has_name)


def derived_prefix(sha256: str) -> str:
    """What the keys of a file without a key column begin with: of the same content the same, whatever its name."""
    return f"file-{sha256[:16]}"


def _joined(parts: Sequence[pa.Array]) -> pa.Array:
    if len(parts) == 1:
        return parts[0]
    filled = [pc.fill_null(part, "") for part in parts]
    return blank_to_null(pc.utf8_trim_whitespace(pc.binary_join_element_wise(*filled, " ")))


def value_faults(rows: pa.Table, table: TableSchema, header: Header) -> np.ndarray:
    """Faults that show in the values: uint16[n_rows] of reason bits.

    Rows of a table without a key cannot lack it.
    """
    faults = np.zeros(rows.num_rows, np.uint16)
    if rows.num_rows == 0:
        return faults
    if table.key is not None:
        blank = pc.fill_null(pc.equal(pc.utf8_trim_whitespace(rows[table.key]), ""), True)
        faults[blank.to_numpy()] |= MISSING_KEY
        faults |= layout_faults(rows, table, header)
        if header.lacks_key(table):
            faults[~_is_about_somebody(rows)] |= MISSING_KEY
    for column in rows.columns:
        longest = pc.max(pc.binary_length(column)).as_py()
        if longest is not None and longest > csv_kernels.MAX_FIELD_BYTES:
            long = pc.fill_null(pc.greater(pc.binary_length(column), csv_kernels.MAX_FIELD_BYTES), False)
            faults[long.to_numpy()] |= csv_kernels.FIELD_TOO_LONG
        if holds(column, b"\0"):
            faults[pc.fill_null(pc.match_substring(column, "\0"), False).to_numpy()] |= csv_kernels.NUL_BYTE
    return faults
