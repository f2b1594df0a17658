"""Distributes encoded registry rows to files by the leading bits of a key, so that each file can be sorted in memory.

A partition holds all rows whose keys have the same leading bits, so the partitions one after the other, each sorted by
itself, are the sorted registry. A file is an Arrow stream of the rows' strings and their encoded columns as bytes.
"""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from blocking.keys import Keys
from linkage.encode.dictionaries import Columns

_ENCODED = "encoded."  # a field of the plan may be named as the column it is read from


def partition_bits(n_rows: int, partition_rows: int) -> int:
    """How many leading bits of a key part n_rows into partitions of about, and hardly over, partition_rows."""
    return max(0, -(-n_rows // partition_rows) - 1).bit_length()


class Partitions:
    """Partition files in a folder: written chunk by chunk, then each read once.

    specimen : encoded columns of no rows, which say what types and widths there are
    n_rows, n_counted : int64[n], the rows of each partition so far, and how many values they are counted with
    """

    def __init__(self, folder: Path, n_bits: int, schema: pa.Schema, specimen: Columns) -> None:
        self._folder, self._n_bits, self.specimen = folder, n_bits, specimen
        self.n_rows, self.n_counted = np.zeros(1 << n_bits, np.int64), np.zeros(1 << n_bits, np.int64)
        fields = [pa.field(_ENCODED + name, pa.binary(_width(column))) for name, column in specimen.items()]
        self._schema = pa.schema([*schema, *fields])
        self._names = schema.names
        folder.mkdir()
        self._files = [pa.OSFile(str(self._path(number)), "wb") for number in range(1 << n_bits)]
        self._streams = [pa.ipc.new_stream(file, self._schema) for file in self._files]

    def __enter__(self) -> Partitions:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing can be appended afterwards."""
        for open_one in (*self._streams, *self._files):
            open_one.close()

    def append(self, rows: pa.Table, columns: Columns, keys: Keys, counted: NDArray[np.int64]) -> None:
        """Add rows with their encoded columns to the partitions that keys uint64[n] name; counted: int64[n], how many
        values of a table each row is counted with, at most."""
        of_row = (keys >> np.uint64(64 - self._n_bits)) if self._n_bits else np.zeros(keys.size, np.uint64)
        order = np.argsort(of_row, kind="stable")
        encoded = [_as_bytes(columns[name][order]) for name in self.specimen]
        table = pa.table([*rows.take(pa.array(order)).columns, *encoded], schema=self._schema)
        n_rows = np.bincount(of_row.astype(np.int64), minlength=self.n_rows.size)
        starts = np.cumsum(n_rows) - n_rows
        for number in np.flatnonzero(n_rows):
            self._streams[number].write_table(table.slice(starts[number], n_rows[number]))
        self.n_rows += n_rows
        np.add.at(self.n_counted, of_row.astype(np.int64), counted)

    def read(self, number: int) -> tuple[pa.Table, Columns]:
        """The rows of a partition and their encoded columns, in memory; the file is gone afterwards."""
        path = self._path(number)
        with pa.memory_map(str(path)) as source, pa.ipc.open_stream(source) as stream:
            table = stream.read_all().combine_chunks()
        path.unlink()
        columns = {name: _from_bytes(table.column(_ENCODED + name), like) for name, like in self.specimen.items()}
        return table.select(self._names), columns

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:05d}.arrows"


def _width(column: NDArray[np.generic]) -> int:
    """Bytes of one row of an encoded column."""
    return column.dtype.itemsize * int(np.prod(column.shape[1:], dtype=np.int64))


def _as_bytes(column: NDArray[np.generic]) -> pa.Array:
    whole = pa.py_buffer(np.ascontiguousarray(column))
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(_width(column)), column.shape[0], [None, whole])


def _from_bytes(stored: pa.ChunkedArray, like: NDArray[np.generic]) -> NDArray[np.generic]:
    column = stored.combine_chunks()
    if len(column) == 0:
        return like
    size = len(column) * _width(like) // like.dtype.itemsize
    values = np.frombuffer(column.buffers()[1], like.dtype, size, column.offset * _width(like))
    return values.reshape(-1, *like.shape[1:])
