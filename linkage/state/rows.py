"""The rows of a state that are in force, of all keys or of some."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from linkage.state.folder import State
from linkage.state.tables import (
    CLAIMS_OF_PERSONS,
    CLAIMS_OF_SUBJECTS,
    CLAIMS_TO_FIND,
    DOSE_VERSIONS,
    DOSES_OF_CLAIMS,
    WITHDRAWN,
    StateTable,
)

Keys = NDArray[np.uint64]


def rows_in_force(
    state: State,
    table: StateTable,
    keys: pa.Array | NDArray[Any] | None = None,
    *,
    columns: list[str] | None = None,
) -> pa.Table:
    """The last row of each key, or the rows that stand together as the last, in the order of the table; those that are
    gone are left out.

    keys : values of the table's first or last key column, None for all
    columns : None for all
    """
    found = in_force(versions_of(state, table, keys, columns=columns), table)
    return found.sort_by([(name, "ascending") for name in table.sort])


def in_force(rows: pa.Table, table: StateTable) -> pa.Table:
    """Of all rows of some keys those that are in force."""
    found = rows.filter(pa.array(are_last(rows, table)))
    return found.filter(pc.invert(found["is_gone"])) if "is_gone" in table.schema.names else found


def versions_of(
    state: State,
    table: StateTable,
    keys: pa.Array | NDArray[Any] | None = None,
    *,
    by: str | None = None,
    columns: list[str] | None = None,
) -> pa.Table:
    """All rows of some keys, also those that others have taken the place of; parameters as of `rows_in_force`.

    by : the column that the keys are of; the last of the table's key when not given
    """
    by = by or table.key[-1]
    needed = None
    if columns is not None:
        own = [*table.key, *([table.order] if table.order else []), *table.sort]
        own += ["is_gone"] if "is_gone" in table.schema.names else []
        needed = list(dict.fromkeys([*columns, *own, by]))
    wanted = None if keys is None else _ascending(pa.array(keys))
    parts = []
    for file in state.parts(table):
        if wanted is None:
            parts.append(file.read(needed))
            continue
        for number, within in _groups_to_read(file, by, wanted) if len(wanted) else ():
            asked = pc.is_in(file.read_row_group(number, [by]).column(0), within)
            if pc.any(asked).as_py():
                parts.append(file.read_row_group(number, needed).filter(asked))
    empty = table.schema.empty_table()
    empty = empty if needed is None else empty.select(needed)
    # Queues have columns of the plan's comparisons, which an empty table here does not know.
    return pa.concat_tables(parts).combine_chunks() if parts else empty


def _ascending(keys: pa.Array) -> pa.Array:
    """Each of some values once, without null, ascending."""
    values = keys.drop_null().unique()
    return values.take(pc.sort_indices(values))


def written_between(state: State, table: StateTable, first: int, last: int) -> pa.Array:
    """The keys, distinct, of the rows that nights after ``first`` wrote, up to ``last``: of the table's last key
    column."""
    name = table.key[-1]
    parts = [part["name"] for part in state.manifest["parts"] if int(part["name"]) > first]
    found = [pa.chunked_array([], table.schema.field(name).type)]
    for file in state.parts(table, parts):
        rows = file.read([name, "night"])
        night = rows["night"]
        found.append(rows[name].filter(pc.and_(pc.greater(night, first), pc.less_equal(night, last))))
    return pa.chunked_array([chunk for column in found for chunk in column.chunks], found[0].type).unique()


def _groups_to_read(file: pq.ParquetFile, by: str, wanted: pa.Array) -> Iterator[tuple[int, pa.Array]]:
    """The row groups of a part that may hold one of some values of a column, ascending and distinct, each with the
    values that lie within its bounds: of many values few lie in one group, and these are looked for in it. Of columns
    but the first that a part is sorted by no bounds are kept."""
    place = file.schema_arrow.get_field_index(by)  # of columns before it none is a list, which has several of the file
    places = range(len(wanted))
    for number in range(file.num_row_groups):
        known = file.metadata.row_group(number).column(place).statistics
        if known is None or not known.has_min_max:
            yield number, wanted
            continue
        first = bisect_left(places, known.min, key=lambda nth: wanted[nth].as_py())
        last = bisect_right(places, known.max, lo=first, key=lambda nth: wanted[nth].as_py())
        if first < last:
            yield number, wanted.slice(first, last - first)


def are_last(rows: pa.Table, table: StateTable) -> NDArray[np.bool_]:
    """Which rows no later row of their key has taken the place of."""
    if table.order is None or not rows.num_rows:
        return np.ones(rows.num_rows, np.bool_)
    key = np.zeros(rows.num_rows, np.int64)
    for name in table.key:
        codes = rows[name].combine_chunks().dictionary_encode().indices.to_numpy(zero_copy_only=False)
        _, key = np.unique(key * (int(codes.max()) + 1) + codes, return_inverse=True)
    order = rows[table.order].to_numpy()
    last = np.full(int(key.max()) + 1, -1, order.dtype)
    np.maximum.at(last, key, order)
    return np.asarray(order == last[key])


def doses_of_claims(state: State, claims: Keys) -> pa.Table:
    """The doses in force of some claims, by the keys of these, as they were accepted."""
    now = rows_in_force(state, DOSE_VERSIONS, doses_ever_of(state, claims))
    is_asked = pc.is_in(now["claim"], pa.array(claims))
    return now.filter(pc.and_(is_asked, pc.not_equal(now["what"], WITHDRAWN)))


def versions_with(state: State, claim_ids: pa.Array, keys: Keys, columns: list[str] | None = None) -> pa.Table:
    """All versions of doses that make, or once made, some claims as typed; keys: the hashes of claim_ids."""
    claims = claims_found_by(state, keys)
    ever = versions_of(state, DOSE_VERSIONS, doses_ever_of(state, claims), columns=columns)
    return ever.filter(pc.is_in(ever["claim_id"], claim_ids))


def doses_ever_of(state: State, claims: Keys) -> pa.Array:
    """Doses that make, or once made, some claims: ids, distinct."""
    found = versions_of(state, DOSES_OF_CLAIMS, claims, by="claim", columns=["dose_id"])
    return found["dose_id"].combine_chunks().unique()


def claims_found_by(state: State, keys: Keys) -> Keys:
    """Claims that may have one of some keys of what is looked for: uint64[n], distinct."""
    return np.unique(versions_of(state, CLAIMS_TO_FIND, keys, by="key")["claim"].to_numpy())


def claims_of_persons(state: State, persons: Keys, kinds: int) -> Keys:
    """Claims that may be of one of some kinds for one of some persons: uint64[n], distinct."""
    found = versions_of(state, CLAIMS_OF_PERSONS, persons, by="person")
    is_kind = found["kinds"].to_numpy() & np.uint8(kinds) > 0
    return np.unique(found["claim"].to_numpy()[is_kind])


def claims_of_subjects(state: State, subjects: Keys) -> Keys:
    """Claims that some subjects may have made: uint64[n], distinct."""
    return np.unique(versions_of(state, CLAIMS_OF_SUBJECTS, subjects, by="subject")["claim"].to_numpy())
