"""The encoded columns of claims as a state keeps them, so that to look through all claims no dose is read again.

Of a name its syllables are kept, not their ids, so the rows hold for any index. A commune is kept by its id, which is
that of a place in the units; rows that were encoded with other units are not restored, but read again from their doses.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from linkage.encode.dictionaries import Columns, Dictionaries
from linkage.ingest.duplicates import hash_rows
from linkage.plan.sections import Plan
from linkage.published.decided import ReadDoses
from linkage.state.folder import State
from linkage.state.tables import ENCODED_CLAIMS

Keys = NDArray[np.uint64]

# Kinds of fields whose columns are numbers that any index reads alike, and those of which one is ids.
_NUMBERS = frozenset({"sex", "birth_date", "date", "person_number", "phone", "insurance_number", "ethnicity"})
_NAME, _COMMUNE = "vietnamese_name", "commune"
_UNITS = "units"  # the column of a hash of the units that a row was encoded with
_OWN = ("claim", "night", _UNITS)


def can_be_kept(plan: Plan) -> bool:
    """Whether the columns of claims of a plan can be restored: of words they cannot."""
    return {spec.kind for spec in plan.fields if spec.left} <= _NUMBERS | {_NAME, _COMMUNE}


def encoded_rows(read: ReadDoses, keys: Keys, plan: Plan, number: int) -> pa.Table | None:
    """Rows of the state for those of some claims that are read and compared; None where the plan's cannot be kept.

    keys : uint64[n] of claims; number : of the night
    """
    if not can_be_kept(plan):
        return None
    is_compared = read.doses.excluded[read.claims.first_dose] == 0
    at = np.flatnonzero(is_compared & np.isin(read.claims.keys, keys))
    columns = {name: column[at] for name, column in read.batch.columns.items()}
    for comparison in plan.comparisons:
        columns.pop(comparison.marks, None)  # goes by the registry
    rows: dict[str, Any] = {"claim": read.claims.keys[at], "night": np.full(at.size, number, np.int32)}
    rows[_UNITS] = np.full(at.size, units_key(read.batch.dictionaries), np.uint64)
    for spec in plan.fields:
        if spec.kind == _NAME and spec.left:
            rows |= _named(spec.name, columns.pop(spec.name), read.batch.dictionaries)
            del columns[f"{spec.name}.signature"]
    return pa.table(rows | columns)


def _named(name: str, ids: NDArray[np.generic], dictionaries: Dictionaries) -> dict[str, pa.Array]:
    """The syllables of names, place by place, null after the end."""
    texts = pa.array(dictionaries.syllables.syllables)
    places = (ids[:, place] for place in range(ids.shape[1]))
    return {
        f"{name}.{place}": texts.take(pa.array(column.astype(np.int64), mask=column == 0))
        for place, column in enumerate(places)
    }


def kept_rows(state: State, n_claims: int) -> Iterator[pa.Table]:
    """All rows, also those that others have taken the place of, about so many at a time."""
    waiting: list[pa.Table] = []
    for part in state.parts(ENCODED_CLAIMS):
        for rows in _groups(part):
            waiting.append(rows)
            if sum(each.num_rows for each in waiting) >= n_claims:
                yield pa.concat_tables(waiting)
                waiting = []
    if waiting:
        yield pa.concat_tables(waiting)


def _groups(part: pq.ParquetFile) -> Iterator[pa.Table]:
    for number in range(part.num_row_groups):
        yield part.read_row_group(number)


def restored(rows: pa.Table, plan: Plan, dictionaries: Dictionaries) -> tuple[Keys, Columns]:
    """The keys of claims and their encoded columns, from rows of the state; the dictionaries grow."""
    columns: Columns = {}
    names = {spec.name for spec in plan.fields if spec.kind == _NAME and spec.left}
    places = {f"{name}.{place}" for name in names for place in range(_n_places(rows, name))}
    for name in rows.column_names:
        if name not in places and name not in _OWN:
            columns[name] = rows[name].to_numpy()
    for spec in plan.fields:
        if spec.kind == _NAME and spec.left:
            columns |= _restored_name(spec.name, rows, dictionaries)
    return rows["claim"].to_numpy(), columns


def _n_places(rows: pa.Table, name: str) -> int:
    return sum(column.removeprefix(f"{name}.").isdecimal() for column in rows.column_names if column.startswith(name))


def _restored_name(name: str, rows: pa.Table, dictionaries: Dictionaries) -> Mapping[str, NDArray[np.generic]]:
    """The ids of names and their signatures. A name with a syllable that the dictionary has no place for is unknown."""
    encoded = [rows[f"{name}.{place}"].combine_chunks().dictionary_encode() for place in range(_n_places(rows, name))]
    texts = sorted({text for column in encoded for text in column.dictionary.to_pylist()})
    of_text = dict(zip(texts, dictionaries.syllables.ids(texts).tolist(), strict=True))
    ids = np.zeros((rows.num_rows, len(encoded)), np.uint16)
    is_unknown = np.zeros(rows.num_rows, np.bool_)
    for place, column in enumerate(encoded):
        of_code = np.array([0, *(of_text[text] for text in column.dictionary.to_pylist())], np.uint16)
        codes = pc.fill_null(column.indices, -1).to_numpy(zero_copy_only=False)
        ids[:, place] = of_code[codes + 1]
        is_unknown |= (codes >= 0) & (ids[:, place] == 0)
    ids[is_unknown] = 0
    return {name: ids, f"{name}.signature": dictionaries.syllables.signatures(ids)}


def units_key(dictionaries: Dictionaries) -> np.uint64:
    """A hash of what the places of doses are, by id."""
    places = dictionaries.units.doses
    texts = (places.code, places.name, places.district_code, places.district_name, places.province_name)
    every = hash_rows([pa.chunked_array([pc.fill_null(column, "\0")]) for column in texts])
    return np.uint64(int.from_bytes(hashlib.sha256(every.tobytes()).digest()[:8], "little"))


def are_of(rows: pa.Table, key: np.uint64) -> bool:
    """Whether all rows were encoded with the units of a key."""
    return bool((rows[_UNITS].to_numpy() == key).all())
