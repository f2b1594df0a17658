"""How much a Parquet file may unpack to, and how many of its rows fit in memory at once.

Pages are compressed, and a value that comes again is stored once: some kilobytes may mean a terabyte. Records of doses
unpack to some ten times their size, so what says far more is refused before it fills the memory or the night.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pyarrow.types as pt

from linkage.errors import InputError

_MOST_TIMES, _ANYWAY_PAGE_BYTES, _ANYWAY_TEXT_BYTES = 200, 1 << 24, 1 << 30
_MOST_ROWS_A_BYTE, _ANYWAY_ROWS = 100, 10**7  # ascending keys and equal values take next to nothing
_MOST_ROWS, _BATCH_BYTES = 1 << 17, 1 << 28
_BUFFER_BYTES = 1 << 20
_REMEDY = "as no file of records does: look at what it holds, or send it as CSV"


class TextLimit:
    """Counts the text that the rows of a file have become."""

    def __init__(self, path: Path, file: str) -> None:
        self._file, self._n = file, 0
        self._most = _MOST_TIMES * path.stat().st_size + _ANYWAY_TEXT_BYTES

    def add(self, n_bytes: int) -> None:
        """InputError when it is far more than a file of that size holds."""
        self._n += n_bytes
        if self._n > self._most:
            raise InputError(f"{self._file}: its values come to over {_MOST_TIMES} times its size, {_REMEDY}")


@contextmanager
def open_parquet(path: Path, **options: Any) -> Iterator[pq.ParquetFile]:
    """The file, its column chunks read piece by piece: a row group may be as large as the file. Arrow takes paths that
    are not UTF-8 as bytes alone."""
    with pa.OSFile(os.fsencode(path)) as source, pq.ParquetFile(source, buffer_size=_BUFFER_BYTES, **options) as found:
        yield found


def check_announced(metadata: pq.FileMetaData, path: Path, file: str) -> None:
    """InputError when a file says that it unpacks to far more bytes or rows than records of its size would."""
    size = path.stat().st_size
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    n_bytes = sum(group.column(place).total_uncompressed_size for group in groups for place in range(group.num_columns))
    if n_bytes > _MOST_TIMES * size + _ANYWAY_PAGE_BYTES:
        raise InputError(f"{file}: its pages unpack to over {_MOST_TIMES} times its size, {_REMEDY}")
    if metadata.num_rows > _MOST_ROWS_A_BYTE * size + _ANYWAY_ROWS:
        raise InputError(f"{file}: announces {metadata.num_rows:,} rows in {size:,} bytes, {_REMEDY}")


def batch_rows(path: Path, metadata: pq.FileMetaData, columns: Sequence[str]) -> int:
    """So many rows at once as are no more than some hundred megabytes where each has the longest of the values that are
    stored once for many rows."""
    longest = 1
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        chunks = [group.column(place) for place in range(group.num_columns)]
        of_texts = [
            chunk.path_in_schema
            for chunk in chunks
            if chunk.physical_type == "BYTE_ARRAY" and chunk.has_dictionary_page and chunk.path_in_schema in columns
        ]
        # A dictionary is no longer than its chunk unpacks to, which most need not be opened to know.
        bound = sum(chunk.total_uncompressed_size for chunk in chunks if chunk.path_in_schema in of_texts)
        if bound * min(group.num_rows, _MOST_ROWS) > _BATCH_BYTES:
            longest = max(longest, _longest_value(path, number, of_texts))
    return max(1, min(_MOST_ROWS, _BATCH_BYTES // longest))


def _longest_value(path: Path, group: int, columns: Sequence[str]) -> int:
    """The bytes of the longest values of the columns' dictionaries in a row group, added up: one row brings them."""
    with open_parquet(path, read_dictionary=list(columns)) as parquet:
        first = next(parquet.iter_batches(1, row_groups=[group], columns=list(columns)), None)
    values = [column.dictionary for column in (first.columns if first else []) if pt.is_dictionary(column.type)]
    return sum(_longest(dictionary) for dictionary in values)


def _longest(values: pa.Array) -> int:
    return int(pc.max(pc.binary_length(values)).as_py() or 0)
