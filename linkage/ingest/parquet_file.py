"""Reads Parquet batch by batch and turns every column type into the text that a CSV export of it would have."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from linkage.errors import InputError, LinkageError
from linkage.ingest.csv_kernels import INVALID_ENCODING
from linkage.ingest.header import Header, header_notes, match_header
from linkage.ingest.hive_folders import folder_values, with_values
from linkage.ingest.parquet_limits import TextLimit, batch_rows, check_announced, open_parquet
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
from linkage.machine.threads import in_order
from linkage.schema import TableSchema


@dataclass(frozen=True)
class _Batch:
    """Sound rows as text, and where the others are in the batch (from 0) with their fault bits."""

    n_rows: int
    sound: pa.Table
    bad: np.ndarray  # int64[n_bad]
    faults: np.ndarray  # uint16[n_bad]


def read_parquet(
    path: Path, table: TableSchema, columns: Mapping[str, str] | None, file: str, sink: Sink, scratch: Path | None
) -> FileRows:
    """Reads one Parquet file, a few batches of rows in memory: one is decompressed while another one is checked.

    Raises InputError when the file is damaged or a column cannot be text.
    """
    with ThreadPoolExecutor(2) as pool:
        digest = pool.submit(_sha256, path)
        with _damage(file), open_parquet(path, page_checksum_verification=True) as parquet:
            check_announced(parquet.metadata, path, file)
            names = parquet.schema_arrow.names
            values = folder_values(path, names)
            header = match_header([*names, *values], table, columns, file)
            if header.lacks_key(table):
                prefix = derived_prefix(_sha256_with(digest.result(), values))
                header = replace(header, key_prefix=prefix)
            n_announced = parquet.metadata.num_rows
            n_records, positions, faults = 0, [np.zeros(0, np.int64)], [np.zeros(0, np.uint16)]
            wanted = [names[place] for place in header.places if place < len(names)]
            limit = TextLimit(path, file)
            read = parquet.iter_batches(batch_rows(path, parquet.metadata, wanted), columns=wanted)
            batches = (with_values(rows, values) for rows in read)
            work = (
                partial(_check, rows, n_before, header, table, file, limit) for rows, n_before in _numbered(batches)
            )
            for batch in in_order(work, pool, n_ahead=1):
                sink(batch.sound)
                positions.append(batch.bad + n_records + 1)
                faults.append(batch.faults)
                n_records += batch.n_rows
        sha256 = digest.result()
    if n_records != n_announced:
        raise InputError(f"{file}: {n_announced} rows announced, {n_records} found: the file is damaged, send it again")
    return FileRows(
        format="parquet",
        sha256=sha256,
        n_records=n_records,
        bad_positions=np.concatenate(positions),
        faults=np.concatenate(faults),
        originals=lambda wanted: Originals(_rows_as_json(path, file, wanted)),
        notes=tuple(header_notes(header, 0)),
        names=header.names,
        read=header.columns(table),
    )


def _sha256_with(digest: str, values: Mapping[str, str | None]) -> str:
    """The digest of a file together with what its folders state; its own where they state nothing."""
    return hashlib.sha256(f"{digest} {sorted(values.items())}".encode()).hexdigest() if values else digest


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@contextmanager
def _damage(file: str) -> Iterator[None]:
    """Turns whatever the Parquet reader raises on a damaged file into one line for the user."""
    try:
        yield
    except MemoryError as error:
        reason = " ".join(str(error).split())[:200]
        raise LinkageError(
            f"{file}: its pages ask for more memory than there is ({reason}): send it again, in smaller row groups"
        ) from None
    except (pa.ArrowException, OSError, ValueError, TypeError, KeyError, OverflowError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{file}: not a readable Parquet file ({reason}): send it again") from error


def _numbered(batches: Iterable[pa.RecordBatch]) -> Iterator[tuple[pa.RecordBatch, int]]:
    """Batches with the number of rows before each."""
    n_before = 0
    for rows in batches:
        yield rows, n_before
        n_before += rows.num_rows


def _check(
    rows: pa.RecordBatch, n_before: int, header: Header, table: TableSchema, file: str, limit: TextLimit
) -> _Batch:
    """The rows as text, those with a fault apart."""
    faults = np.zeros(rows.num_rows, np.uint16)
    arrays = {}
    for place in header.places:
        values = text_values(rows.column(header.names[place]), header.names[place], file)
        arrays[place] = _drop_invalid(values, faults) if pt.is_binary(values.type) else values
    texts = schema_rows(table, header, arrays, n_before + 1 + np.arange(rows.num_rows))
    limit.add(texts.nbytes)
    faults |= value_faults(texts, table, header)
    bad = np.flatnonzero(faults)
    return _Batch(rows.num_rows, texts.filter(pa.array(faults == 0)) if bad.size else texts, bad, faults[bad])


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
    whole = pc.and_(pc.equal(pc.floor(finite), finite), pc.less(pc.abs(finite), EXACT_INTEGER))
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
    start = 1
    with _damage(file), open_parquet(path) as parquet:
        n_rows = batch_rows(path, parquet.metadata, parquet.schema_arrow.names)
        values = folder_values(path, parquet.schema_arrow.names)
        for group in range(parquet.num_row_groups):
            end = start + parquet.metadata.row_group(group).num_rows
            if np.searchsorted(positions, start) == np.searchsorted(positions, end):
                start = end
                continue
            for rows in parquet.iter_batches(n_rows, row_groups=[group]):
                low, high = np.searchsorted(positions, [start, start + rows.num_rows])
                if low < high:
                    found += _json_objects(with_values(rows.take(pa.array(positions[low:high] - start)), values))
                start += rows.num_rows
    return found


def _json_objects(batch: pa.RecordBatch) -> list[bytes]:
    import duckdb  # takes a tenth of a second of every start, and few runs have a record to show

    arrays = []
    for array in batch.columns:
        if pt.is_dictionary(array.type):
            array = array.dictionary_decode()
        if pt.is_string(array.type):
            array = _from_text(array)
        if pt.is_floating(array.type):
            # As it is read: 72205605992.0 written back would be another number, and its dose another claim.
            array = _from_float(array)
        arrays.append(array)
    rows = pa.Table.from_arrays(arrays, names=batch.schema.names)
    with duckdb.connect() as connection:
        connection.register("rows_read", rows)
        objects = connection.sql("SELECT to_json(rows_read)::VARCHAR AS row FROM rows_read")
        return [row.encode() for row in objects.to_arrow_table()["row"].to_pylist()]
