"""Reads the input files of a run as one batch; every record is accepted, or rejected with its bytes and reasons."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from linkage.errors import InputError, VerificationError
from linkage.ingest.cleaning import normal_name
from linkage.ingest.csv_file import read_csv
from linkage.ingest.date_order import DateOrder
from linkage.ingest.duplicates import collision_note, duplicate_faults, same_file_notes
from linkage.ingest.excel_file import read_excel
from linkage.ingest.packed import PACKED
from linkage.ingest.parquet_file import read_parquet
from linkage.ingest.paths import check_file, file_names, sha256_of
from linkage.ingest.reasons import CONFLICTING_KEY, reason_lists
from linkage.ingest.records import Records, RecordsWriter, mapped_table, nth_absent
from linkage.ingest.rows import FileRows, Sink
from linkage.ingest.unread import UnreadColumns
from linkage.schema import REJECTED, Column, TableSchema

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

_REJECTED_AT_ONCE = 1 << 18  # of records whose bytes are looked for again; the others lie in a work file

# Key of the schema metadata of the rejected table: header, delimiter and encoding of the CSV files, by file, as JSON.
LAYOUTS = b"linkage.layouts"


@dataclass(frozen=True)
class FileCount:
    """What became of one file; ``physical_records = accepted + rejected`` holds.

    ``file`` is the base name, with as many folders before it as tell it from another file of the batch. ``note`` says
    what was passed over (title rows, unknown columns, other sheets, error cells), None when nothing was. ``unread`` are
    the columns of the schema that the file does not have, or of which next to no value of many gives anything,
    ``absent`` the former.
    """

    file: str
    path: Path
    format: str
    sha256: str
    physical_records: int
    accepted: int
    rejected: int
    note: str | None
    unread: frozenset[str] = frozenset()
    absent: frozenset[str] = frozenset()

    def summary(self) -> dict[str, str | int]:
        """File, hash and counts, as manifests hold them."""
        names = ("file", "sha256", "physical_records", "accepted", "rejected")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True)
class SetAside:
    """A file that cannot be used, and why; ``sha256`` is None where its bytes cannot be read."""

    file: str
    path: Path
    reason: str
    sha256: str | None


@dataclass(frozen=True)
class Ingested:
    """The records of a batch.

    ``accepted`` has the columns of the schema, in its order, as text; null for an empty value and for a column that
    the file does not have. ``rejected`` follows ``schema.REJECTED``, in the order of files and positions.
    ``unmatched`` are the names of the column mapping of which no file has a column, neither under this name nor under
    the schema's for it.
    """

    accepted: Records
    rejected: pa.Table
    files: tuple[FileCount, ...]
    unmatched: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    set_aside: tuple[SetAside, ...] = ()

    def positions(self) -> NDArray[np.int64]:
        """The physical record in its file, from 1, of every accepted record: int64[n]."""
        found = []
        for file in self.files:
            rejected = self.rejected.filter(pc.equal(self.rejected["file"], file.file))["position"].to_numpy()
            found.append(nth_absent(rejected - 1, np.arange(file.accepted)) + 1)
        return np.concatenate(found)


def ingest(
    paths: Sequence[Path],
    table: TableSchema,
    *,
    columns: Mapping[str, str] | None = None,
    scratch: Path | None = None,
    strict: bool = True,
    on_read: Callable[[int, int], None] = lambda done_bytes, total_bytes: None,
) -> Ingested:
    """Reads CSV, Excel and Parquet files as one batch.

    Parameters
    ----------
    paths : files, in the order in which identical records are preferred; formats are told by extension
    table : the schema that the files follow
    columns : schema names by column names of the files, for those that differ; compared without case and outer space
    scratch : folder for work files, on a disk that can hold the records; None = the system's temporary folder
    strict : whether a file that cannot be used stops all; else it is set aside, as long as there is another; one that
        does not exist stops all in any case
    on_read : called after each file with the bytes of all that were read and of all there are

    Returns
    -------
    All records, see Ingested. Reason codes: linkage.ingest.reasons.

    Raises
    ------
    InputError : a file (where such are set aside, every file) cannot be used at all: absent, empty, damaged, unsafe,
        without a required column
    UsageError : the mapping names a column that the schema does not have
    VerificationError : records were lost
    LinkageError : the work files do not fit on their disk
    """
    paths = [Path(path) for path in paths]
    names = file_names(paths)
    for path, name in zip(paths, names, strict=True):
        check_file(path, name)
    folder = Path(tempfile.gettempdir()) if scratch is None else scratch
    files: list[FileRows] = []
    aside: list[SetAside] = []
    lost = [np.zeros(0, np.int64)]  # records of files that proved unusable further on, or had to be read again
    with RecordsWriter(table.arrow(), folder) as writer:
        ends = np.cumsum([path.stat().st_size for path in paths]).tolist()
        for path, name, end in zip(paths, names, ends, strict=True):
            n_before = writer.n_rows
            try:
                file, month_first = _read(path, name, table, columns, writer.append, folder)
                if month_first:
                    lost.append(np.arange(n_before, writer.n_rows))
                    n_before = writer.n_rows
                    file, _ = _read(path, name, table, columns, writer.append, folder, month_first)
                files.append(file)
            except InputError as error:
                if strict or len(paths) == 1:
                    raise
                aside.append(SetAside(name, path, str(error), sha256_of(path)))
                lost.append(np.arange(n_before, writer.n_rows))
            on_read(end, ends[-1])
        sound = writer.finish().without(np.concatenate(lost))
    if not files:
        raise InputError(f"none of {len(paths)} files can be used; the first: {aside[0].reason}")
    unusable = {name.file for name in aside}
    paths = [path for path, name in zip(paths, names, strict=True) if name not in unusable]
    names = [name for name in names if name not in unusable]
    dropped, faults = _duplicates(sound, table.key, folder)
    starts = np.concatenate([[0], np.cumsum([file.n_records - file.bad_positions.size for file in files])])
    n_rejected: list[int] = []

    def rejects() -> Iterator[pa.Table]:
        for file, name, start, end in zip(files, names, starts[:-1], starts[1:], strict=True):
            here = slice(*np.searchsorted(dropped, [start, end]))
            positions = nth_absent(file.bad_positions - 1, dropped[here] - start) + 1
            n_rejected.append(0)
            for part in _rejects(file, name, positions, faults[here], table.key):
                n_rejected[-1] += part.num_rows
                yield part

    rejected = mapped_table(rejects(), REJECTED.arrow(), folder)
    n_dropped = np.diff(np.searchsorted(dropped, starts))
    counts = _count(files, names, paths, np.diff(starts) - n_dropped, n_rejected, table)
    there = {normal_name(name) for file in files for name in file.names}
    unmatched = tuple(
        name for name, target in (columns or {}).items() if not {normal_name(name), normal_name(target)} & there
    )
    conflicting = dropped[faults & CONFLICTING_KEY > 0]
    notes = [collision_note(sound, table.key, conflicting, names, starts)] if table.key and conflicting.size else []
    notes += same_file_notes([(file.file, file.sha256) for file in counts])
    kept = sound.without(dropped)
    return Ingested(
        kept, _with_layouts(rejected, files, names, n_rejected), counts, unmatched, tuple(notes), tuple(aside)
    )


def _read(
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
    with _disk_errors(name):
        unread = UnreadColumns(table, sink)
        order = DateOrder(table, unread, month_first)
        file = reader(path, table, columns, name, order, folder)
    told = (*file.notes, *order.notes(), *unread.notes())
    again = order.month_first() if month_first is None else frozenset[str]()
    return replace(file, notes=told, unread=unread.names()), again


def column_names(path: Path) -> tuple[str, ...]:
    """The columns of a file as its header names them; InputError when the file cannot be used at all."""
    reader = _reader(path, path.name)
    # A reader wants a column to look for; one of this name is in no file, and no empty cell is called so.
    table = TableSchema(path.name, (Column("a column of no file", pa.string(), "", "", required=False),))
    with _disk_errors(path.name):
        return reader(path, table, None, path.name, lambda rows: None, None).names


def _duplicates(sound: Records, key: str | None, folder: Path) -> tuple[NDArray[np.int64], NDArray[np.uint16]]:
    """Rows that are not kept for another row's sake, and why."""
    if key is None:
        return np.zeros(0, np.int64), np.zeros(0, np.uint16)
    return duplicate_faults(sound, key, folder)


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
    except OSError as error:
        raise InputError(f"{file}: cannot be read ({error.strerror}): correct its permissions") from error
    return reader


