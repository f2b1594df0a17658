"""The registry rows as they were read, in row order, behind an index: Arrow files that are mapped, not loaded."""

from __future__ import annotations

import mmap
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from linkage.ingest.duplicates import hash_keys
from linkage.ingest.records import Records
from linkage.threads import in_order

CHUNK_ROWS = 1 << 16
_MAGIC = b"ARROW1"  # the first and the last bytes of an Arrow file
_FILTER_BITS = 22  # of the table that most ids which are not looked for fail in


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

    def rows_of(self, column: str, ids: pa.Array) -> NDArray[np.int64]:
        """The number of the living row of each id, distinct ones: int64[n], -1 where there is none."""
        rows = _find(self._large, column, ids)
        rows[np.isin(rows, self._removed)] = -1
        if self._few is not None:
            found = _find(self._few, column, ids)
            rows = np.where(found >= 0, found + self._large.num_rows, rows)
        return rows


def write_persons(path: Path, schema: pa.Schema, tables: Iterable[pa.Table]) -> None:
    """Write tables one after the other, in chunks that do not depend on where one table ends."""
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
        for chunk in _chunks(schema, tables):
            # A copy: Arrow writes a part of an array with some bytes of what follows it.
            writer.write_table(chunk.combine_chunks().take(pa.array(np.arange(chunk.num_rows))))


def open_persons(path: Path, n_persons: int) -> Records:
    """The rows that ``write_persons`` wrote; opening reads none of them."""
    starts = np.append(np.arange(0, n_persons, CHUNK_ROWS), n_persons)
    with path.open("rb") as file:
        content, by_value = (mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) for _ in range(2))
    if content[: len(_MAGIC)] != _MAGIC or content[-len(_MAGIC) :] != _MAGIC:
        raise ValueError(f"{path.name}: cut off, or no Arrow file")
    # What the system reads ahead of a page is the whole file where a few rows are taken.
    by_value.madvise(mmap.MADV_RANDOM)
    return Records(pa.py_buffer(content), starts, path=path, by_value=pa.py_buffer(by_value))


def _find(records: Records, column: str, ids: pa.Array, n_threads: int = 2) -> NDArray[np.int64]:
    """The row of each id, int64[n], -1 where there is none: by a hash, and the few that this finds by their text."""
    hashes = hash_keys(pa.chunked_array([ids]))
    wanted = np.sort(hashes)
    is_wanted = np.zeros(1 << _FILTER_BITS, np.bool_)
    is_wanted[hashes >> np.uint64(64 - _FILTER_BITS)] = True

    def work(first: int, chunk: pa.Table) -> tuple[NDArray[np.int64], pa.ChunkedArray]:
        texts = chunk.column(0)
        found = hash_keys(texts)
        places = np.flatnonzero(is_wanted[found >> np.uint64(64 - _FILTER_BITS)])
        near = np.minimum(np.searchsorted(wanted, found[places]), wanted.size - 1)
        places = places[wanted[near] == found[places]]
        return first + places, texts.take(pa.array(places))

    def tasks() -> Iterator[partial[tuple[NDArray[np.int64], pa.ChunkedArray]]]:
        first = 0
        for chunk in records.chunks([column]):
            yield partial(work, first, chunk)
            first += chunk.num_rows

    rows = np.full(len(ids), -1, np.int64)
    with ThreadPoolExecutor(n_threads) as pool:
        found = [part for part in in_order(tasks() if len(ids) else (), pool, n_threads) if part[0].size]
    if found:
        of_id = pc.index_in(pa.chunked_array([chunk for _, texts in found for chunk in texts.chunks]), ids)
        rows[of_id.drop_null().to_numpy()] = np.concatenate([places for places, _ in found])[of_id.is_valid()]
    return rows


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
