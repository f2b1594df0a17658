"""Reads the input files of a run as one batch; every record is accepted, or rejected with its bytes and reasons."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from linkage.errors import InputError, VerificationError, machine_fault
from linkage.ingest.duplicates import (
    collision_notes,
    duplicate_faults,
    repeated_note,
    same_file_notes,
    superseded_note,
)
from linkage.ingest.header import unmatched_names
from linkage.ingest.paths import AbsentFileError, check_file, file_names, sha256_of, size_of
from linkage.ingest.readers import read_file
from linkage.ingest.reasons import CONFLICTING_KEY, SUPERSEDED
from linkage.ingest.records import Records, RecordsWriter, mapped_table, nth_absent
from linkage.ingest.rejecting import rejected_parts, with_layouts
from linkage.ingest.rows import FileRows
from linkage.schema import REJECTED, TableSchema

Faults = NDArray[np.uint16] | NDArray[np.uint32]
Judge = Callable[[pa.Table, frozenset[str]], NDArray[np.uint32]]


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
    ``unmatched`` are the names of the column mapping that no file has, unless what they stand for is read by another.
    """

    accepted: Records
    rejected: pa.Table
    files: tuple[FileCount, ...]
    unmatched: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    set_aside: tuple[SetAside, ...] = ()

    def file_names(self) -> pa.Array:
        """The file of every accepted record: string[n]."""
        of_record = np.repeat(np.arange(len(self.files)), [file.accepted for file in self.files])
        return pa.array([file.file for file in self.files], pa.string()).take(pa.array(of_record))

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
    keep: str | None = None,
    strict: bool = True,
    keys_by_file: bool = False,
    judge: Judge | None = None,
    on_read: Callable[[int, int], None] = lambda done_bytes, total_bytes: None,
) -> Ingested:
    """Reads files of any format in `readers.READERS` as one batch.

    Parameters
    ----------
    paths : files, in the order in which identical records are preferred; formats are told by extension
    table : the schema that the files follow
    columns : schema names by column names of the files, for those that differ; compared without case and outer space
    scratch : folder for work files, on a disk that can hold the records; None = the system's temporary folder
    keep : name of a file in scratch that stays, the accepted records' work file; None leaves it without a name
    strict : whether a file that cannot be used stops all; else it is set aside, as long as there is another; one that
        does not exist stops all in any case
    keys_by_file : whether a record of one file may have the key of another file's: it is a later version of it
    judge : what finds further faults in the records that are sound: from some records of one file and the columns that
        it lacks, uint32[n] of reason bits; None finds none
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
        _check_file(path, name, strict=strict or len(paths) == 1)
    folder = Path(tempfile.gettempdir()) if scratch is None else scratch
    read = _read_all(paths, names, table, columns, folder, keep, strict=strict, on_read=on_read)
    dropped, faults = _duplicates(read, table.key, folder, by_file=keys_by_file)
    dropped, faults = _with_judged(read, dropped, faults, table, judge)
    n_rejected: list[int] = []
    rejected = mapped_table(_rejects(read, dropped, faults, table.key, n_rejected), REJECTED.arrow(), folder)
    counts = _count(read, dropped, n_rejected, table)
    there = [name for file in read.files for name in file.names]
    unmatched = unmatched_names(columns or {}, there, frozenset[str]().union(*(file.read for file in read.files)))
    kept = read.sound.without(dropped)
    notes = (
        *_key_notes(read, dropped, faults, kept, table, folder),
        *same_file_notes([(f.file, f.sha256) for f in counts]),
    )
    rejected = with_layouts(rejected, read.files, read.names, n_rejected)
    return Ingested(kept, rejected, counts, unmatched, notes, tuple(read.aside))


@dataclass(frozen=True)
class _Read:
    """The files that could be used, and their records in one row.

    sound: what the readers did not reject; starts: int64[n_files + 1], where the records of each file begin in them.
    """

    paths: list[Path]
    names: list[str]
    files: list[FileRows]
    aside: list[SetAside]
    sound: Records

    @property
    def starts(self) -> NDArray[np.int64]:
        return np.concatenate([[0], np.cumsum([file.n_records - file.bad_positions.size for file in self.files])])


def _read_all(
    paths: Sequence[Path],
    names: Sequence[str],
    table: TableSchema,
    columns: Mapping[str, str] | None,
    folder: Path,
    keep: str | None,
    *,
    strict: bool,
    on_read: Callable[[int, int], None],
) -> _Read:
    """Read every file, and those again whose dates prove to have the month first; see `ingest`."""
    files: list[FileRows] = []
    aside: list[SetAside] = []
    lost = [np.zeros(0, np.int64)]  # records of files that proved unusable further on, or had to be read again
    with RecordsWriter(table.arrow(), folder, name=keep) as writer:
        ends = np.cumsum([size_of(path) for path in paths]).tolist()
        for path, name, end in zip(paths, names, ends, strict=True):
            n_before = writer.n_rows
            try:
                file, month_first = read_file(path, name, table, columns, writer.append, folder)
                if month_first:
                    lost.append(np.arange(n_before, writer.n_rows))
                    n_before = writer.n_rows
                    file, _ = read_file(path, name, table, columns, writer.append, folder, month_first)
                files.append(file)
            except InputError as error:
                if strict or len(paths) == 1 or machine_fault(error):
                    raise
                aside.append(SetAside(name, path, str(error), sha256_of(path)))
                lost.append(np.arange(n_before, writer.n_rows))
            on_read(end, ends[-1])
        sound = writer.finish().without(np.concatenate(lost))
    if not files:
        raise InputError(f"none of {len(paths)} files can be used; the first: {aside[0].reason}")
    unusable = {file.file for file in aside}
    used = [(path, name) for path, name in zip(paths, names, strict=True) if name not in unusable]
    return _Read([path for path, _ in used], [name for _, name in used], files, aside, sound)


def _check_file(path: Path, name: str, *, strict: bool) -> None:
    """Refuse before anything is read what stops all: a file that is not there, or where ``strict`` any that is none."""
    try:
        check_file(path, name)
    except AbsentFileError:
        raise
    except InputError as error:  # else it is set aside when it is its turn
        if strict or machine_fault(error):
            raise


def _duplicates(read: _Read, key: str | None, folder: Path, *, by_file: bool) -> tuple[NDArray[np.int64], Faults]:
    """Rows that are not kept for another row's sake, and why; by_file: for one of the same file's alone."""
    if key is None:
        return np.zeros(0, np.int64), np.zeros(0, np.uint16)
    return duplicate_faults(read.sound, key, folder, read.starts if by_file else None)


def _with_judged(
    read: _Read, dropped: NDArray[np.int64], faults: Faults, table: TableSchema, judge: Judge | None
) -> tuple[NDArray[np.int64], Faults]:
    """Rows that are not kept, with those of a judge where there is one."""
    if judge is None:
        return dropped, faults
    found = np.zeros(read.sound.num_rows, np.uint32)
    found[dropped] = faults
    for file, (start, end) in zip(read.files, itertools.pairwise(read.starts.tolist()), strict=True):
        records = read.sound.take(np.arange(start, end))
        found[start:end] |= judge(records, frozenset(table.names) - file.read)
    kept_out = np.flatnonzero(found)
    return kept_out, found[kept_out]


def _key_notes(
    read: _Read,
    dropped: NDArray[np.int64],
    faults: Faults,
    kept: Records,
    table: TableSchema,
    folder: Path,
) -> Iterator[str]:
    """What to tell of keys that stand for different records, and of equal records that have none of their own."""
    if table.key is None:
        return
    conflicting = dropped[faults & CONFLICTING_KEY > 0]
    if conflicting.size:
        yield from collision_notes(read.sound, table.key, conflicting, read.names, read.starts)
    n_superseded = int(np.count_nonzero(faults & SUPERSEDED))
    if n_superseded:
        yield superseded_note(n_superseded)
    has_derived = [table.key not in file.read for file in read.files]
    if any(has_derived):
        starts = read.starts - np.searchsorted(dropped, read.starts)
        repeated = repeated_note(kept, table.key, has_derived, read.names, starts, folder)
        if repeated:
            yield repeated


def _rejects(
    read: _Read, dropped: NDArray[np.int64], faults: Faults, key: str | None, n_rejected: list[int]
) -> Iterator[pa.Table]:
    """Rejected records of all files; dropped: sound records that are not kept, faults: why; n_rejected out: how many
    each file has."""
    for file, name, (start, end) in zip(read.files, read.names, itertools.pairwise(read.starts), strict=True):
        here = slice(*np.searchsorted(dropped, [start, end]))
        positions = nth_absent(file.bad_positions - 1, dropped[here] - start) + 1
        n_rejected.append(0)
        for part in rejected_parts(file, name, positions, faults[here], key):
            n_rejected[-1] += part.num_rows
            yield part


def _count(
    read: _Read, dropped: NDArray[np.int64], n_rejected: Sequence[int], table: TableSchema
) -> tuple[FileCount, ...]:
    """The count of every file, checked."""
    n_accepted = np.diff(read.starts) - np.diff(np.searchsorted(dropped, read.starts))
    counts = []
    for file, name, path, accepted, bad in zip(
        read.files, read.names, read.paths, n_accepted.tolist(), n_rejected, strict=True
    ):
        if file.n_records != accepted + bad:
            raise VerificationError(
                f"{name}: {file.n_records} records, but {accepted} accepted and {bad} rejected: report this"
            )
        note = "; ".join(file.notes) or None
        about = (name, path, file.format, file.sha256, file.n_records, accepted, bad, note)
        absent = frozenset(table.names) - file.read
        counts.append(FileCount(*about, absent | file.unread, absent))
    return tuple(counts)
