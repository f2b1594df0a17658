"""Reads Parquet batch by batch and turns every column type into the text that a CSV export of it would have."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pyarrow.types as pt

from linkage.errors import InputError
from linkage.ingest.csv_kernels import INVALID_ENCODING
from linkage.ingest.header import Header, header_notes, match_header
from linkage.ingest.rows import FileRows, blank_to_null, select_columns, value_faults
from linkage.schema import TableSchema

_BATCH_ROWS = 1 << 17
_EXACT_INTEGER = 10**15


def read_parquet(path: Path, table: TableSchema, columns: Mapping[str, str] | None, file: str) -> FileRows:
    """Reads one Parquet file; a batch of rows is in memory beside the text columns.

    Raises InputError when the file is damaged or a column cannot be text.
    """
    with path.open("rb") as stream:
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    with _damage(file), pq.ParquetFile(path, page_checksum_verification=True) as parquet:
        header = match_header(parquet.schema_arrow.names, table, columns, file)
        n_records = parquet.metadata.num_rows
        parts, fault_parts = _read_batches(parquet, header, table, file)
    faults = np.concatenate([np.zeros(0, np.uint16), *fault_parts])
    if faults.size != n_records:
        raise InputError(f"{file}: {n_records} rows announced, {faults.size} found: the file is damaged, send it again")
    bad = faults != 0
    positions = np.arange(1, n_records + 1)
    return FileRows(
        format="parquet",
        sha256=sha256,
        n_records=n_records,
        sound=pa.concat_tables([select_columns(table, [None] * len(table.columns), 0), *parts]),
        positions=positions[~bad],
        bad_positions=positions[bad],
        faults=faults[bad],
        raw=lambda wanted: _rows_as_json(path, file, wanted),
        notes=tuple(header_notes(header, 0)),
    )


@contextmanager
def _damage(file: str) -> Iterator[None]:
    """Turns whatever the Parquet reader raises on a damaged file into one line for the user."""
    try:
        yield
    except (pa.ArrowException, OSError, ValueError, TypeError, KeyError, OverflowError, MemoryError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{file}: not a readable Parquet file ({reason}): send it again") from error


def _read_batches(
    parquet: pq.ParquetFile, header: Header, table: TableSchema, file: str
) -> tuple[list[pa.Table], list[np.ndarray]]:
    """Sound rows as text and the fault bits of all rows, per batch."""
    wanted = [header.names[place] for place in header.index if place >= 0]
    key_in_file = header.name_of(table, table.key)
    parts, fault_parts = [], []
    for batch in parquet.iter_batches(_BATCH_ROWS, columns=wanted):
        faults = np.zeros(batch.num_rows, np.uint16)
        arrays = []
        for place in header.index:
            values = None if place < 0 else text_values(batch.column(header.names[place]), header.names[place], file)
            if values is not None and pt.is_binary(values.type):
                values = _drop_invalid(values, faults)
            arrays.append(values)
        rows = select_columns(table, arrays, batch.num_rows)
        faults |= value_faults(rows, table, key_in_file)
        parts.append(rows.filter(pa.array(faults == 0)) if faults.any() else rows)
        fault_parts.append(faults)
    return parts, fault_parts


def text_values(values: pa.Array, name: str, file: str) -> pa.Array:
    """A column as text: string, nulls for empty ones; or binary, as it is, when some bytes are no UTF-8.

    Whole floats up to 15 digits lose their ".0", dates and midnights become YYYY-MM-DD, decimals lose trailing zeros.
    Raises InputError for types that are no single value (lists, structs) or no text (durations).
    """
    kind = values.type
    if pt.is_dictionary(kind):
        return text_values(values.dictionary_decode(), name, file)
    for applies, convert in _CONVERSIONS:
        if applies(kind):
            return blank_to_null(convert(values))
    raise InputError(f"{file}: column {name} has the type {kind}, which is not read: store it as text")


def _from_text(values: pa.Array) -> pa.Array:
    """Strings are not checked by the Parquet reader, so they are here; bytes may be text as well."""
    if pt.is_string_view(values.type) or pt.is_large_string(values.type) or pt.is_string(values.type):
        values = values.cast(pa.large_binary() if not pt.is_string(values.type) else pa.binary())
    values = values.cast(pa.binary())
    try:
        return values.cast(pa.string())
    except pa.ArrowInvalid:
        return values


def _from_float(values: pa.Array) -> pa.Array:
    values = values.cast(pa.float64())
    finite = pc.if_else(pc.is_finite(values), values, pa.scalar(None, pa.float64()))
    whole = pc.and_(pc.equal(pc.floor(finite), finite), pc.less(pc.abs(finite), _EXACT_INTEGER))
    integers = pc.if_else(whole, finite, pa.scalar(None, pa.float64())).cast(pa.int64()).cast(pa.string())
    # NaN is how data frames store an empty cell.
    others = pc.if_else(pc.is_nan(values), pa.scalar(None, pa.float64()), values).cast(pa.string())
    return pc.coalesce(integers, others)


def _from_timestamp(values: pa.Array) -> pa.Array:
    if values.type.tz is not None:
        values = pc.local_timestamp(values)
    without_fraction = pc.replace_substring_regex(values.cast(pa.string()), r"\.0+$", "")
    return pc.replace_substring_regex(without_fraction, " 00:00:00$", "")


def _from_decimal(values: pa.Array) -> pa.Array:
    text = values.cast(pa.string())
    return pc.replace_substring_regex(pc.replace_substring_regex(text, r"(\.\d*?)0+$", r"\1"), r"\.$", "")


def _cast(values: pa.Array) -> pa.Array:
    return values.cast(pa.string())


_CONVERSIONS: tuple[tuple[Callable[[pa.DataType], bool], Callable[[pa.Array], pa.Array]], ...] = (
    (lambda kind: pt.is_string(kind) or pt.is_large_string(kind) or pt.is_string_view(kind), _from_text),
    (lambda kind: pt.is_binary(kind) or pt.is_large_binary(kind) or pt.is_fixed_size_binary(kind), _from_text),
    (pt.is_floating, _from_float),
    (pt.is_timestamp, _from_timestamp),
    (pt.is_decimal, _from_decimal),
    (lambda kind: pt.is_integer(kind) or pt.is_boolean(kind) or pt.is_date(kind), _cast),
    (lambda kind: pt.is_time(kind) or pt.is_null(kind), _cast),
)


def _drop_invalid(values: pa.Array, faults: np.ndarray) -> pa.Array:
    """Marks rows whose bytes are no UTF-8 in ``faults`` and nulls these values, so that the rest can be text."""
    encoded = values.dictionary_encode()
    is_text = pa.array([_is_utf8(value) for value in encoded.dictionary.to_pylist()], pa.bool_())
    sound = pc.fill_null(is_text.take(encoded.indices), True)
    faults[~sound.to_numpy(zero_copy_only=False)] |= INVALID_ENCODING
    return pc.if_else(sound, values, pa.scalar(None, values.type)).cast(pa.string())


def _is_utf8(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


def _rows_as_json(path: Path, file: str, positions: np.ndarray) -> list[bytes]:
    """Whole rows of the file at ``positions`` (from 1, ascending) as JSON objects; bytes that are no text as \\xNN."""
    found: list[bytes] = []
    start = 0
    with _damage(file), pq.ParquetFile(path) as parquet:
        for batch in parquet.iter_batches(_BATCH_ROWS):
            inside = positions[(positions > start) & (positions <= start + batch.num_rows)] - start - 1
            if inside.size:
                found += _json_objects(batch.take(pa.array(inside)))
            start += batch.num_rows
    return found


def _json_objects(batch: pa.RecordBatch) -> list[bytes]:
    arrays = []
    for array in batch.columns:
        if pt.is_dictionary(array.type):
            array = array.dictionary_decode()
        if pt.is_string(array.type):
            array = _from_text(array)
        arrays.append(array)
    rows = pa.Table.from_arrays(arrays, names=batch.schema.names)
    with duckdb.connect() as connection:
        connection.register("rows_read", rows)
        objects = connection.sql("SELECT to_json(rows_read)::VARCHAR AS row FROM rows_read")
        return [row.encode() for row in objects.to_arrow_table()["row"].to_pylist()]
