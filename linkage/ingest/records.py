"""The accepted records of a batch, in a work file: a hundred million of them fit in little memory.

An Arrow IPC file of chunks, compressed column by column: a pass over some columns reads only these, and a record is
found by its chunk. The file is mapped, so what is cached of it belongs to the system. It has no name and vanishes with
the process, however that ends, unless it is given one: a run publishes it.
"""

from __future__ import annotations

import io
import mmap
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from linkage.machine.scratch import writing_work_files
from linkage.storage.checksums import Sums
from linkage.storage.hashed_file import HashedFile

CHUNK_ROWS = 1 << 18
# Of a mapped chunk, rows whose values are read one by one: of all columns fifty pages each, where there are thousands.
_FEW_ROWS = 16
Check = Callable[[int, Sequence[str] | None, NDArray[np.int64] | None], None]
_OPTIONS = pa.ipc.IpcWriteOptions(compression="lz4", use_threads=True)


@dataclass(frozen=True)
class WorkFile:
    """A work file with a name, as long as nobody removes it: its size, the SHA-256 of its bytes, and the sums of
    its chunks."""

    path: Path
    n_bytes: int
    sha256: str
    sums: Sums


class Records:
    """Records in their order, all columns text; safe to read from several threads.

    content : the Arrow IPC file
    starts : int64[n_chunks + 1], the number of the first stored row of each chunk, and the number of all
    dropped : int64[n], ascending, the stored rows that are not among the records
    path : of a file that is mapped and not compressed: a few columns are read from it, for of what is mapped the system
        reads all that lies around them
    by_value : of such a file the same bytes, mapped for reading a value here and there
    check : called before rows are read with the chunk's number, the columns and, of a few, their places in it
    work_file : the file of the content, where it has a name
    """

    def __init__(
        self,
        content: pa.Buffer,
        starts: NDArray[np.int64],
        dropped: NDArray[np.int64] | None = None,
        path: Path | None = None,
        by_value: pa.Buffer | None = None,
        check: Check | None = None,
        work_file: WorkFile | None = None,
    ) -> None:
        self._content = content
        self._starts = starts
        self._dropped = np.zeros(0, np.int64) if dropped is None else dropped
        self._path, self._by_value, self._check = path, by_value, check
        self._work_file = work_file

    @classmethod
    def of(cls, table: pa.Table, chunk_rows: int = CHUNK_ROWS) -> Records:
        """The rows of a table as records, in memory."""
        with RecordsWriter(table.schema, None, chunk_rows) as writer:
            writer.append(table)
            return writer.finish()

    @classmethod
    def of_file(cls, path: Path) -> Records:
        """The records that a file holds, as `write` writes it. Raises OSError or ArrowException where it does not."""
        with path.open("rb") as file:
            content = pa.py_buffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        reader = pa.ipc.open_file(content, options=pa.ipc.IpcReadOptions(included_fields=[0]))
        sizes = [reader.get_batch(number).num_rows for number in range(reader.num_record_batches)]
        return cls(content, np.cumsum([0, *sizes]))

    @classmethod
    def of_state(cls, folder: Path, state: Mapping[str, Any]) -> Records:
        """The records of a state, whose file lies in a folder."""
        made = WorkFile(folder / state["file"], state["n_bytes"], state["sha256"], state["sums"])
        with made.path.open("rb") as file:
            content = pa.py_buffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        return cls(content, state["starts"], state["dropped"], work_file=made)

    def state(self) -> dict[str, Any]:
        """What is known of records in a named file beside it."""
        made = self._work_file
        if made is None:
            raise ValueError("their work file has no name")
        named = {"file": made.path.name, "n_bytes": made.n_bytes, "sha256": made.sha256, "sums": made.sums}
        return {**named, "starts": self._starts, "dropped": self._dropped}

    @property
    def work_file(self) -> WorkFile | None:
        """The named file that holds these records and no others, if there is one."""
        return None if self._dropped.size else self._work_file

    @property
    def num_rows(self) -> int:
        return int(self._starts[-1]) - self._dropped.size

    @property
    def schema(self) -> pa.Schema:
        return self._open(None).schema

    def chunks(self, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
        """The records in order, at most CHUNK_ROWS at a time; ``columns`` None is all of them."""
        reader = self._open(columns)
        for number in range(reader.num_record_batches):
            if self._check is not None:
                self._check(number, columns, None)
            chunk = _chunk(reader, number, columns)
            start = self._starts[number]
            low, high = np.searchsorted(self._dropped, [start, start + chunk.num_rows])
            if low < high:
                keep = np.ones(chunk.num_rows, np.bool_)
                keep[self._dropped[low:high] - start] = False
                chunk = chunk.filter(pa.array(keep))
            yield chunk

    def read(self, columns: Sequence[str] | None = None) -> pa.Table:
        """All records in memory."""
        return pa.concat_tables([self._empty(columns), *self.chunks(columns)])

    def column(self, name: str) -> pa.ChunkedArray:
        """One column of all records in memory."""
        return self.read([name]).column(0)

    def take(self, rows: NDArray[np.int64], columns: Sequence[str] | None = None) -> pa.Table:
        """The records of given rows, int64[n] in any order, in memory; each chunk that holds one is read once."""
        stored = nth_absent(self._dropped, rows)
        order = np.argsort(stored, kind="stable")
        ascending = stored[order]
        whole, by_value = self._open(columns), None if self._by_value is None else pa.ipc.open_file(self._by_value)
        numbers, firsts = np.unique(np.searchsorted(self._starts, ascending, side="right") - 1, return_index=True)
        parts = [self._empty(columns)]
        for number, wanted in zip(numbers.tolist(), np.split(ascending, firsts[1:]), strict=False):
            are_few = by_value is not None and wanted.size <= _FEW_ROWS
            reader, places = by_value if are_few else whole, wanted - self._starts[number]
            if self._check is not None:
                self._check(number, columns, places if are_few else None)
            parts.append(_chunk(reader, number, columns).take(pa.array(places)))
        found = pa.concat_tables(parts)
        if (order[1:] > order[:-1]).all():
            return found
        place = np.empty_like(order)
        place[order] = np.arange(order.size)
        return found.combine_chunks().take(pa.array(place))

    def without(self, rows: NDArray[np.int64]) -> Records:
        """The other records; ``rows``: int64[n], distinct, ascending. Nothing is copied."""
        dropped = np.sort(np.concatenate([self._dropped, nth_absent(self._dropped, rows)]))
        return Records(self._content, self._starts, dropped, self._path, self._by_value, self._check, self._work_file)

    def write(self, sink: BinaryIO | HashedFile) -> None:
        """Write the records as the file that they are read from."""
        with pa.ipc.new_file(pa.PythonFile(sink, "w"), self.schema, options=_OPTIONS) as writer:
            for chunk in self.chunks():
                writer.write_table(chunk.combine_chunks())

    def _open(self, columns: Sequence[str] | None) -> pa.ipc.RecordBatchFileReader:
        """A reader of its own for every caller: readers are not safe to share between threads.

        One of named columns copies the whole of them into memory when it opens a chunk, of a mapped file too.
        """
        reader = pa.ipc.open_file(self._content)
        if columns is None:
            return reader
        places = [reader.schema.get_field_index(name) for name in columns]
        are_few = self._path is not None and 2 * len(places) < len(reader.schema)
        source = pa.OSFile(str(self._path)) if are_few else self._content
        return pa.ipc.open_file(source, options=pa.ipc.IpcReadOptions(included_fields=places))

    def _empty(self, columns: Sequence[str] | None) -> pa.Table:
        table = self.schema.empty_table()
        return table if columns is None else table.select(list(columns))


class RecordsWriter:
    """Makes tables of one schema into Records; a context, which closes the work file.

    folder : where the work file lies, on a disk that can hold the records; None keeps them in memory
    name : of the work file in the folder, which stays; None leaves it without one
    """

    def __init__(
        self, schema: pa.Schema, folder: Path | None, chunk_rows: int = CHUNK_ROWS, name: str | None = None
    ) -> None:
        self._chunk_rows, self._folder = chunk_rows, folder or Path()  # in memory no disk refuses anything
        self._waiting = schema.empty_table()
        self._starts = [0]
        with writing_work_files(self._folder):
            self._path = None if folder is None or name is None else folder / name
            self._file = _work_file(folder, self._path)
            self._sink = self._file if self._path is None else HashedFile(self._file)
            self._ipc = pa.ipc.new_file(pa.PythonFile(self._sink, "w"), schema, options=_OPTIONS)

    def __enter__(self) -> RecordsWriter:
        return self

    def __exit__(self, *error: object) -> None:
        with suppress(OSError):  # of a full disk, which has been told
            self._file.close()

    @property
    def n_rows(self) -> int:
        """Rows that were added so far."""
        return self._starts[-1] + int(self._waiting.num_rows)

    def append(self, table: pa.Table) -> None:
        """Add rows; tables of any length become chunks of one length.

        Raises LinkageError when the disk cannot hold them.
        """
        self._waiting = pa.concat_tables([self._waiting, table])
        while self._waiting.num_rows >= self._chunk_rows:
            self._write(self._waiting.slice(0, self._chunk_rows))
            self._waiting = self._waiting.slice(self._chunk_rows)

    def finish(self) -> Records:
        """All that was added; nothing can be added afterwards."""
        self._write(self._waiting)
        with writing_work_files(self._folder):
            self._ipc.close()
            self._file.flush()
            if isinstance(self._file, io.BytesIO):
                content = pa.py_buffer(self._file.getvalue())
            else:
                content = pa.py_buffer(mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ))
        made = None
        if self._path is not None and isinstance(self._sink, HashedFile):
            made = WorkFile(self._path, self._sink.size, self._sink.sha256.hexdigest(), self._sink.chunks.sums())
        return Records(content, np.array(self._starts), work_file=made)

    def _write(self, rows: pa.Table) -> None:
        # A column of more than 2 GiB stays in pieces, each of which becomes a chunk.
        for batch in rows.combine_chunks().to_batches():
            with writing_work_files(self._folder):
                self._ipc.write_batch(batch)
            self._starts.append(self._starts[-1] + batch.num_rows)


