"""Merges the parts of a state: what is no longer in force goes, but for doses, decisions and verdicts, which stay; and
figures of nights against which none is held any more."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from linkage.state.folder import State
from linkage.state.rows import in_force, versions_of
from linkage.state.tables import ALL_KEPT, FIGURES, NIGHTS_COUNTED, TABLES

MOST_PARTS = 16  # of a state, each of which is looked into for every row; with one more they become one


def is_due(state: State) -> bool:
    """Whether the next night's part takes the place of all before it."""
    return len(state.manifest["parts"]) >= MOST_PARTS


def merged(state: State, rows: Mapping[str, pa.Table]) -> dict[str, pa.Table]:
    """The rows of a state with those of a night, by table."""
    found = {}
    for name, table in TABLES.items():
        parts = [versions_of(state, table), *([rows[name]] if name in rows else [])]
        # An empty table does not know the columns of the plan's comparisons.
        parts = [part for part in parts if part.num_rows]
        if not parts:
            continue
        every = pa.concat_tables(parts)
        if table is FIGURES:
            counted = np.unique(every["night"].to_numpy())  # nights in which no dose came have none
            every = every.filter(pc.greater_equal(every["night"], counted[-NIGHTS_COUNTED:][0]))
        if table.order is None:
            found[name] = every.group_by(every.column_names).aggregate([]).cast(table.schema)
        else:
            found[name] = every if table in ALL_KEPT else in_force(every, table)
    return {name: kept for name, kept in found.items() if kept.num_rows}
