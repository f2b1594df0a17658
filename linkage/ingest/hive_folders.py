"""Columns that stand in the names of the folders of a Parquet file, as ``dose_date=2022-08-29/part-0.parquet``: so do
Hive, Spark and DuckDB write tables in partitions."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import unquote

import pyarrow as pa

from linkage.ingest.cleaning import normal_name

_NAMED = re.compile(r"([^=]+)=(.*)")
_NO_VALUE = "__HIVE_DEFAULT_PARTITION__"


def folder_values(path: Path, names: Sequence[str]) -> dict[str, str | None]:
    """The values of the folders right above a file, by column, the outermost first; a column that the file has itself,
    by one of ``names``, is left out."""
    found: dict[str, str | None] = {}
    for folder in path.absolute().parents:
        named = _NAMED.fullmatch(folder.name)
        if named is None:
            break
        column, value = map(unquote, named.groups())
        found[column] = None if value in ("", _NO_VALUE) else value
    own = set(map(normal_name, names))
    return {column: found[column] for column in reversed(found) if normal_name(column) not in own}


def with_values(rows: pa.RecordBatch, values: Mapping[str, str | None]) -> pa.RecordBatch:
    """Rows with a column more for each value, the same in all."""
    if not values:
        return rows
    added = [pa.repeat(pa.scalar(value, pa.string()), rows.num_rows) for value in values.values()]
    fields = [*rows.schema, *(pa.field(name, pa.string()) for name in values)]
    return pa.RecordBatch.from_arrays([*rows.columns, *added], schema=pa.schema(fields))
