"""The day as of which dates are judged: a stated one, or the newest that the inputs support, never the machine's.

A date of birth after it is unknown, and of two-digit years the latest not after it is meant. A typing error in a year
must not set it for all others, so a date counts when others are near it or after it. How near is told by the dates
before it: where a year has ten of them, another one may come a year later; where a day has thousands, a month later.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from linkage.ingest.records import Records
from linkage.machine.clock import clock_notes
from linkage.plan.sections import Plan
from linkage.registry.persons import Persons
from linkage.standardise.dates import (
    UNIX_EPOCH_ORDINAL,
    day_of,
    last_day,
    month_of,
    pack_day,
    stated_dates,
    year_of,
)

# Where no input states a date with all digits of its year.
UNSTATED = datetime.date(2026, 12, 31)
# Days without a date after which the next one is no longer near: ten times as many as there are from one to the next
# among the last ones before it, of which e^-10 of all gaps are longer; within these bounds.
_GAPS, _AMONG = 10, 20
_LEAST_NEAR, _MOST_NEAR = 31, 5 * 365
_AT_ONCE = 1 << 20
_FEW_DATES, _FEW_SHARE = 20, 10_000  # of so many, one in so many may be an error


@dataclass(frozen=True)
class AsOf:
    """The day, and how many dates are stated after it."""

    date: datetime.date
    n_later: int = 0


def as_of(
    columns: Iterable[pa.Array | pa.ChunkedArray],
    stated: datetime.date | None = None,
    known: datetime.date | None = None,
    before: Sequence[NDArray[np.uint32]] = (),
    *,
    otherwise: datetime.date = UNSTATED,
) -> AsOf:
    """The day as of which some columns are judged: the stated one, or the newest date in them that is no error by
    itself.

    Parameters
    ----------
    columns : texts as typed, a column or a part of one each
    known : a day that is supported already, when they are changes of what was read before
    before : the dates that are there already then, packed uint32[n] each
    otherwise : the day where they hold none
    """
    days, counts = _counted(columns)
    newest = pack_day(stated) if stated is not None else _newest_supported(days, counts, known, before)
    date = last_day(int(newest)) if newest else otherwise
    return AsOf(date, int(counts[days > max(int(newest), int(pack_day(date)))].sum()))


def of_records(
    records: Records | Persons,
    plan: Plan,
    also: Sequence[str] = (),
    stated: datetime.date | None = None,
    known: datetime.date | None = None,
    before: Sequence[NDArray[np.uint32]] = (),
) -> AsOf:
    """The day as of which a plan's right side is judged; also: further columns of dates, where they are there."""
    names = [name for name in dict.fromkeys([*birth_columns(plan, "right"), *also]) if name in records.schema.names]
    columns = (column for chunk in records.chunks(names) for column in chunk.columns) if names else ()
    return as_of(columns, stated, known, before)


def of_tables(plan: Plan, tables: Mapping[str, pa.Table]) -> datetime.date:
    """The day as of which the dates of birth of both sides, by side, are judged."""
    return as_of(table.column(name) for side, table in tables.items() for name in birth_columns(plan, side)).date


def as_of_notes(found: AsOf, stated: datetime.date | None, whose: str, known: datetime.date | None = None) -> list[str]:
    """What an operator is to know of the day: that dates are after it, that it is far from the one before, ``known``,
    and that the machine's clock is before it."""
    why = "the day stated" if stated is not None else "the newest date that it supports; --as-of names another day"
    later = f"{whose}: {found.n_later:,} dates are after {found.date}, {why}; such dates of birth are read as unknown"
    told = [later] if found.n_later else []
    if known is not None and abs((found.date - known).days) > _LEAST_NEAR:
        told.append(f"{whose}: dates are judged as of {found.date} from now on, as of {known} before")
    return [*told, *clock_notes(found.date, whose)]


def birth_columns(plan: Plan, side: str) -> list[str]:
    """The input columns of a side that are read as dates of birth."""
    return [name for field in plan.fields if field.kind == "birth_date" for name in getattr(field, side)]


def _newest_supported(
    packed: NDArray[np.uint32],
    counts: NDArray[np.int64],
    known: datetime.date | None,
    before: Sequence[NDArray[np.uint32]],
) -> int:
    """The newest of the packed days, ascending, near or after which there are more than a few; 0 where there is none.

    before : columns of packed dates that ``known`` rests on; the newest of them tell how near another one is
    """
    n, floor = int(counts.sum()), 0
    few = max(1, n // _FEW_SHARE) if n >= _FEW_DATES or known is not None else 0
    if known is not None:
        floor = int(pack_day(known))
        is_new = packed > floor
        if not is_new.any():
            return floor
        there = np.append(_newest(before), np.uint32(floor))
        packed, counts = np.append(there, packed[is_new]), np.append(np.ones(there.size, np.int64), counts[is_new])
    stated = _days(packed)
    near = _near(stated, counts)
    later = np.append(np.cumsum(counts[::-1])[::-1], 0)  # on each day and after it
    enough = np.maximum(min(few, 1), few * near // _MOST_NEAR)
    is_supported = later[np.searchsorted(stated, stated - near)] > enough
    return max(int(packed[is_supported].max(initial=0)), floor)


def _near(stated: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many days before each of the ascending ordinals a date is still near it."""
    ends = np.cumsum(counts)
    n_before = ends - counts
    first = np.searchsorted(ends, np.maximum(n_before - _AMONG, 0), side="right")  # the day of the last but 19
    span = stated[np.maximum(np.arange(stated.size) - 1, 0)] - stated[np.minimum(first, stated.size - 1)]
    near = np.clip(_GAPS * span // _AMONG, _LEAST_NEAR, _MOST_NEAR)
    return np.where(n_before < _AMONG, _MOST_NEAR, near)


def _newest(columns: Sequence[NDArray[np.uint32]]) -> NDArray[np.uint32]:
    """The last dates of packed columns, ascending: at most _AMONG."""
    last = np.zeros(0, np.uint32)
    for column in columns:
        for start in range(0, column.size, _AT_ONCE):
            last = np.sort(np.append(last, column[start : start + _AT_ONCE]))[-_AMONG:]
    return last[last > 0]


def _days(packed: NDArray[np.uint32]) -> NDArray[np.int64]:
    """Ordinals of ascending packed days, ascending; of a month or a year alone the first."""
    year, month, day = (np.maximum(part(packed).astype(np.int64), 1) for part in (year_of, month_of, day_of))
    start = ((year - 1970) * 12 + month - 1).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    return np.maximum.accumulate(start + day - 1 + UNIX_EPOCH_ORDINAL)


def _counted(columns: Iterable[pa.Array | pa.ChunkedArray]) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """The packed dates that are stated, ascending, and how often each is."""
    days, counts = np.zeros(0, np.uint32), np.zeros(0, np.int64)
    for column in columns:
        packed = stated_dates(column)
        new, n_new = np.unique(packed[packed > 0], return_counts=True)
        days, place = np.unique(np.concatenate([days, new]), return_inverse=True)
        counts = np.bincount(place, np.concatenate([counts, n_new]), days.size).astype(np.int64)
    return days, counts
