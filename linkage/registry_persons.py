"""The registry rows as they were read, in row order, behind an index: an Arrow file that is mapped, not loaded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from linkage.ingest.records import Records

CHUNK_ROWS = 1 << 16


def write_persons(path: Path, schema: pa.Schema, tables: Iterable[pa.Table]) -> None:
    """Write tables one after the other, in chunks that do not depend on where one table ends."""
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
        for chunk in _chunks(schema, tables):
            # A copy: Arrow writes a part of an array with some bytes of what follows it.
            writer.write_table(chunk.combine_chunks().take(pa.array(np.arange(chunk.num_rows))))


def open_persons(path: Path, n_persons: int) -> Records:
    """The rows that ``write_persons`` wrote; opening reads none of them."""
    starts = np.append(np.arange(0, n_persons, CHUNK_ROWS), n_persons)
    with pa.memory_map(str(path)) as source:
        return Records(source.read_buffer(), starts, np.zeros(0, np.int64))


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
