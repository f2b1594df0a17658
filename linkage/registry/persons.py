"""The registry rows as they were read, in row order, behind an index: Arrow files that are mapped, not loaded.

Their chunks are checked when rows are read from them, by the sums of linkage.storage.checksums: what is copied into a
result, or into another index, is what was written.
"""

from __future__ import annotations

import mmap
import struct
import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from linkage.ingest.records import Records
from linkage.registry.sums import CheckedFiles
from linkage.storage.checksums import CheckedFile

PERSONS, STARTS = "persons.arrow", "persons.starts.npy"
CHUNK_ROWS = 1 << 16
_MAGIC = b"ARROW1"  # the first and the last bytes of an Arrow file
_END = struct.Struct("<i6s")  # its last bytes: how long the footer before them is
_MESSAGE = struct.Struct("<II")  # of a chunk in it the first bytes: a mark, and how long its description behind them is
_END_BYTES = 4  # of where a text ends

_Spans = tuple[NDArray[np.int64], NDArray[np.int64]]


class Persons:
    """The rows of an index: the large part, some of whose rows are gone, and the few rows that came since.

    Row numbers go through both parts; those of rows that are gone stay empty.

    removed : uint32[k] ascending, rows of the large part that are gone
    """

    def __init__(self, large: Records, removed: NDArray[np.uint32] | None = None, few: Records | None = None) -> None:
        self._large, self._few = large, few
        self._removed = np.empty(0, np.uint32) if removed is None else removed

    def with_changes(self, removed: NDArray[np.uint32], few: Records) -> Persons:
        """The large part without rows that are gone, and with the rows that came since."""
        return Persons(self._large, removed, few)

    @property
    def num_rows(self) -> int:
        return self._large.num_rows - self._removed.size + (0 if self._few is None else self._few.num_rows)

    @property
    def schema(self) -> pa.Schema:
        return self._large.schema

    def chunks(self, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
        """The living rows, in order of their numbers."""
        yield from self._large.without(self._removed.astype(np.int64)).chunks(columns)
        if self._few is not None:
            yield from self._few.chunks(columns)

    def read(self, columns: Sequence[str] | None = None) -> pa.Table:
        """All living rows in memory."""
        return pa.concat_tables(self.chunks(columns))

    def column(self, name: str) -> pa.ChunkedArray:
        """One column of all living rows in memory."""
        return self.read([name]).column(0)

    def take(self, rows: NDArray[np.int64], columns: Sequence[str] | None = None) -> pa.Table:
        """Rows by number, int64[n] in any order, in memory."""
        n_large = self._large.num_rows
        is_few = rows >= n_large
        if self._few is None or not is_few.any():
            return self._large.take(rows, columns)
        parts = [self._large.take(rows[~is_few], columns), self._few.take(rows[is_few] - n_large, columns)]
        place = np.empty(rows.size, np.int64)
        place[np.flatnonzero(~is_few)] = np.arange(rows.size - np.count_nonzero(is_few))
        place[np.flatnonzero(is_few)] = np.arange(rows.size - np.count_nonzero(is_few), rows.size)
        return pa.concat_tables(parts).combine_chunks().take(pa.array(place))


def write_persons(folder: Path, schema: pa.Schema, tables: Iterable[pa.Table]) -> None:
    """Write tables one after the other, in chunks that do not depend on where one table ends, and where each chunk
    starts in the file."""
    starts = []
    with pa.OSFile(str(folder / PERSONS), "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
        for chunk in _chunks(schema, tables):
            starts.append(sink.tell())
            # A copy: Arrow writes a part of an array with some bytes of what follows it.
            writer.write_table(chunk.combine_chunks().take(pa.array(np.arange(chunk.num_rows))))
        starts.append(sink.tell())
    np.save(folder / STARTS, np.array(starts, np.int64), allow_pickle=False)


def open_persons(files: CheckedFiles, folder: str, n_persons: int) -> Records:
    """The rows that ``write_persons`` wrote, among the files of a version; opening reads none of them."""
    file, starts = files[folder + PERSONS], files[folder + STARTS]
    starts.check()
    firsts = np.append(np.arange(0, n_persons, CHUNK_ROWS), n_persons)
    with file.path.open("rb") as opened:
        content, by_value = (mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) for _ in range(2))
    if content[: len(_MAGIC)] != _MAGIC or content[-len(_MAGIC) :] != _MAGIC:
        raise ValueError(f"{file.path.name}: cut off, or no Arrow file")
    # What the system reads ahead of a page is the whole file where a few rows are taken.
    by_value.madvise(mmap.MADV_RANDOM)
    _check_footer(file, content)
    mapped = pa.py_buffer(by_value)
    check = _RowsCheck(file, mapped, np.load(starts.path, allow_pickle=False))
    return Records(pa.py_buffer(content), firsts, path=file.path, by_value=mapped, check=check)


def _check_footer(file: CheckedFile, content: mmap.mmap) -> None:
    """Where the chunks are, and of what columns, stands at the end."""
    end = file.n_bytes - _END.size
    file.check(end)
    file.check(end - _END.unpack(content[end:])[0])


class _RowsCheck:
    """Checks what rows of a chunk are read from: how it is laid out, and of some of its columns all values, or of a few
    rows theirs.

    content : the mapped file; starts: int64[n_chunks + 1], where each chunk starts in it
    """

    def __init__(self, file: CheckedFile, content: pa.Buffer, starts: NDArray[np.int64]) -> None:
        self._file, self._content, self._starts = file, content, starts
        self._own = threading.local()

    def __call__(self, number: int, columns: Sequence[str] | None, rows: NDArray[np.int64] | None) -> None:
        """Chunk ``number``; columns None: all; rows: int64[n] within the chunk, None: all."""
        start = int(self._starts[number])
        if columns is None and rows is None:
            self._file.check(start, int(self._starts[number + 1]))
            return
        self._file.check(start, start + _MESSAGE.size)
        self._file.check(start, start + _MESSAGE.size + _MESSAGE.unpack_from(self._content, start)[1])
        chunk = self._reader().get_batch(number)
        arrays = [chunk.column(name) for name in columns] if columns is not None else chunk.columns
        spans = [span for array in arrays for span in self._fixed_spans(array, rows)]
        self._check(spans)
        if rows is not None:
            self._check([self._text_span(array, rows) for array in arrays])

    def _reader(self) -> pa.ipc.RecordBatchFileReader:
        """One for each thread: they are not safe to share."""
        if not hasattr(self._own, "reader"):
            self._own.reader = pa.ipc.open_file(self._content)
        return self._own.reader

    def _fixed_spans(self, array: pa.Array, rows: NDArray[np.int64] | None) -> Iterator[_Spans]:
        """Where the bits of what is there and the ends of texts lie; without rows, the texts too."""
        for place, buffer in enumerate(array.buffers()):
            if buffer is None:
                continue
            start = buffer.address - self._content.address
            if rows is None:
                yield np.array([start]), np.array([start + buffer.size])
            elif place == 0:
                yield start + rows // 8, start + rows // 8 + 1
            elif place == 1:
                yield start + rows * _END_BYTES, start + (rows + 2) * _END_BYTES

    def _text_span(self, array: pa.Array, rows: NDArray[np.int64]) -> _Spans:
        """Where the texts of rows lie, whose ends were checked."""
        _, ends, texts = array.buffers()
        start = 0 if texts is None else texts.address - self._content.address
        of_rows = np.frombuffer(ends, np.int32)
        return start + of_rows[rows].astype(np.int64), start + of_rows[rows + 1].astype(np.int64)

    def _check(self, spans: Sequence[_Spans]) -> None:
        if spans:
            self._file.check_spans(*(np.concatenate(side) for side in zip(*spans, strict=True)))


def _chunks(schema: pa.Schema, tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """The rows of all tables, CHUNK_ROWS at a time."""
    waiting = schema.empty_table()
    for table in tables:
        waiting = pa.concat_tables([waiting, table])
        while waiting.num_rows >= CHUNK_ROWS:
            yield waiting.slice(0, CHUNK_ROWS)
            waiting = waiting.slice(CHUNK_ROWS)
    if waiting.num_rows:
        yield waiting
