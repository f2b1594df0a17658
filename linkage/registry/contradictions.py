"""What changes state that cannot be so beside the rest of the registry: a number of identity that another person has, a
death before the birth, a day that is still to come. All of it is told, by person_id; which is right
nobody can know here.

The number counts as stated: who has it already may be the one to be corrected. A date of death before the birth is not
read, in a run either; a date of birth after the day as of which the registry is judged is unknown.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from blocking.parts import PartedColumn
from linkage.encode.columns import encode
from linkage.registry.count_kernels import ONE_GROUP, count_listed, slots_of
from linkage.registry.index import Index
from linkage.standardise.dates import (
    EARLIEST_YEAR,
    day_of,
    days,
    month_of,
    pack_date,
    pack_day,
    standardise_birth_dates,
    standardise_dates,
    stated_dates,
)
from linkage.standardise.placeholders import without_placeholders

BIRTH, DEATH = "date_of_birth", "date_of_death"
_SHOWN = 5
_CHUNK_ROWS = 1 << 20
_ANY_MONTH, _ANY_DAY = pack_date(0, 0xF, 0), pack_date(0, 0, 0x1F)
Rows = NDArray[np.int64]
Values = NDArray[np.uint64]


@dataclass(frozen=True)
class Contradiction:
    """People of whom the same cannot be so: ``name`` of it in the result, ``fault`` behind "3 people", person ids."""

    name: str
    fault: str
    people: Sequence[str]

    def note(self, file: str) -> str:
        """What the operator should know of them."""
        n, more = len(self.people), len(self.people) - _SHOWN
        shown = ", ".join(self.people[:_SHOWN]) + (f" and {more:,} more" if more > 0 else "")
        return f"{file}: {n:,} {'person' if n == 1 else 'people'} {self.fault}: {shown}; ask which is right"


def contradictions(
    rows: pa.Table, numbers: Rows, gone: Rows, index: Index, today: datetime.date
) -> Iterator[Contradiction]:
    """What cannot be so of the changed and new people of ``rows``, who have the numbers int64[n] in the index, -1 for
    new ones.

    gone : int64[k], rows of the index that are removed or changed by the same file
    index : as it was before; its latest date says which births are read
    today : by the machine's clock; only what is told depends on it
    """
    latest = index.dictionaries.latest_date
    soonest, unborn = min(today, latest), died_unborn(rows, latest)
    faults = {
        "number_of_another": (
            "with a number of identity that another person has too",
            _shares(rows, numbers, gone, index),
        ),
        "birth_to_come": (f"born after {soonest}", _are_after(rows, BIRTH, soonest)),
        "death_before_birth": ("who died before they were born: that date is not read", unborn),
        "death_unread": ("with a date of death that cannot be read", _is_unread(rows) & ~unborn),
        "death_to_come": (f"who died after {today}", _are_after(rows, DEATH, today)),
    }
    ids = rows.column(index.plan.right_id)
    for name, (fault, found) in faults.items():
        if found.any():
            yield Contradiction(name, fault, ids.filter(pa.array(found)).to_pylist())


def days_of_death(people: pa.Table, latest: datetime.date) -> NDArray[np.int32]:
    """The day on which each of ``people`` died, ordinals int32[n], -1 where it is not known or before the birth; births
    are possible up to ``latest``."""
    death = days(standardise_dates(people.column(DEATH).combine_chunks()))
    return np.where(died_unborn(people, latest), np.int32(-1), death)


def _is_before(birth: NDArray[np.uint32], death: NDArray[np.uint32]) -> NDArray[np.bool_]:
    """Whether packed dates of death are before those of birth at the latest that they can mean: bool[n]."""
    end = death | np.where(month_of(death) == 0, _ANY_MONTH, 0) | np.where(day_of(death) == 0, _ANY_DAY, 0)
    return np.asarray((birth > 0) & (death > 0) & (end < birth))


def died_unborn(people: pa.Table, latest: datetime.date) -> NDArray[np.bool_]:
    """Whether each of ``people`` is stated to have died before the birth: bool[n]; births are possible up to
    ``latest``."""
    if not {BIRTH, DEATH} <= set(people.column_names):
        return np.zeros(people.num_rows, np.bool_)
    dies = np.flatnonzero(people.column(DEATH).is_valid().to_numpy())
    few = people.select([BIRTH, DEATH]).take(pa.array(dies)).combine_chunks()
    birth = standardise_birth_dates(few.column(BIRTH), latest=latest)
    found = np.zeros(people.num_rows, np.bool_)
    found[dies] = _is_before(birth, standardise_dates(few.column(DEATH), first_year=EARLIEST_YEAR))
    return found


def _is_unread(rows: pa.Table) -> NDArray[np.bool_]:
    """Whether a date of death is stated that no calendar has, or that is none: bool[n]."""
    if DEATH not in rows.column_names:
        return np.zeros(rows.num_rows, np.bool_)
    stated = without_placeholders(rows.column(DEATH).combine_chunks())
    death = standardise_dates(stated)
    is_real = (death > 0) & ((day_of(death) == 0) | (days(death) > 0))
    return np.asarray(stated.is_valid().to_numpy(zero_copy_only=False) & ~is_real)


def _are_after(rows: pa.Table, name: str, day: datetime.date) -> NDArray[np.bool_]:
    """Whether a date is stated with its year and after a day: bool[n]."""
    if name not in rows.column_names:
        return np.zeros(rows.num_rows, np.bool_)
    return np.asarray(stated_dates(rows.column(name)) > pack_day(day))


def _shares(rows: pa.Table, numbers: Rows, gone: Rows, index: Index) -> NDArray[np.bool_]:
    """Whether a row gives a person a number of identity that somebody else has after the changes: bool[n]."""
    names = [spec.name for spec in index.plan.fields if spec.kind == "person_number" and spec.name in index.columns]
    encoded = encode(rows, index.plan, "right", index.dictionaries.copy())
    stated = [encoded[name].astype(np.uint64) for name in names]
    # Whoever has it in two fields has it once.
    given = [np.where(_is_one_of(now, stated[:n]), np.uint64(0), now) for n, now in enumerate(stated)]
    values, counts = np.unique(np.concatenate([np.zeros(1, np.uint64), *given]), return_counts=True)
    values, counts = values[1:], counts[1:]  # the first is 0, none
    counts += _bearers(values, [index.columns[name] for name in names], gone, index)
    found = np.zeros(rows.num_rows, np.bool_)
    old = np.flatnonzero(numbers >= 0)
    for name, now in zip(names, given, strict=True):
        is_new = now > 0
        is_new[old] &= now[old] != index.columns[name][numbers[old]]
        at = np.flatnonzero(is_new)
        found[at] |= counts[np.searchsorted(values, now[at])] > 1
    return found


def _is_one_of(values: Values, others: Sequence[Values]) -> NDArray[np.bool_]:
    return np.any([values == other for other in others], axis=0) if others else np.zeros(values.size, np.bool_)


def _bearers(values: Values, columns: Sequence[PartedColumn], gone: Rows, index: Index) -> NDArray[np.int64]:
    """How many people of the index, but for those ``gone``, have each of the distinct ``values`` in one of the
    columns: int64[v]."""
    total, slots = np.zeros((values.size, 1), np.int64), slots_of(values)
    lost = np.union1d(index.removed.rows.astype(np.int64), gone)
    for column in columns if values.size else ():
        for part in column.parts:
            for start in range(0, part.size, _CHUNK_ROWS):
                count_listed(part[start : start + _CHUNK_ROWS].astype(np.uint64), ONE_GROUP, values, slots, total)
        minus = np.zeros_like(total)
        count_listed(column[lost].astype(np.uint64), ONE_GROUP, values, slots, minus)
        total -= minus
    return np.asarray(total[:, 0])
