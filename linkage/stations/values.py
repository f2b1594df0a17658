"""Values that belong to no person: one that a station states for everybody, and the value above dragged down.

Whose row it is, is told by the given name and the date of birth: two rows that differ in both are of two people.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, log2

import numpy as np
from numpy.typing import NDArray

from blocking.keys import mix
from linkage.encode import Columns
from linkage.stations.anchors import Counted
from linkage.stations.cells import Cells, Rows

# How the people who share a number thin out: another one shares it in half of the cases at most. Households with a
# phone have three or four members who are vaccinated; 2**-20 is one in a million.
_ANOTHER_SHARES = 0.5
_CHANCE = 0.01  # that any number of a batch without such an error looks like one


@dataclass(frozen=True)
class OneValue:
    """A value that a facility states for many people, of how many of whom it states any; rows: the records, ascending.

    probability: that a number of the batch is shared by so few only by chance.
    """

    facility: int
    n_people: int
    of: int
    probability: float
    rows: Rows


def one_value(
    values: NDArray[np.uint64], people: NDArray[np.uint64], facility: NDArray[np.int32], least_share: float
) -> list[OneValue]:
    """Numbers that a facility states for more people than a household has, and for a notable share of its people.

    Parameters
    ----------
    values : uint64[n_records], a number, 0 where none is stated
    people : uint64[n_records], a hash of whose record it is
    facility : int32[n_records], the number of each one's facility

    Under the rule that each further person shares a number with probability 1/2 at most, one of v numbers has n people
    with probability v / 2**(n - 1) at most; a value is told from where that is under 0.01.
    """
    stated = np.flatnonzero(values)
    keys = mix(values[stated] ^ mix(facility[stated].astype(np.uint64), 1))
    ordered = np.sort(keys)
    starts = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1])[: ordered.size])
    n_values, fewest = starts.size, fewest_people(starts.size)
    often = ordered[starts[np.diff(np.append(starts, ordered.size)) >= fewest]]
    if not often.size:
        return []
    place = np.minimum(np.searchsorted(often, keys), often.size - 1)
    is_often = often[place] == keys
    rows, place = stated[is_often], place[is_often]
    n_people = _n_distinct(place, people[rows], often.size)
    facility_of = np.empty(often.size, np.int32)
    facility_of[place] = facility[rows]
    concerned = np.isin(facility, facility_of[n_people >= fewest]) & (values != 0)
    of = _n_distinct(facility[concerned], people[concerned], int(facility.max()) + 1)[facility_of]
    told = np.flatnonzero((n_people >= fewest) & (n_people >= least_share * of))
    chance = np.minimum(1.0, n_values * _ANOTHER_SHARES ** (n_people - 1.0))
    found = [
        OneValue(int(facility_of[k]), int(n_people[k]), int(of[k]), 1.0 - float(chance[k]), rows[place == k])
        for k in told.tolist()
    ]
    # Not in the order of their hashes: by facility, the number of most people first.
    return sorted(found, key=lambda value: (value.facility, -value.n_people, int(values[value.rows[0]])))


def _n_distinct(groups: NDArray[np.integer], values: NDArray[np.uint64], n_groups: int) -> NDArray[np.int64]:
    """How many different values each group has: int64[n_groups]."""
    order = np.lexsort((values, groups))
    group, value = groups[order], values[order]
    is_new = np.append(True, (group[1:] != group[:-1]) | (value[1:] != value[:-1]))[: order.size]
    return np.bincount(group[is_new], minlength=n_groups)


def fewest_people(n_values: int) -> int:
    """From how many people on a number is shared by more than chance allows, among so many numbers."""
    return 1 + ceil(log2(max(1, n_values) / _CHANCE))


def filled_down(
    values: NDArray[np.generic], columns: Columns, subjects: NDArray[np.uint64], cells: Cells, *, is_birth: bool
) -> tuple[Counted, Rows]:
    """Neighbouring rows of two people of a cell that state a value, and those that state the same; the rows below of
    these.

    Parameters
    ----------
    values : [n_records], 0 where none is stated
    subjects : uint64[n_records], a hash of the platform's id of the subject, 0 where none is stated
    is_birth : whether the values are the dates of birth, which then do not tell two people apart: numbers do
    """
    order = np.argsort(cells.of_record, kind="stable")
    above, below = order[:-1], order[1:]
    given, apart = columns["full_name.given"], columns["id_number" if is_birth else "birth_date"]
    is_pair = (cells.of_record[above] == cells.of_record[below]) & (values[above] != 0) & (values[below] != 0)
    is_pair &= (given[above] != given[below]) & (given[above] != 0) & (given[below] != 0)
    is_pair &= apart[above] != apart[below]
    is_pair &= (subjects[above] != subjects[below]) | (subjects[below] == 0)
    above, below = above[is_pair], below[is_pair]
    repeated = below[values[above] == values[below]]
    return Counted(cells.count(repeated), cells.count(below)), repeated
