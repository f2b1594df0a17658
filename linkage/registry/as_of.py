"""The day as of which dates are judged: a stated one, or the newest that the inputs support, never the machine's.

A date of birth after it is unknown, and of two-digit years the latest not after it is meant. A typing error in a year
must not set it for all others, so a date counts when others are near it or after it.
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
from linkage.standardise.dates import YEAR_SHIFT, last_day, pack_day, stated_dates

# Where no input states a date with all digits of its year.
UNSTATED = datetime.date(2026, 12, 31)
_NEAR = 5 << YEAR_SHIFT  # as packed dates differ
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
    *,
    otherwise: datetime.date = UNSTATED,
) -> AsOf:
    """The day as of which some columns are judged: the stated one, or the newest date in them that is no error by
    itself.

    Parameters
    ----------
    columns : texts as typed, a column or a part of one each
    known : a day that is supported already, when they are changes of what was read before
    otherwise : the day where they hold none
    """
    days, counts = _counted(columns)
    newest = pack_day(stated) if stated is not None else _newest_supported(days, counts, known)
    date = last_day(int(newest)) if newest else otherwise
    return AsOf(date, int(counts[days > max(int(newest), int(pack_day(date)))].sum()))


def of_records(
    records: Records | Persons,
    plan: Plan,
    also: Sequence[str] = (),
    stated: datetime.date | None = None,
    known: datetime.date | None = None,
) -> AsOf:
    """The day as of which a plan's right side is judged; also: further columns of dates, where they are there."""
    names = [name for name in dict.fromkeys([*birth_columns(plan, "right"), *also]) if name in records.schema.names]
    columns = (column for chunk in records.chunks(names) for column in chunk.columns) if names else ()
    return as_of(columns, stated, known)


def of_tables(plan: Plan, tables: Mapping[str, pa.Table]) -> datetime.date:
    """The day as of which the dates of birth of both sides, by side, are judged."""
    return as_of(table.column(name) for side, table in tables.items() for name in birth_columns(plan, side)).date


def as_of_notes(found: AsOf, stated: datetime.date | None, whose: str) -> list[str]:
    """What an operator is to know of the day: that dates are after it, and that the machine's clock is before it."""
    why = "the day stated" if stated is not None else "the newest date that it supports; --as-of names another day"
    later = f"{whose}: {found.n_later:,} dates are after {found.date}, {why}; such dates of birth are read as unknown"
    return [*([later] if found.n_later else []), *clock_notes(found.date, whose)]


def birth_columns(plan: Plan, side: str) -> list[str]:
    """The input columns of a side that are read as dates of birth."""
    return [name for field in plan.fields if field.kind == "birth_date" for name in getattr(field, side)]


def _newest_supported(days: NDArray[np.uint32], counts: NDArray[np.int64], known: datetime.date | None) -> int:
    """The newest of the packed days near or after which there are more than a few; 0 where there is none."""
    n, floor = int(counts.sum()), 0 if known is None else int(pack_day(known))
    few = max(1, n // _FEW_SHARE) if n >= _FEW_DATES else 0
    later = np.append(n - np.cumsum(counts) + counts, 0)  # on each day and after it
    is_supported = later[np.searchsorted(days, np.maximum(days, _NEAR) - _NEAR)] > few
    if known is not None:
        is_supported = days <= floor + _NEAR
    return max(int(days[is_supported].max(initial=0)), floor)


def _counted(columns: Iterable[pa.Array | pa.ChunkedArray]) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """The packed dates that are stated, ascending, and how often each is."""
    days, counts = np.zeros(0, np.uint32), np.zeros(0, np.int64)
    for column in columns:
        packed = stated_dates(column)
        new, n_new = np.unique(packed[packed > 0], return_counts=True)
        days, place = np.unique(np.concatenate([days, new]), return_inverse=True)
        counts = np.bincount(place, np.concatenate([counts, n_new]), days.size).astype(np.int64)
    return days, counts
