"""What a night reads from PostgreSQL: all queries in one snapshot, written as files that the night then reads.

So what the database held then is hashed, kept and read again like any other input, whoever starts the night again and
whatever the database holds by then. The folder of the files appears whole or not at all; a night finds it and asks no
more, but for what is not there: a query that was added later, or a file that was removed. No password stands in the
configuration: libpq takes it from PGPASSFILE or ~/.pgpass, or PGPASSWORD.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from linkage.errors import InputError, LinkageError
from linkage.machine.clock import ZONE
from linkage.nights.configuration import Configuration, PostgreSQL, fetched_folder
from linkage.storage.work_folders import flush_all, make_folder, put_in_place, undivided, work_folder

READ = "read.json"  # beside the files: from where, when, which snapshot, how many rows
_ONE_SNAPSHOT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"
# What the server says of values, or lets functions say, repeats them, and they are about people. These classes of
# SQLSTATE are about connections, rights, names, resources and operators; without one it is the connection that failed.
_WITHOUT_VALUES = ("08", "28", "3D", "42", "53", "57")
_VIET_NAM = str(datetime.timezone(ZONE.utcoffset(None))).removeprefix(
    "UTC"
)  # as an offset, for which no table of zones is needed
_NOT_REPEATED = "the server's log says why; it may repeat values of rows"
_NEEDED = "adbc_driver_postgresql"


class _Told(msgspec.Struct, frozen=True, omit_defaults=True):
    """What READ says: rows by kind; later: of what was read when the folder was there already."""

    url: str
    snapshot: str
    at: str
    rows: dict[str, int]
    later: tuple[_Told, ...] = ()


def to_be_fetched(configuration: Configuration, date: datetime.date) -> list[str]:
    """The kinds of sources of a night that are read from the database and not there yet."""
    asked, folder = configuration.postgresql, fetched_folder(configuration, date)
    if asked is None or folder is None:
        return []
    told = _told(folder)
    known = {name for read in (told, *told.later) for name in read.rows} if told else set()
    return [name for name in asked.queries(date) if name not in known or not _file(folder, name).is_file()]


def fetch(configuration: Configuration, date: datetime.date) -> list[str]:
    """Write the files of a night that are not there yet; notes of what was read.

    Raises
    ------
    LinkageError : the database cannot be reached or read, the driver is not installed, or the files cannot be written
    InputError : a query gives columns that no file has
    """
    asked, folder = configuration.postgresql, fetched_folder(configuration, date)
    names = to_be_fetched(configuration, date)
    if asked is None or folder is None or not names:
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
            read, before = _read(asked, date, names, made), _told(folder)
            told = msgspec.structs.replace(before, later=(*before.later, read)) if before else read
            (made / READ).write_bytes(msgspec.json.format(msgspec.json.encode(told), indent=1) + b"\n")
            flush_all(made)
            with undivided():
                _appear(made, folder, names)
    except OSError as error:
        raise LinkageError(f"{folder}: cannot be written ({error.strerror}); free space or rights there") from error
    counts = ", ".join(f"{n:,} {name.replace('_', ' ')}" for name, n in read.rows.items())
    return [f"read from {asked.shown} in one snapshot: {counts}"]


def _file(folder: Path, name: str) -> Path:
    return folder / f"{name}.parquet"


def _told(folder: Path) -> _Told | None:
    """What a folder's READ says; None where it is not there, or not whole, and no file beside it counts."""
    if not (folder / READ).is_file():
        return None
    try:
        return msgspec.json.decode((folder / READ).read_bytes(), type=_Told)
    except msgspec.DecodeError:
        return None


def _appear(made: Path, folder: Path, names: Sequence[str]) -> None:
    """Let files appear as a folder; in one that is there READ comes last, without which they do not count."""
    if folder.is_dir() and any(folder.iterdir()):
        for path in (*(_file(made, name) for name in names), made / READ):
            put_in_place(path, folder / path.name)
    else:
        put_in_place(made, folder)


def _read(asked: PostgreSQL, date: datetime.date, names: Sequence[str], folder: Path) -> _Told:
    """Write a file for each of some queries."""
    from adbc_driver_postgresql import dbapi

    with _errors(asked.shown), dbapi.connect(asked.url, autocommit=False) as connection, connection.cursor() as cursor:
        cursor.execute(_ONE_SNAPSHOT)
        cursor.execute("SELECT pg_export_snapshot(), clock_timestamp()::text")
        snapshot, at = cursor.fetchone()
        rows = {}
        queries = asked.queries(date)
        for name in names:
            cursor.execute(queries[name])
            rows[name] = _write(_file(folder, name), cursor.fetch_record_batch(), f"[postgresql] {name}")
    return _Told(asked.shown, snapshot, at, rows)


def _write(path: Path, batches: pa.RecordBatchReader, what: str) -> int:
    """Write the rows of a query as they come, and count them."""
    fields = [_field(field, what) for field in batches.schema]
    schema, n = pa.schema(fields), 0
    with pq.ParquetWriter(path, schema, compression="zstd", compression_level=1, write_page_checksum=True) as writer:
        for batch in _whole(batches, what):
            columns = [column.storage if isinstance(column, pa.ExtensionArray) else column for column in batch.columns]
            columns = [column.cast(field.type) for column, field in zip(columns, fields, strict=True)]
            writer.write_batch(pa.record_batch(columns, schema=schema))
            n += batch.num_rows
    return n


def _whole(batches: pa.RecordBatchReader, what: str) -> Iterator[pa.RecordBatch]:
    """The batches of a query. LinkageError where they break off: the reader raises an OSError then, as disks do, with
    whatever the server said."""
    n = 0
    try:
        for batch in batches:
            yield batch
            n += batch.num_rows
    except (OSError, pa.ArrowException):
        raise LinkageError(
            f"{what}: the rows of the query break off after {n:,} ({_NOT_REPEATED}); nothing is kept, start again"
        ) from None


def _field(field: pa.Field, what: str) -> pa.Field:
    """A column as a file has it: of a type that Arrow does not know the text or bytes that the driver gives, moments
    (timestamptz) by the clock of Viet Nam."""
    type_ = field.type.storage_type if isinstance(field.type, pa.BaseExtensionType) else field.type
    if pa.types.is_binary(type_) or pa.types.is_nested(type_):
        raise InputError(f"{what}: column {field.name}: its type cannot be read; write {field.name}::text in the query")
    if pa.types.is_timestamp(type_) and type_.tz is not None:
        # The driver gives moments in UTC, where midnights of Viet Nam are the day before.
        type_ = pa.timestamp(type_.unit, _VIET_NAM)
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
        if state.strip("\0") and state[:2] not in _WITHOUT_VALUES:
            said = "a value cannot be read as the query asks" if state[:2] in ("22", "23") else _NOT_REPEATED
        code = f", SQLSTATE {state}" if state.strip("\0") else ""
        raise LinkageError(f"{url}: cannot be read ({said}{code}); see [postgresql] of the configuration") from None
