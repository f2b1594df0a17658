"""What a registry, or changes of one, state that cannot be so: a number of identity that another person has, a death
before the birth, a day that is still to come, a commune or a status that there is not. All of it is told, by person_id;
which is right nobody can know here.

The number counts as stated: who has it already may be the one to be corrected. A date of death before the birth is not
read, in a run either; a date of birth after the day as of which the registry is judged is unknown.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from msgspec import structs
from numpy.typing import NDArray

from blocking.parts import PartedColumn
from linkage.encode.columns import encode
from linkage.plan.sections import Plan
from linkage.registry.change_rows import ALIVE, DEATH, STATUS, read_statuses
from linkage.registry.count_kernels import ONE_GROUP, count_listed, slots_of
from linkage.registry.index import Index
from linkage.schema import PERSON_STATUSES
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

BIRTH = "date_of_birth"
_SHOWN = 5
_CHUNK_ROWS = 1 << 20
_NUMBERS_AT_ONCE = 1 << 24
_SPREAD = np.uint64(0x9E3779B97F4A7C15)  # so that numbers of one province are in all parts
_ANY_MONTH, _ANY_DAY = pack_date(0, 0xF, 0), pack_date(0, 0, 0x1F)
Rows = NDArray[np.int64]
Values = NDArray[np.uint64]
Masks = NDArray[np.bool_]


@dataclass(frozen=True)
class Contradiction:
    """n people of whom the same cannot be so: ``name`` of it in the result, ``fault`` behind "3 people", ids of the
    first."""

    name: str
    fault: str
    n: int
    first: Sequence[str]

    def note(self, file: str) -> str:
        """What the operator should know of them."""
        more = self.n - len(self.first)
        shown = ", ".join(self.first) + (f" and {more:,} more" if more > 0 else "")
        return f"{file}: {self.n:,} {'person' if self.n == 1 else 'people'} {self.fault}: {shown}; ask which is right"


def contradictions(
    rows: pa.Table, numbers: Rows, gone: Rows, index: Index, today: datetime.date
) -> Iterator[Contradiction]:
    """What cannot be so of the changed and new people of ``rows``, who have the numbers int64[n] in the index, -1 for
    new ones.

    gone : int64[k], rows of the index that are removed or changed by the same file
    index : as it was before; its latest date says which births are read
    today : by the machine's clock; only what is told depends on it
    """
    people = _People(index, today)
    people.look(rows, shares=_shares(rows, numbers, gone, index))
    return people.found()


def contradictions_within(index: Index, today: datetime.date) -> Iterator[Contradiction]:
    """What cannot be so of the people of an index without changes."""
    people, shares, start = _People(index, today), _share_within(index), 0
    asked = dict.fromkeys((index.plan.right_id, BIRTH, DEATH, STATUS, *people.communes))
    named = [name for name in asked if name in index.persons.schema.names]
    for rows in index.persons.chunks(named):
        people.look(rows, shares=shares[start : start + rows.num_rows])
        start += rows.num_rows
    return people.found()


class _People:
    """Counts people of whom something cannot be so, with the ids of the first."""

    def __init__(self, index: Index, today: datetime.date) -> None:
        self._id, self._latest, self._today = index.plan.right_id, index.dictionaries.latest_date, today
        self._soonest = min(today, self._latest)
        faults = {
            "number_of_another": "with a number of identity that another person has too",
            "birth_to_come": f"born after {self._soonest}",
            "death_before_birth": "who died before they were born: that date is not read",
            "death_unread": "with a date of death that cannot be read",
            "death_to_come": f"who died after {today}",
            "death_of_living": "with a date of death, which counts, beside the status alive",
            "commune_unknown": "with the code of a commune that the units do not have",
            "status_unknown": f"with a status that is none of {', '.join(PERSON_STATUSES)}",
        }
        self.communes, self._dictionaries = _commune_fields(index), index.dictionaries
        self._found = {name: Contradiction(name, fault, 0, ()) for name, fault in faults.items()}

    def look(self, rows: pa.Table, *, shares: Masks) -> None:
        """Count further people; shares: bool[n], whose number another one has."""
        unborn = died_unborn(rows, self._latest)
        self._add("number_of_another", shares, rows)
        self._add("birth_to_come", _are_after(rows, BIRTH, self._soonest), rows)
        self._add("death_before_birth", unborn, rows)
        self._add("death_unread", _is_unread(rows) & ~unborn, rows)
        self._add("death_to_come", _are_after(rows, DEATH, self._today), rows)
        self._add("death_of_living", _are_alive_and_dead(rows), rows)
        self._add("commune_unknown", self._are_of_no_unit(rows), rows)
        self._add("status_unknown", _are_of_no_status(rows), rows)

    def found(self) -> Iterator[Contradiction]:
        """What there is any of."""
        return (found for found in self._found.values() if found.n)

    def _are_of_no_unit(self, rows: pa.Table) -> Masks:
        """Whether a row states the code of a commune that is not read: bool[n]."""
        found = np.zeros(rows.num_rows, np.bool_)
        for name, plan in self.communes.items():
            if name in rows.column_names:
                codes = without_placeholders(rows.column(name).combine_chunks()).dictionary_encode()
                ids = encode(pa.table({name: codes.dictionary}), plan, "right", self._dictionaries)
                is_unknown = pa.array(ids[plan.fields[0].name] == 0).take(codes.indices)
                found |= pc.fill_null(is_unknown, False).to_numpy(zero_copy_only=False)
        return found

    def _add(self, name: str, is_so: Masks, rows: pa.Table) -> None:
        places, before = np.flatnonzero(is_so), self._found[name]
        if places.size:
            first = rows.column(self._id).take(pa.array(places[: _SHOWN - len(before.first)])).to_pylist()
            self._found[name] = replace(before, n=before.n + places.size, first=(*before.first, *first))


def _commune_fields(index: Index) -> dict[str, Plan]:
    """The columns that hold a code of the units, each with a plan of its field alone; none where there are no units."""
    if not (index.folder / "units").is_dir():
        return {}
    fields = [field for field in index.plan.fields if field.kind == "commune" and field.right and len(field.right) == 1]
    return {field.right[0]: structs.replace(index.plan, fields=[field]) for field in fields}


def _are_of_no_status(rows: pa.Table) -> Masks:
    """Whether a status is stated that is not known, or that takes out who is in the registry: bool[n]."""
    if STATUS not in rows.column_names:
        return np.zeros(rows.num_rows, np.bool_)
    known = pc.is_in(read_statuses(rows.column(STATUS)), pa.array([*PERSON_STATUSES, ""]))
    return np.asarray(pc.invert(known).to_numpy(zero_copy_only=False))


def _are_alive_and_dead(rows: pa.Table) -> Masks:
    """Whether a row states both that a person is alive and a date of death that can be read: bool[n]."""
    found = np.zeros(rows.num_rows, np.bool_)
    if {STATUS, DEATH} <= set(rows.column_names):
        dies = np.flatnonzero(rows.column(DEATH).is_valid().to_numpy())
        few = rows.select([STATUS, DEATH]).take(pa.array(dies)).combine_chunks()
        is_alive = pc.equal(read_statuses(few.column(STATUS)), ALIVE)
        found[dies] = pc.fill_null(is_alive, False).to_numpy(zero_copy_only=False)
        found[dies] &= standardise_dates(few.column(DEATH)) > 0
    return found


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


def _share_within(index: Index) -> Masks:
    """Whether each person of an index without changes has a number of identity that somebody else has: bool[n]. Some
    of the numbers are sorted at a time, by a hash of them."""
    columns = [column.large for column in _number_columns(index)]
    found = np.zeros(index.n_persons, np.bool_)
    n_parts = 1 + index.n_persons * len(columns) // _NUMBERS_AT_ONCE
    for part in range(n_parts):
        places, values = _numbers_of(columns, part, n_parts)
        order = np.argsort(values, kind="stable")
        same = np.flatnonzero(values[order[1:]] == values[order[:-1]])
        found[places[order[same]]] = found[places[order[same + 1]]] = True
    return found


def _numbers_of(columns: Sequence[NDArray[np.unsignedinteger]], part: int, n_parts: int) -> tuple[Rows, Values]:
    """The numbers that fall into one of some parts, and whose they are; whoever has one in two fields has it once."""
    places, values = [np.zeros(0, np.int64)], [np.zeros(0, np.uint64)]
    for start in range(0, columns[0].size if columns else 0, _CHUNK_ROWS):
        chunks = [column[start : start + _CHUNK_ROWS].astype(np.uint64) for column in columns]
        for number, chunk in enumerate(chunks):
            is_here = (chunk > 0) & ((chunk * _SPREAD >> np.uint64(32)) % np.uint64(n_parts) == part)
            rows = np.flatnonzero(is_here & ~_is_one_of(chunk, chunks[:number]))
            places.append(start + rows)
            values.append(chunk[rows])
    return np.concatenate(places), np.concatenate(values)


def _number_columns(index: Index) -> list[PartedColumn]:
    """The columns of an index that hold numbers of identity."""
    names = [spec.name for spec in index.plan.fields if spec.kind == "person_number" and spec.name in index.columns]
    return [index.columns[name] for name in names]


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
