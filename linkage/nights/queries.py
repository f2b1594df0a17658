"""Tables of a night joined and counted in DuckDB."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path

import duckdb
import pyarrow as pa

from linkage.machine.memory import memory_bytes
from linkage.storage.work_folders import work_folder

_MOST_BYTES = 4 << 30
_KEPT = ExitStack()


def answer(query: str, **tables: pa.Table) -> pa.Table:
    """What a query in SQL says of tables by their names."""
    with _database().cursor() as connection:
        for name, rows in tables.items():
            connection.register(name, rows)
        found: pa.Table = connection.sql(query).to_arrow_table()
    return found


@contextmanager
def bounded() -> Iterator[duckdb.DuckDBPyConnection]:
    """A database that holds a few GiB, or half of what there is, and the rest in a folder of this user alone in that
    for temporary files ($TMPDIR), which goes.

    Raises OSError where that folder cannot be made.
    """
    with work_folder(Path(tempfile.gettempdir())) as folder, duckdb.connect() as connection:
        connection.execute(f"SET memory_limit = '{min(_MOST_BYTES, memory_bytes() // 2)}B'")
        connection.execute("SET temp_directory = ?", [str(folder)])
        yield connection


@cache
def _database() -> duckdb.DuckDBPyConnection:
    """An empty one, which takes longer to open than most queries; each query has a connection of its own. Its folder
    goes with the process."""
    return _KEPT.enter_context(bounded())
