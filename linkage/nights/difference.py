"""What a night changed: rows that were made anew, held against those in force."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from linkage.nights.queries import answer

# Of an item of a queue what the day and its neighbours in the list make of it: another one is no other item.
_OF_THE_DAY = ("list_date", "deadline", "priority")


@dataclass(frozen=True)
class Difference:
    """Rows of one table, by what became of them; each table has the columns of the rows compared.

    added, changed : as they are now; removed : as they were
    """

    added: pa.Table
    changed: pa.Table
    removed: pa.Table

    @property
    def written(self) -> pa.Table:
        """What is new in the state."""
        return pa.concat_tables([self.added, self.changed])


def difference(before: pa.Table, after: pa.Table, key: Sequence[str], row: Sequence[str] = ()) -> Difference:
    """Compare all columns of ``after`` but those of the day.

    Parameters
    ----------
    before : rows in force with these keys, with all columns of after at least
    key : columns that what may change is known by
    row : columns that tell apart the rows of one key; a key has changed where any of its rows has
    """
    before = before.select(after.column_names)
    if not (before.num_rows and after.num_rows):
        return Difference(after, after.slice(after.num_rows), before)
    compared = [name for name in after.column_names if name not in (*key, *row, *_OF_THE_DAY)]
    by = ", ".join(f'"{name}"' for name in (*key, *row))
    differs = " OR ".join(f'n."{name}" IS DISTINCT FROM o."{name}"' for name in compared) or "false"
    keys = ", ".join(f'"{name}"' for name in key)
    query = f"""
        SELECT {keys}, bool_or(o.there IS NOT NULL) AS was, bool_or(n.there IS NOT NULL) AS is_there,
            bool_or(o.there IS NULL OR n.there IS NULL OR {differs}) AS differs
        FROM (SELECT *, 1 AS there FROM after) n FULL OUTER JOIN (SELECT *, 1 AS there FROM before) o USING ({by})
        GROUP BY {keys}
    """
    found = answer(query, before=before, after=after)
    was, now = found["was"], found["is_there"]
    changed = pc.and_(pc.and_(was, now), found["differs"])
    return Difference(
        _with_keys(after, found.filter(pc.and_(now, pc.invert(was))), key),
        _with_keys(after, found.filter(changed), key),
        _with_keys(before, found.filter(pc.and_(was, pc.invert(now))), key),
    )


def _with_keys(rows: pa.Table, keys: pa.Table, key: Sequence[str]) -> pa.Table:
    """The rows with one of some keys, in their order."""
    marks = keys.select(list(key)).append_column("_is_one", pa.repeat(pa.scalar(True), keys.num_rows))
    numbered = rows.select(list(key)).append_column("_row", pa.array(np.arange(rows.num_rows)))
    found = numbered.join(marks, list(key), join_type="inner")["_row"]
    return rows.take(found.combine_chunks().sort() if found.num_chunks else pa.array([], pa.int64()))


def published_decisions(found: Difference, before: pa.Table) -> pa.Table:
    """The decisions that a night publishes: those in force now, and of withdrawn doses the ids alone, each with what
    changed and the status before."""
    parts = []
    for change, rows in (("new", found.added), ("changed", found.changed), ("withdrawn", found.removed)):
        if change == "withdrawn":
            kept = ("dose_id", "subject_id", "claim_id")
            columns = [rows[f.name] if f.name in kept else pa.nulls(rows.num_rows, f.type) for f in rows.schema]
            rows = pa.table(columns, names=rows.column_names)
        parts.append(_told(rows, change, rows["dose_id"], before))
    schema = parts[0].schema
    return pa.concat_tables([part.cast(schema) for part in parts]).sort_by("dose_id")


def published_items(found: Difference, before: pa.Table, sort: Sequence[str]) -> pa.Table:
    """The items of a queue that a night opens, changes and closes, each with the status that its first dose had
    before."""
    parts = []
    for change, rows in (("opened", found.added), ("changed", found.changed), ("closed", found.removed)):
        doses = pc.list_element(rows["dose_ids"], 0) if rows.num_rows else pa.chunked_array([], pa.string())
        parts.append(_told(rows, change, doses, before))
    schema = parts[0].schema
    items = pa.concat_tables([part.cast(schema) for part in parts])
    return items.sort_by([(name, "ascending") for name in sort]).drop_columns(["claim"])


def _told(rows: pa.Table, change: str, doses: pa.ChunkedArray, before: pa.Table) -> pa.Table:
    """Rows with what became of them, and the status that a dose of each had before; null where it had none."""
    place = pc.index_in(doses.combine_chunks(), before["dose_id"].combine_chunks())
    rows = rows.append_column("change", pa.repeat(pa.scalar(change), rows.num_rows))
    return rows.append_column("status_before", before["status"].combine_chunks().take(place))
