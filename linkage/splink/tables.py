"""The tables that Splink reads beside exported settings: both sides standardised, and our term frequencies.

Splink compares columns as they are, so what the conditions are about must stand in columns: words as they are compared
(lower case, NFKC), dates as YYYY-MM-DD with 00 for what is not stated, numbers of digits as digits, hashes of names. A
missing value is null. Both tables have the same columns, and ``unique_id``. Splink takes the first of two tables by
name as the left one: register them under display names in the order of A_LEFT and B_RIGHT.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from linkage.encode.dictionaries import Columns, Dictionaries
from linkage.encode.keys import key_part
from linkage.plan.kinds import MANY_WORDS
from linkage.plan.sections import Field, Plan
from linkage.registry.frequencies import Frequencies
from linkage.splink.conditions import column
from linkage.standardise import dates
from linkage.standardise.digits import unpack_digits

UNIQUE_ID = "unique_id"
A_LEFT, B_RIGHT = "a_left", "b_right"


def standardised_table(
    ids: pa.ChunkedArray, side: str, columns: Columns, plan: Plan, dictionaries: Dictionaries
) -> pa.Table:
    """One side ("left" or "right") as Splink reads it; a field that the side lacks is null throughout.

    Parameters
    ----------
    ids : string[n], becomes unique_id
    columns : encoded columns of the side, in the order of ids
    dictionaries : those of both sides
    """
    written = {UNIQUE_ID: ids.combine_chunks()}
    for name, field in _columns_of(plan).items():
        values: NDArray[np.generic]
        if name not in columns:
            values = np.zeros(len(ids), np.uint64)
        elif field.kind == "commune" and side == "left":
            values = _registry_commune(name, columns, plan, dictionaries)
        else:
            values = columns[name]
        written[column(name)] = _values(values, field, dictionaries)
    return pa.table(written)


def frequency_table(
    name: str, counted: Frequencies, share_with_value: float, plan: Plan, dictionaries: Dictionaries
) -> pa.Table:
    """Share of every value of a column in the registry, as ``register_term_frequency_lookup`` takes it.

    share_with_value : the share of people who have the value where lacking it is a level, else 1
    """
    shares = share_with_value * counted.counts[:, 0] / max(1, int(counted.counts[:, 0].sum(dtype=np.int64)))
    values = _values(counted.values, _columns_of(plan)[name], dictionaries)
    return pa.table({column(name): values, f"tf_{column(name)}": shares})


def plain_columns(plan: Plan) -> frozenset[str]:
    """Encoded columns that are written as they are: those on which a blocking rule can say "equal"."""
    return frozenset(name for name, field in _columns_of(plan).items() if field.kind != "commune")


def _columns_of(plan: Plan) -> dict[str, Field]:
    """The columns written, each with its field: those of one value a record."""
    names: dict[str, Field] = {}
    for field in plan.fields:
        if field.kind in (*MANY_WORDS, "coordinates"):  # no comparison of these can be written
            continue
        aspects = (".key", ".plain", ".given") if field.kind == "vietnamese_name" else ("",)
        names |= {f"{field.name}{aspect}": field for aspect in aspects}
    return names


def _registry_commune(name: str, columns: Columns, plan: Plan, dictionaries: Dictionaries) -> NDArray[np.uint64]:
    """The registry's commune that a stated one became; 0 where it is not known or became several."""
    parts = key_part(name, "left", columns, plan, dictionaries)
    first = parts if parts.ndim == 1 else parts[:, 0]
    is_single = np.ones(first.size, np.bool_) if parts.ndim == 1 else np.count_nonzero(parts, axis=1) == 1
    return np.where(is_single, first, np.uint64(0))


def _values(values: NDArray[np.generic], field: Field, dictionaries: Dictionaries) -> pa.Array:
    """An encoded column as Splink reads it; word 0, NaN and the other missing values are null."""
    if field.kind in ("text", "category"):
        words = pa.array(dictionaries.words.get(field.name, [""]), pa.string())
        return words.take(pa.array(values.astype(np.int64), mask=values == 0))
    if field.kind == "number":
        numbers = values.astype(np.float64) if values.dtype.kind == "f" else np.full(values.size, np.nan)
        return pa.array(numbers, from_pandas=True)
    if field.kind in ("date", "birth_date"):
        return _iso(values.astype(np.uint32))
    if field.kind in ("phone", "insurance_number", "person_number"):
        return unpack_digits(values.astype(np.uint64))
    return pa.array(values.astype(np.uint64), mask=values == 0)


def _iso(packed: NDArray[np.uint32]) -> pa.Array:
    """YYYY-MM-DD of packed dates, worked out for each distinct one."""
    distinct = pa.array(packed).dictionary_encode()
    days = distinct.dictionary.to_numpy()
    parts = zip(dates.year_of(days).tolist(), dates.month_of(days).tolist(), dates.day_of(days).tolist(), strict=True)
    texts = [f"{year:04d}-{month:02d}-{day:02d}" if year else None for year, month, day in parts]
    return pa.array(texts, pa.string()).take(distinct.indices)