@contextmanager
def _disk_errors(file: str) -> Iterator[None]:
    """Turns an error of the disk or the network share into one line for the user."""
    try:
        yield
    except OSError as error:
        raise InputError(f"{file}: cannot be read ({error.strerror}): check the disk or the network share") from error


def _rejects(
    file: FileRows, name: str, late: np.ndarray, late_faults: np.ndarray, key: str | None
) -> Iterator[pa.Table]:
    """Rejected records of one file in file order, some at a time: those the reader found and the ``late`` ones of the
    whole batch."""
    positions = np.concatenate([file.bad_positions, late])
    order = np.argsort(positions, kind="stable")
    positions = positions[order]
    faults = np.concatenate([file.faults, late_faults])[order]
    for start in range(0, positions.size, _REJECTED_AT_ONCE):
        here = slice(start, start + _REJECTED_AT_ONCE)
        with _disk_errors(name):
            raw = file.raw(positions[here])
        columns = [
            pa.repeat(pa.scalar(name), len(raw)),
            pa.array(positions[here], pa.int64()),
            pa.chunked_array([pa.array(raw, pa.binary())]),
            reason_lists(faults[here], key),
        ]
        yield pa.Table.from_arrays(columns, schema=REJECTED.arrow())


def _count(
    files: Sequence[FileRows],
    names: Sequence[str],
    paths: Sequence[Path],
    n_accepted: NDArray[np.int64],
    n_rejected: Sequence[int],
    table: TableSchema,
) -> tuple[FileCount, ...]:
    """The count of every file, checked."""
    counts = []
    for file, name, path, accepted, bad in zip(files, names, paths, n_accepted.tolist(), n_rejected, strict=True):
        if file.n_records != accepted + bad:
            raise VerificationError(
                f"{name}: {file.n_records} records, but {accepted} accepted and {bad} rejected: report this"
            )
        note = "; ".join(file.notes) or None
        about = (name, path, file.format, file.sha256, file.n_records, accepted, bad, note)
        absent = frozenset(table.names) - file.read
        counts.append(FileCount(*about, absent | file.unread, absent))
    return tuple(counts)


def _with_layouts(
    rejected: pa.Table, files: Sequence[FileRows], names: Sequence[str], n_rejected: Sequence[int]
) -> pa.Table:
    """Rejected records with the layouts of their CSV files in the metadata: what a replay needs."""
    layouts = {
        name: asdict(file.layout)
        for file, name, n in zip(files, names, n_rejected, strict=True)
        if file.layout is not None and n
    }
    return rejected.replace_schema_metadata({LAYOUTS: json.dumps(layouts, ensure_ascii=False)}) if layouts else rejected
