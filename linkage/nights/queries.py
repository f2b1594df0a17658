"""Tables of a night joined and counted in DuckDB."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import duckdb
import pyarrow as pa

from linkage.machine.memory import memory_bytes

_MOST_BYTES = 4 << 30
_Folder = tempfile.TemporaryDirectory[str]


def answer(query: str, **tables: pa.Table) -> pa.Table:
    """What a query in SQL says of tables by their names."""
    with _database()[0].cursor() as connection:
        for name, rows in tables.items():
            connection.register(name, rows)
        found: pa.Table = connection.sql(query).to_arrow_table()
    return found


@contextmanager
def bounded() -> Iterator[duckdb.DuckDBPyConnection]:
    """A database that holds a few GiB, or half of what there is, and the rest in a folder of this user alone in that
    for temporary files ($TMPDIR), which goes."""
    connection, folder = _opened()
    with folder, connection:
        yield connection


@cache
def _database() -> tuple[duckdb.DuckDBPyConnection, _Folder]:
    """An empty one in memory, which takes longer to open than most queries; each query has a connection of its own. The
    folder goes with the process."""
    return _opened()


def _opened() -> tuple[duckdb.DuckDBPyConnection, _Folder]:
    folder, connection = tempfile.TemporaryDirectory(prefix="linkage-"), duckdb.connect()
    connection.execute(f"SET memory_limit = '{min(_MOST_BYTES, memory_bytes() // 2)}B'")
    connection.execute("SET temp_directory = ?", [folder.name])
    return connection, folder
