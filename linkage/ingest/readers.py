"""Reads one file by its extension, which tells its format."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from linkage.errors import InputError
from linkage.ingest.csv_file import read_csv
from linkage.ingest.date_order import DateOrder
from linkage.ingest.excel_file import read_excel
from linkage.ingest.packed import PACKED
from linkage.ingest.parquet_file import read_parquet
from linkage.ingest.paths import check_file, may_not_be_read
from linkage.ingest.rows import FileRows, Sink
from linkage.ingest.unread import UnreadColumns
from linkage.schema import Column, TableSchema

# (path, schema, column mapping, name in messages, where sound records go, folder for work files)
Reader = Callable[[Path, TableSchema, Mapping[str, str] | None, str, Sink, Path | None], FileRows]

READERS: dict[str, Reader] = {
    ".csv": read_csv,
    ".tsv": read_csv,
    ".txt": read_csv,
    ".csv.gz": read_csv,
    ".tsv.gz": read_csv,
    ".txt.gz": read_csv,
    ".xlsx": read_excel,
    ".xlsm": read_excel,
    ".xls": read_excel,
    ".xlsb": read_excel,
    ".ods": read_excel,
    ".parquet": read_parquet,
    ".pq": read_parquet,
}


def read_file(
    path: Path,
    name: str,
    table: TableSchema,
    columns: Mapping[str, str] | None,
    sink: Sink,
    folder: Path,
    month_first: frozenset[str] | None = None,
) -> tuple[FileRows, frozenset[str]]:
    """One file, its rows handed to the sink, and what is told of it; and the columns that it has to be read again for,
    with these as ``month_first``."""
    reader = _reader(path, name)
    with disk_errors(name):
        unread = UnreadColumns(table, sink)
        order = DateOrder(table, unread, month_first)
        file = reader(path, table, columns, name, order, folder)
    told = (*file.notes, *order.notes(), *unread.notes())
    again = order.month_first() if month_first is None else frozenset[str]()
    return replace(file, notes=told, unread=file.unread | unread.names()), again


def column_names(path: Path) -> tuple[str, ...]:
    """The columns of a file as its header names them; InputError when the file cannot be used at all."""
    reader = _reader(path, path.name)
    # A reader wants a column to look for; one of this name is in no file, and no empty cell is called so.
    table = TableSchema(path.name, (Column("a column of no file", pa.string(), "", "", required=False),))
    with disk_errors(path.name):
        return reader(path, table, None, path.name, lambda rows: None, None).names


def _reader(path: Path, file: str) -> Reader:
    """The reader of a file by its extension; InputError when the file cannot be one."""
    check_file(path, file)
    extension = "".join(path.suffixes[-2:] if path.suffix.lower() == PACKED else path.suffixes[-1:])
    reader = READERS.get(extension.lower())
    if reader is None:
        raise InputError(f"{file}: unknown extension {extension or '(none)'}: use one of {', '.join(READERS)}")
    try:
        with path.open("rb") as stream:
            if not stream.read(1):
                raise InputError(f"{file}: the file is empty (0 bytes): send it again")
    except PermissionError as error:
        raise may_not_be_read(file) from error
    except OSError as error:
        raise InputError(f"{file}: cannot be read ({error.strerror}): correct its permissions") from error
    return reader


@contextmanager
def disk_errors(file: str) -> Iterator[None]:
    """Turns an error of the disk or the network share into one line for the user."""
    try:
        yield
    except OSError as error:
        raise InputError(f"{file}: cannot be read ({error.strerror}): check the disk or the network share") from error
