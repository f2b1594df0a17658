"""What a night reads from PostgreSQL: all queries in one snapshot, written as files that the night then reads.

So what the database held then is hashed, kept and read again like any other input, whoever starts the night again and
whatever the database holds by then. The folder of the files appears whole or not at all; a night finds it and asks no
more. No password stands in the configuration: libpq takes it from PGPASSFILE or ~/.pgpass, or PGPASSWORD.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from linkage.errors import InputError, LinkageError
from linkage.nights.configuration import Configuration, PostgreSQL, fetched_folder
from linkage.storage.work_folders import flush_all, make_folder, put_in_place, undivided, work_folder

READ = "read.json"  # beside the files: from where, when, which snapshot, how many rows
_ONE_SNAPSHOT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"
# What the server says of values that it cannot read repeats them, and they are about people.
_ABOUT_VALUES = ("22", "23")
_NEEDED = "adbc_driver_postgresql"


def to_be_fetched(configuration: Configuration, date: datetime.date) -> list[str]:
    """The kinds of sources of a night that are read from the database and not there yet."""
    folder = fetched_folder(configuration, date)
    if configuration.postgresql is None or folder is None or folder.exists():
        return []
    return list(configuration.postgresql.queries(date))


def fetch(configuration: Configuration, date: datetime.date) -> list[str]:
    """Write the files of a night that are not there yet; notes of what was read.

    Raises
    ------
    LinkageError : the database cannot be reached or read, the driver is not installed, or the files cannot be written
    InputError : a query gives columns that no file has
    """
    asked, folder = configuration.postgresql, fetched_folder(configuration, date)
    if asked is None or folder is None or not to_be_fetched(configuration, date):
        return []
    if find_spec(_NEEDED) is None:
        raise LinkageError(
            f"{configuration.file}: [postgresql] needs a driver; install it with pip install 'dose-linkage[postgresql]'"
        )
    make_folder(folder.parent)
    try:
        with work_folder(folder.parent) as work:
            made = work / folder.name
            made.mkdir(mode=0o700)
            told = _read(asked, date, made)
            (made / READ).write_text(json.dumps(told, ensure_ascii=False, indent=1) + "\n", "utf-8")
            flush_all(made)
            with undivided():
                put_in_place(made, folder)
    except OSError as error:
        raise LinkageError(f"{folder}: cannot be written ({error.strerror}); free space or rights there") from error
    counts = ", ".join(f"{n:,} {name.replace('_', ' ')}" for name, n in told["rows"].items())
    return [f"read from {asked.shown} in one snapshot: {counts}"]


def _read(asked: PostgreSQL, date: datetime.date, folder: Path) -> dict[str, Any]:
    """Write a file for each query; what READ says."""
    from adbc_driver_postgresql import dbapi

    with _errors(asked.shown), dbapi.connect(asked.url, autocommit=False) as connection, connection.cursor() as cursor:
        cursor.execute(_ONE_SNAPSHOT)
        cursor.execute("SELECT pg_export_snapshot(), clock_timestamp()::text")
        snapshot, at = cursor.fetchone()
        rows = {}
        for name, query in asked.queries(date).items():
            cursor.execute(query)
            rows[name] = _write(folder / f"{name}.parquet", cursor.fetch_record_batch(), f"[postgresql] {name}")
    return {"url": asked.shown, "snapshot": snapshot, "at": at, "rows": rows}


def _write(path: Path, batches: pa.RecordBatchReader, what: str) -> int:
    """Write the rows of a query as they come, and count them."""
    fields = [_field(field, what) for field in batches.schema]
    schema, n = pa.schema(fields), 0
    with pq.ParquetWriter(path, schema, compression="zstd", compression_level=1, write_page_checksum=True) as writer:
        for batch in batches:
            columns = [column.storage if isinstance(column, pa.ExtensionArray) else column for column in batch.columns]
            writer.write_batch(pa.record_batch(columns, schema=schema))
            n += batch.num_rows
    return n


def _field(field: pa.Field, what: str) -> pa.Field:
    """A column as a file has it: of a type that Arrow does not know the text or bytes that the driver gives."""
    type_ = field.type.storage_type if isinstance(field.type, pa.BaseExtensionType) else field.type
    if pa.types.is_binary(type_) or pa.types.is_nested(type_):
        raise InputError(f"{what}: column {field.name}: its type cannot be read; write {field.name}::text in the query")
    return pa.field(field.name, type_)


@contextmanager
def _errors(url: str) -> Iterator[None]:
    """What the driver raises, on one line and without values of rows."""
    from adbc_driver_manager import Error

    try:
        yield
    except Error as error:
        state = error.sqlstate or ""
        said = " ".join(str(error).split())
        if state[:2] in _ABOUT_VALUES:
            said = "a value cannot be read as the query asks"
        code = f", SQLSTATE {state}" if state.strip("\0") else ""
        raise LinkageError(f"{url}: cannot be read ({said}{code}); see [postgresql] of the configuration") from error
