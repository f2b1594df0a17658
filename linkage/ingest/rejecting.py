"""The records of a file that are not accepted, with their bytes, their reasons and the layout of the file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict

import numpy as np
import pyarrow as pa

from linkage.ingest.readers import disk_errors
from linkage.ingest.reasons import reason_lists
from linkage.ingest.rows import FileRows
from linkage.schema import REJECTED

_REJECTED_AT_ONCE = 1 << 18  # of records whose bytes are looked for again; the others lie in a work file

# Key of the schema metadata of the rejected table: header, delimiter and encoding of the CSV files, by file, as JSON.
LAYOUTS = b"linkage.layouts"


def rejected_parts(
    file: FileRows, name: str, late: np.ndarray, late_faults: np.ndarray, key: str | None
) -> Iterator[pa.Table]:
    """Rejected records of one file in file order, some at a time: those the reader found and the ``late`` ones of the
    whole batch."""
    positions = np.concatenate([file.bad_positions, late])
    order = np.argsort(positions, kind="stable")
    positions = positions[order]
    faults = np.concatenate([file.faults, late_faults])[order]
    for start in range(0, positions.size, _REJECTED_AT_ONCE):
        here = slice(start, start + _REJECTED_AT_ONCE)
        with disk_errors(name):
            found = file.originals(positions[here])
        n = len(found.raw)
        columns = [
            pa.repeat(pa.scalar(name), n),
            pa.array(positions[here], pa.int64()),
            pa.nulls(n, pa.int64()) if found.lines is None else pa.array(found.lines, pa.int64()),
            pa.nulls(n, pa.string()) if found.sheets is None else pa.array(found.sheets, pa.string()),
            pa.chunked_array([pa.array(found.raw, pa.binary())]),
            reason_lists(faults[here], key),
        ]
        yield pa.Table.from_arrays(columns, schema=REJECTED.arrow())


def with_layouts(
    rejected: pa.Table, files: Sequence[FileRows], names: Sequence[str], n_rejected: Sequence[int]
) -> pa.Table:
    """Rejected records with the layouts of their CSV files in the metadata: what a replay needs."""
    layouts = {
        name: asdict(file.layout)
        for file, name, n in zip(files, names, n_rejected, strict=True)
        if file.layout is not None and n
    }
    return rejected.replace_schema_metadata({LAYOUTS: json.dumps(layouts, ensure_ascii=False)}) if layouts else rejected