def _work_file(folder: Path | None, path: Path | None) -> BinaryIO:
    if path is not None:
        return path.open("x+b")
    return io.BytesIO() if folder is None else tempfile.TemporaryFile(dir=folder)


def mapped_table(parts: Iterable[pa.Table], schema: pa.Schema, folder: Path) -> pa.Table:
    """The rows of all parts as one table that lies in an unlinked work file in ``folder``, and hardly in memory.

    Raises LinkageError when the disk cannot hold them.
    """
    waiting = iter(parts)
    first = next(waiting, None)
    if first is None:
        return schema.empty_table()
    with writing_work_files(folder), tempfile.TemporaryFile(dir=folder) as file:
        with pa.ipc.new_file(pa.PythonFile(file, "w"), schema) as writer:
            for part in chain([first], waiting):
                writer.write_table(part)
        file.flush()
        content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    return pa.ipc.open_file(pa.py_buffer(content)).read_all()


def nth_absent(present: NDArray[np.int64], ranks: NDArray[np.int64]) -> NDArray[np.int64]:
    """The whole numbers from 0 that are not in ``present`` (ascending, distinct), by their rank among these, from 0."""
    return ranks + np.searchsorted(present - np.arange(present.size), ranks, side="right")


def _chunk(reader: pa.ipc.RecordBatchFileReader, number: int, columns: Sequence[str] | None) -> pa.Table:
    """All stored rows of one chunk."""
    chunk = pa.Table.from_batches([reader.get_batch(number)])
    return chunk if columns is None else chunk.select(list(columns))
