"""Doses whose person is known by a number and the name: what they state as sex and date of birth shows the station.

Any number does, for there are stations that state no personal numbers: of the people who hold it, one has the name.

Of each cell a few are enough, so a batch of any size costs some dozen look-ups a station.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from linkage.encode.dictionaries import Columns, Dictionaries
from linkage.machine.parts import parts_of
from linkage.plan.kinds import NUMBERS
from linkage.plan.sections import Pass, Plan, Verified
from linkage.registry.index import Index
from linkage.scoring.exact_agreement import find_by_number
from linkage.standardise import dates
from linkage.standardise.categories import FEMALE, MALE, SEX_UNKNOWN
from linkage.stations.cells import Cells, Rows

ANCHORS = 48  # a cell: enough to tell nine in ten from a half


@dataclass(frozen=True)
class Counted:
    """Of each cell the doses that could show an error, and those that do: int64[n_cells]."""

    hits: NDArray[np.int64]
    trials: NDArray[np.int64]


def inverted_sex(columns: Columns, cells: Cells, dictionaries: Dictionaries, index: Index) -> Counted:
    """Doses that state a sex, and those whose person has the other one."""
    sex = index.plan.field_as("sex").name
    rows, persons = _anchored(columns[sex] != SEX_UNKNOWN, columns, cells, dictionaries, index)
    stated, registered = columns[sex][rows], index.columns[sex][persons]
    is_known = registered != SEX_UNKNOWN
    return Counted(cells.count(rows[is_known & (stated != registered)]), cells.count(rows[is_known]))


def swapped_day_and_month(columns: Columns, cells: Cells, dictionaries: Dictionaries, index: Index) -> Counted:
    """Doses whose person has the date of birth that they state, or that with day and month exchanged, where the two
    differ; and those of the exchanged one."""
    birth = index.plan.field_as("birth").name
    stated = columns[birth].astype(np.uint32)
    rows, persons = _anchored(is_exchangeable(stated), columns, cells, dictionaries, index)
    registered = index.columns[birth][persons].astype(np.uint32)
    is_swapped = exchanged(stated[rows]) == registered
    is_told = is_swapped | (stated[rows] == registered)
    return Counted(cells.count(rows[is_swapped]), cells.count(rows[is_told]))


def is_exchangeable(birth: NDArray[np.uint32]) -> NDArray[np.bool_]:
    """Whether day and month can be exchanged, and make another date: bool[n]."""
    month, day = dates.month_of(birth), dates.day_of(birth)
    return np.asarray((month > 0) & (day > 0) & (day <= 12) & (day != month))


def is_vague(birth: NDArray[np.uint32]) -> NDArray[np.bool_]:
    """Whether the day of birth is not known, or is the 1 January that stands for it: bool[n]."""
    return np.asarray((dates.day_of(birth) == 0) | (birth & 0x1FF == 1 << dates.MONTH_SHIFT | 1))


def exchanged(birth: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Dates with day and month exchanged; one of which that makes no sense is not asked for."""
    return dates.pack_date(dates.year_of(birth), dates.day_of(birth), dates.month_of(birth))


def other_sex(sex: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Male for female and female for male, unknown as it is."""
    return np.where(sex == SEX_UNKNOWN, SEX_UNKNOWN, MALE + FEMALE - sex).astype(np.uint8)


def _anchored(
    is_asked: NDArray[np.bool_],
    columns: Columns,
    cells: Cells,
    dictionaries: Dictionaries,
    index: Index,
) -> tuple[Rows, Rows]:
    """Some records of each cell among those asked for, and the row of the person of each."""
    numbers = [columns[rule.left[0]] != 0 for rule in _by_number(index.plan)]
    is_named = np.any(numbers, axis=0) & (columns[f"{index.plan.field_as('name').name}.plain"] != 0)
    chosen = cells.sample(is_asked & is_named, ANCHORS)
    passes = [rule.name for rule in _by_number(index.plan)]
    persons = _owners(chosen, passes, columns, dictionaries, index)
    is_found = persons >= 0
    return chosen[is_found], persons[is_found]


def owners(
    rows: Rows, numbers: Sequence[str], columns: Columns, dictionaries: Dictionaries, index: Index
) -> NDArray[np.int64]:
    """The row of the one person who has one of these numbers and the name that each of some records states, -1 for
    none."""
    passes = [rule.name for rule in _by_number(index.plan) if rule.left[0] in numbers]
    return _owners(rows, passes, columns, dictionaries, index)


def agree_exactly(rows: Rows, columns: Columns, dictionaries: Dictionaries, index: Index) -> NDArray[np.bool_]:
    """Whether each of some records agrees with one person as the plan's exact agreement asks: bool[n]. Whatever its
    station does, such a record is right."""
    agree = np.zeros(rows.size, np.bool_)
    if index.plan.verified is not None:
        for part in parts_of(rows.size):
            left = {name: column[rows[part]] for name, column in columns.items()}
            agree[part] = find_by_number(left, dictionaries, index, index.plan.verified) >= 0
    return agree


def number_fields(plan: Plan) -> list[str]:
    """The fields of a number that doses state: personal, of a phone, of an insurance card."""
    return [field.name for field in plan.fields if field.kind in NUMBERS and field.left]


def _by_number(plan: Plan) -> list[Pass]:
    """The passes that find the holders of such a number."""
    return [rule for rule in plan.passes if rule.left[0] in number_fields(plan) and len(rule.left) == 1]


def _owners(rows: Rows, passes: list[str], columns: Columns, dictionaries: Dictionaries, index: Index) -> Rows:
    """The one person of the passes who has the same name, diacritics aside."""
    of_names = f"{index.plan.field_as('name').name}."
    rule = Verified(passes=passes, equal=[f"{of_names}plain"])
    names = [name for name in columns if name in number_fields(index.plan) or name.startswith(of_names)]
    persons = np.empty(rows.size, np.int64)
    for part in parts_of(rows.size):
        left = {name: columns[name][rows[part]] for name in names}
        persons[part] = find_by_number(left, dictionaries, index, rule)
    return persons
